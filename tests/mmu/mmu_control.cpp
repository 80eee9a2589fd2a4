// Privileged instructions: what they refuse, what they invalidate and what they leave. SDM Vol. 3A 4.10.4.1.
#include "tests/mmu/machine.h"

#include <catch2/catch.hpp>

using namespace mmu;

namespace {

using Cr = ControlRegisters;
constexpr VirtAddr kAddress{0x7f12'3456'7000};
constexpr VirtAddr kGlobal{0x7f12'3456'8000};
const Fault kGp{Vector::kGeneralProtection, 0, VirtAddr{}};

/// Two pages, the second global, seen from PCIDs 1 and 2 with the same tables.
struct TwoSpaces : Machine {
    TwoSpaces() {
        set_cr4(Cr::kCr4Pcide);
        tables.map(kAddress, PhysAddr{0x1000});
        tables.map(kGlobal, PhysAddr{0x2000}, PageSize::k4K, TableBuilder::kUserPage | Pte::kGlobal);
        warm();
    }
    void enter(u64 pcid) { REQUIRE(mmu.load_cr3(tables.root().value | pcid | Cr::kCr3NoFlush)); }
    /// Leaves both spaces' pages cached, with the way to them, and PCID 1 current.
    void warm() {
        mmu.flush_all();
        for (const u64 pcid : {2, 1}) {
            enter(pcid);
            REQUIRE(load(kAddress));
            REQUIRE(load(kGlobal));
        }
    }
    bool cached(VirtAddr address, u16 pcid) {
        return mmu.tlb().peek(RefKind::kLoad, address, pcid).level != TlbHierarchy::Level::kMiss;
    }
    /// Which of (page in 1, page in 2, global page) are cached.
    std::array<bool, 3> left() { return {cached(kAddress, 1), cached(kAddress, 2), cached(kGlobal, 3)}; }
    std::array<bool, 2> walks_left() {
        const WalkCacheLevel& pdes = mmu.walk_cache().level(2);
        return {pdes.peek(kAddress, 1) != nullptr, pdes.peek(kAddress, 2) != nullptr};
    }
    u64 count(FlushCause cause) { return mmu.stats().flushes[static_cast<unsigned>(cause)]; }
};

using Left = std::array<bool, 3>;
using WalksLeft = std::array<bool, 2>;

}  // namespace

TEST_CASE("INVLPG: the page in the current PCID and global entries in any; nothing of other PCIDs (33)") {
    TwoSpaces spaces;
    spaces.mmu.invlpg(kAddress + 0xfff);
    REQUIRE(spaces.left() == Left{false, true, true});
    spaces.enter(2);
    spaces.mmu.invlpg(kGlobal);
    REQUIRE(spaces.left() == Left{false, true, false});
    REQUIRE(spaces.count(FlushCause::kInvlpg) == 2);
}

TEST_CASE("INVLPG: any address of a large page removes all of it (26)") {
    const PageSize size = GENERATE(PageSize::k2M, PageSize::k1G);
    const char* const preset = GENERATE("skylake-sp", "zen4");
    Machine machine(find_preset(preset).value());
    machine.tables.map(kAddress, PhysAddr{0}, size);
    const VirtAddr base = kAddress.page_base(size);
    for (unsigned piece = 0; piece < 20; ++piece) REQUIRE(machine.load(base + piece * u64{0x13000}));
    machine.tables.write(kAddress, TableBuilder::leaf_level(size), Pte{});
    machine.mmu.invlpg(base + bytes_of(size) - 1);
    for (unsigned piece = 0; piece < 20; ++piece) REQUIRE_FALSE(machine.load(base + piece * u64{0x13000}));
}

TEST_CASE("INVLPG: an operand that is not canonical does nothing (3)") {
    TwoSpaces spaces;
    spaces.mmu.invlpg(VirtAddr{u64{1} << 50});
    REQUIRE(spaces.left() == Left{true, true, true});
    REQUIRE(spaces.walks_left() == WalksLeft{true, true});
    REQUIRE(spaces.count(FlushCause::kInvlpg) == 0);
}

TEST_CASE("MOV to CR3: a reserved bit gives #GP and changes nothing (4)") {
    Machine machine(small_tlb(), 4, {.physical_bits = 40, .page_1g = true, .la57 = true});
    const u64 before = machine.mmu.control().cr3;
    for (const unsigned position : {40u, 46u, 51u, 52u, 62u, 63u})
        REQUIRE(machine.mmu.load_cr3(before | bit(position)).error() == kGp);
    REQUIRE(machine.mmu.control().cr3 == before);
    REQUIRE(machine.mmu.load_cr3(bit(39)));
}

TEST_CASE("MOV to CR3: without PCIDs, everything but global entries goes (34)") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x1000});
    machine.tables.map(kGlobal, PhysAddr{0x2000}, PageSize::k4K, TableBuilder::kUserPage | Pte::kGlobal);
    REQUIRE(machine.load(kAddress));
    REQUIRE(machine.load(kGlobal));
    REQUIRE(machine.mmu.load_cr3(machine.tables.root().value | bit(3)));  // PWT: no PCID
    const auto level = [&](VirtAddr a) { return machine.mmu.tlb().peek(RefKind::kLoad, a, 0).level; };
    REQUIRE(level(kAddress) == TlbHierarchy::Level::kMiss);
    REQUIRE(level(kGlobal) == TlbHierarchy::Level::kL1);
    REQUIRE(machine.mmu.walk_cache().level(2).size() == 0);
}

TEST_CASE(
    "MOV to CR3: with PCIDs, the new PCID's part goes, or nothing with bit 63, which reads back 0 (35)") {
    TwoSpaces spaces;
    REQUIRE(spaces.mmu.load_cr3(spaces.tables.root().value | 2));
    REQUIRE(spaces.left() == Left{true, false, true});
    REQUIRE(spaces.walks_left() == WalksLeft{true, false});
    spaces.warm();
    REQUIRE(spaces.mmu.load_cr3(spaces.tables.root().value | 2 | Cr::kCr3NoFlush));
    REQUIRE(spaces.left() == Left{true, true, true});
    REQUIRE(spaces.walks_left() == WalksLeft{true, true});
    REQUIRE(spaces.mmu.control().cr3 == (spaces.tables.root().value | 2));
    REQUIRE(spaces.mmu.control().pcid() == 2);
}

TEST_CASE("MOV to CR4: a change of PGE, or clearing PCIDE, empties everything (36)") {
    const u64 change = GENERATE(u64{Cr::kCr4Pge}, u64{Cr::kCr4Pcide});
    TwoSpaces spaces;
    REQUIRE(spaces.mmu.write_cr4(spaces.mmu.control().cr4 ^ change));
    REQUIRE(spaces.left() == Left{false, false, false});
    REQUIRE(spaces.walks_left() == WalksLeft{false, false});
    REQUIRE(spaces.mmu.tlb().arrays()[0].resident() == 0);
}

TEST_CASE("MOV to CR4: setting SMEP empties the current PCID, other bits nothing (36)") {
    TwoSpaces spaces;
    spaces.set_cr4(Cr::kCr4Smap | Cr::kCr4Pke);
    REQUIRE(spaces.left() == Left{true, true, true});
    spaces.set_cr4(Cr::kCr4Smep);
    REQUIRE(spaces.left() == Left{false, true, true});
    REQUIRE(spaces.walks_left() == WalksLeft{false, true});
    spaces.warm();
    spaces.clear_cr4(Cr::kCr4Smep);
    REQUIRE(spaces.left() == Left{true, true, true});
}

TEST_CASE("MOV to CR0: clearing PG empties everything, and addresses are physical from then on (37)") {
    TwoSpaces spaces;
    const u64 cr0 = spaces.mmu.control().cr0;
    REQUIRE(spaces.mmu.write_cr0(cr0 & ~Cr::kCr0Pg).error() == kGp);  // not while PCIDE=1
    spaces.clear_cr4(Cr::kCr4Pcide);
    REQUIRE(spaces.load(kAddress));
    REQUIRE(spaces.mmu.write_cr0(cr0 & ~Cr::kCr0Pg));
    REQUIRE(spaces.left() == Left{false, false, false});
    REQUIRE_FALSE((spaces.mmu.control().efer & Cr::kEferLma) != 0);
    REQUIRE(spaces.reached(VirtAddr{0x1234}) == 0x1234);
    REQUIRE(spaces.mmu.write_cr0(cr0));
    REQUIRE((spaces.mmu.control().efer & Cr::kEferLma) != 0);
    REQUIRE(spaces.reached(kAddress) == 0x1000);
}

TEST_CASE("MOV to CR0, CR4 and WRMSR EFER: what the mode does not allow gives #GP (39, 45)") {
    Machine machine(small_tlb(), 4, {.physical_bits = 46, .page_1g = true, .la57 = false});
    Mmu& mmu = machine.mmu;
    const Cr before = mmu.control();
    REQUIRE(mmu.write_cr0(before.cr0 & ~Cr::kCr0Pe).error() == kGp);
    REQUIRE(mmu.write_cr0(before.cr0 | bit(29)).error() == kGp);
    REQUIRE(mmu.write_cr0(before.cr0 | bit(32)).error() == kGp);
    REQUIRE(mmu.write_cr4(before.cr4 & ~Cr::kCr4Pae).error() == kGp);
    REQUIRE(mmu.write_cr4(before.cr4 | Cr::kCr4La57).error() == kGp);
    REQUIRE(mmu.write_cr4(before.cr4 | bit(40)).error() == kGp);
    REQUIRE(mmu.write_efer(before.efer & ~Cr::kEferLme).error() == kGp);
    REQUIRE(mmu.write_efer(before.efer | bit(20)).error() == kGp);
    REQUIRE(mmu.load_cr3(before.cr3 | 8));
    REQUIRE(mmu.write_cr4(before.cr4 | Cr::kCr4Pcide).error() == kGp);  // CR3[11:0] is not 0
    REQUIRE(mmu.load_cr3(before.cr3));
    REQUIRE(mmu.control() == before);
    REQUIRE(mmu.write_cr4(before.cr4 | Cr::kCr4Pcide));
    REQUIRE(mmu.write_cr0(before.cr0 & ~Cr::kCr0Wp));
}

TEST_CASE("MOV to CR4: LA57 changes only while paging is off") {
    Machine machine;
    REQUIRE(machine.mmu.write_cr4(machine.mmu.control().cr4 | Cr::kCr4La57).error() == kGp);
    Machine five(small_tlb(), 5);
    REQUIRE(five.mmu.control().la57());
    five.tables.map(VirtAddr{u64{1} << 50}, PhysAddr{0x1000});
    REQUIRE(five.reached(VirtAddr{u64{1} << 50}) == 0x1000);
}

TEST_CASE("INVPCID: the four types and what each leaves (38)") {
    TwoSpaces spaces;
    REQUIRE(spaces.mmu.invpcid(0, {.pcid = 2, .address = kAddress.value}));
    REQUIRE(spaces.left() == Left{true, false, true});
    REQUIRE(spaces.walks_left() == WalksLeft{true, false});
    REQUIRE(spaces.mmu.invpcid(0, {.pcid = 1, .address = kGlobal.value}));
    REQUIRE(spaces.left() == Left{true, false, true});
    spaces.warm();
    REQUIRE(spaces.mmu.invpcid(1, {.pcid = 2, .address = 0}));
    REQUIRE(spaces.left() == Left{true, false, true});
    REQUIRE(spaces.walks_left() == WalksLeft{true, false});
    spaces.warm();
    REQUIRE(spaces.mmu.invpcid(3, {}));
    REQUIRE(spaces.left() == Left{false, false, true});
    REQUIRE(spaces.walks_left() == WalksLeft{false, false});
    spaces.warm();
    REQUIRE(spaces.mmu.invpcid(2, {}));
    REQUIRE(spaces.left() == Left{false, false, false});
    REQUIRE(spaces.count(FlushCause::kInvpcid) == 5);
}

TEST_CASE("INVPCID: a wrong type, descriptor or address gives #GP (3, 38)") {
    TwoSpaces spaces;
    REQUIRE(spaces.mmu.invpcid(4, {}).error() == kGp);
    for (const u64 type : {0, 1, 2, 3})
        REQUIRE(spaces.mmu.invpcid(type, {.pcid = 4096, .address = 0}).error() == kGp);
    REQUIRE(spaces.mmu.invpcid(0, {.pcid = 1, .address = u64{1} << 47}).error() == kGp);
    REQUIRE(spaces.mmu.invpcid(1, {.pcid = 1, .address = u64{1} << 47}));
    spaces.clear_cr4(Cr::kCr4Pcide);
    REQUIRE(spaces.mmu.invpcid(0, {.pcid = 1, .address = 0}).error() == kGp);
    REQUIRE(spaces.mmu.invpcid(1, {.pcid = 1, .address = 0}).error() == kGp);
    REQUIRE(spaces.mmu.invpcid(1, {.pcid = 0, .address = 0}));
}

TEST_CASE("flush_all: everything, global entries and all PCIDs included") {
    TwoSpaces spaces;
    spaces.mmu.flush_all();
    REQUIRE(spaces.left() == Left{false, false, false});
    REQUIRE(spaces.walks_left() == WalksLeft{false, false});
}
