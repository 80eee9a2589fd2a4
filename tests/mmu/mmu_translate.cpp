// One reference through the whole MMU: TLB, rights, A and D, faults. Numbers in test names count the
// statements of SDM Vol. 3A chapter 4 that README.md lists.
#include "tests/mmu/machine.h"

#include <catch2/catch.hpp>

using namespace mmu;

namespace {

constexpr VirtAddr kAddress{0x7f12'3456'7abc};
constexpr u32 kP = PageFaultCode::kPresent, kW = PageFaultCode::kWrite, kU = PageFaultCode::kUser;
const Fault kGp{Vector::kGeneralProtection, 0, VirtAddr{}};

}  // namespace

TEST_CASE("Mmu: an address that is not canonical gives #GP before any lookup or walk (1, 2, 3)") {
    Machine machine;
    for (const u64 address : {u64{1} << 47, u64{1} << 48, u64{1} << 63, ~(u64{1} << 63), ~(u64{1} << 47)})
        for (const Access access : {Access::kLoad, Access::kStore, Access::kFetch, Access::kLoadForStore}) {
            const auto found = machine.user(VirtAddr{address}, access);
            REQUIRE(found.error() ==
                    kGp);  // #SS for a stack reference is the CPU's to say; CR2 stays as it was
        }
    REQUIRE(machine.walks() == WalkStats{});
    REQUIRE(machine.user_loads().l1_misses == 0);
    REQUIRE(machine.user_loads().faults == 10);
    REQUIRE(machine.error_code(VirtAddr{mask(63, 47)}, Access::kLoad) == kU);  // canonical: a page fault
    REQUIRE(machine.error_code(VirtAddr{mask(46, 0)}, Access::kLoad) == kU);
}

TEST_CASE("Mmu: with CR4.LA57 bits 63:56 must be equal (1)") {
    Machine machine(small_tlb(), 5);
    REQUIRE(machine.error_code(VirtAddr{u64{1} << 47}, Access::kLoad) == kU);
    REQUIRE(machine.error_code(VirtAddr{u64{1} << 55}, Access::kLoad) == kU);
    REQUIRE(machine.load(VirtAddr{u64{1} << 56}).error() == kGp);
    REQUIRE(machine.error_code(VirtAddr{mask(63, 56)}, Access::kLoad) == kU);
}

TEST_CASE("Mmu: CR2 is the byte that was asked for (17)") {
    Machine machine;
    REQUIRE(machine.load(kAddress).error() == Fault{Vector::kPageFault, kU, kAddress});
}

TEST_CASE("Mmu: a translation is cached with every bit of its address, and a hit walks no more (23)") {
    const PageSize size = GENERATE(PageSize::k4K, PageSize::k2M, PageSize::k1G);
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0}, size);
    REQUIRE(machine.reached(kAddress) == kAddress.page_offset(size));
    const u64 walked = machine.walks().memory_references;
    for (const u64 offset : {u64{0}, u64{1}, kPageOffsetMask, bytes_of(size) - 1})
        REQUIRE(machine.reached(kAddress.page_base(size) + offset) == offset);
    REQUIRE(machine.walks().memory_references == walked);
    REQUIRE(machine.walks().completed[index_of(size)] == 1);
    REQUIRE(machine.user_loads().l1_misses == 1);
}

TEST_CASE("Mmu: not present and reserved are never cached: P 0 to 1 needs no invalidation (23, 41)") {
    const u64 wrong = GENERATE(u64{0}, bit(51) | Pte::kPresent);
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, wrong);
    REQUIRE_FALSE(machine.load(kAddress));
    REQUIRE_FALSE(machine.load(kAddress));
    REQUIRE(machine.walks().faulted == 2);
    machine.tables.map(kAddress, PhysAddr{0x1000});
    REQUIRE(machine.reached(kAddress) == 0x1abc);
}

TEST_CASE("Mmu: a stale entry is what is used until it is invalidated (24)") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x1000});
    REQUIRE(machine.store(kAddress));
    machine.tables.map(kAddress, PhysAddr{0x2000});
    REQUIRE(machine.reached(kAddress) == 0x1abc);  // a forgotten flush is visible
    machine.tables.write(kAddress, 1, Pte{});
    REQUIRE(machine.reached(kAddress) == 0x1abc);
    REQUIRE(machine.store(kAddress)->physical.value == 0x1abc);
    machine.mmu.invlpg(kAddress);
    REQUIRE(machine.error_code(kAddress, Access::kLoad) == kU);
}

TEST_CASE("Mmu: entries belong to a PCID, global ones to all (25)") {
    Machine machine;
    machine.set_cr4(ControlRegisters::kCr4Pcide);
    TableBuilder& tables = machine.tables;
    tables.map(kAddress, PhysAddr{0x1000});
    tables.map(kAddress + kPageSize, PhysAddr{0x2000}, PageSize::k4K, TableBuilder::kUserPage | Pte::kGlobal);
    const auto enter = [&](u64 pcid) {
        REQUIRE(machine.mmu.load_cr3(tables.root().value | pcid | ControlRegisters::kCr3NoFlush));
    };
    const auto misses = [&](VirtAddr address) {
        const u64 before = machine.user_loads().l2_misses;
        REQUIRE(machine.load(address));
        return machine.user_loads().l2_misses - before;
    };
    enter(1);
    REQUIRE(misses(kAddress) == 1);
    REQUIRE(misses(kAddress + kPageSize) == 1);
    enter(2);
    REQUIRE(misses(kAddress) == 1);
    REQUIRE(misses(kAddress + kPageSize) == 0);
    enter(1);
    REQUIRE(misses(kAddress) == 0);
}

TEST_CASE("Mmu: G means nothing while CR4.PGE=0 (25)") {
    Machine machine;
    machine.clear_cr4(ControlRegisters::kCr4Pge);
    machine.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, TableBuilder::kUserPage | Pte::kGlobal);
    REQUIRE(machine.load(kAddress));
    REQUIRE(machine.mmu.load_cr3(machine.tables.root().value));
    REQUIRE(machine.load(kAddress));
    REQUIRE(machine.user_loads().l2_misses == 2);
}

TEST_CASE("Mmu: a right gained without a flush is found by a re-walk; a fault stays a fault (27, 41)") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K,
                       Pte::kPresent | Pte::kUser | Pte::kNoExecute);
    REQUIRE(machine.load(kAddress));
    REQUIRE(machine.error_code(kAddress, Access::kStore) == (kP | kW | kU));
    REQUIRE(machine.walks().permission_rewalks == 1);
    REQUIRE(machine.load(kAddress));
    machine.tables.set(kAddress, 1, Pte::kWritable);
    REQUIRE(machine.store(kAddress)->physical.value == 0x1abc);
    REQUIRE(machine.walks().permission_rewalks == 2);
    REQUIRE(machine.walks().dirty_assists == 0);
    REQUIRE(machine.store(kAddress));
    REQUIRE(machine.walks().permission_rewalks == 2);  // the entry has the right now
    REQUIRE(machine.fetch(kAddress).error().error_code == (kP | kU | PageFaultCode::kFetch));
    machine.tables.clear(kAddress, 1, Pte::kNoExecute);
    REQUIRE(machine.fetch(kAddress));
}

TEST_CASE("Mmu: a stale right may also fault at once; the access that restarts finds the right (27)") {
    Machine machine;
    machine.mmu.set_stale_rights(StaleRights::kFault);
    machine.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, Pte::kPresent | Pte::kUser);
    REQUIRE(machine.load(kAddress));
    machine.tables.map(kAddress, PhysAddr{0x1000});
    const u64 read = machine.walks().memory_references;
    REQUIRE(machine.store(kAddress).error() == Fault{Vector::kPageFault, kP | kW | kU, kAddress});
    REQUIRE(machine.walks().memory_references == read);
    REQUIRE(machine.store(kAddress)->physical.value == 0x1abc);
}

TEST_CASE(
    "Mmu: tables that map themselves are changed by stores, and need an invalidation and no more (46)") {
    Machine machine;
    const VirtAddr window{0x5000};
    machine.tables.map(kAddress, PhysAddr{0x1000});
    const PhysAddr pte = machine.tables.entry(kAddress, 1);
    machine.tables.map(window, PhysAddr{align_down(pte.value, kPageSize)});
    REQUIRE(machine.reached(kAddress) == 0x1abc);
    const auto opened = machine.store(window + pte.page_offset());
    const u64 value = 0x2000 | TableBuilder::kUserPage;
    std::memcpy(opened->host, &value, sizeof value);
    REQUIRE(machine.reached(kAddress) == 0x1abc);
    machine.mmu.invlpg(kAddress);
    REQUIRE(machine.reached(kAddress) == 0x2abc);
    u64 seen;
    std::memcpy(&seen, machine.load(window + pte.page_offset())->host, sizeof seen);
    REQUIRE(Pte{seen}.accessed());  // what the walk marked is there to be read
}

TEST_CASE("Mmu: every rule of rights holds for a TLB hit as for a walk") {
    Machine machine;
    const u64 key = u64{3} << 59;
    machine.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, TableBuilder::kUserPage | key);
    REQUIRE(machine.store(kAddress));
    REQUIRE(machine.fetch(kAddress));
    machine.set_cr4(ControlRegisters::kCr4Smap | ControlRegisters::kCr4Pke);
    REQUIRE(machine.error_code(kAddress, Access::kLoad, Privilege::kSupervisor) == kP);
    REQUIRE(machine.error_code(kAddress, Access::kLoad, Privilege::kSupervisorAc) == ~0u);
    REQUIRE(machine.error_code(kAddress, Access::kLoad, Privilege::kSupervisorImplicit) == kP);
    REQUIRE(machine.store(kAddress));
    machine.mmu.write_pkru(2u << 6);
    REQUIRE(machine.error_code(kAddress, Access::kStore) == (kP | kW | kU | PageFaultCode::kProtectionKey));
    REQUIRE(machine.load(kAddress));
    machine.mmu.write_pkru(1u << 6);
    REQUIRE(machine.error_code(kAddress, Access::kLoad) == (kP | kU | PageFaultCode::kProtectionKey));
    REQUIRE(machine.fetch(kAddress));
    machine.mmu.write_pkru(0);
    REQUIRE(machine.mmu.write_efer(machine.mmu.control().efer & ~ControlRegisters::kEferNxe));
    REQUIRE(machine.load(kAddress));
    REQUIRE(machine.mmu.write_cr4(machine.mmu.control().cr4 | ControlRegisters::kCr4Smep));
    REQUIRE(machine.error_code(kAddress, Access::kFetch, Privilege::kSupervisor) ==
            (kP | PageFaultCode::kFetch));
}

TEST_CASE("Mmu: the first store through an entry cached by a load walks again to set D (19)") {
    const PageSize size = GENERATE(PageSize::k4K, PageSize::k2M, PageSize::k1G);
    const Access write = GENERATE(Access::kStore, Access::kLoadForStore);
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0}, size);
    REQUIRE(machine.load(kAddress));
    REQUIRE_FALSE(machine.tables.read(kAddress, TableBuilder::leaf_level(size)).dirty());
    REQUIRE(machine.user(kAddress, write));
    REQUIRE(machine.tables.read(kAddress, TableBuilder::leaf_level(size)).dirty());
    REQUIRE(machine.walks().dirty_assists == 1);
    REQUIRE(machine.walks().dirty_bits_set == 1);
    REQUIRE(machine.user_loads().l1_misses == 1);  // an assist is no miss
    REQUIRE(machine.user(kAddress, write));
    REQUIRE(machine.walks().dirty_assists == 1);
}

TEST_CASE("Mmu: a store with an entry cached dirty sets no D bit that was cleared without a flush (20, 41)") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x1000});
    REQUIRE(machine.store(kAddress));
    machine.tables.clear(kAddress, 1, Pte::kDirty);
    REQUIRE(machine.store(kAddress));
    REQUIRE_FALSE(machine.tables.read(kAddress, 1).dirty());  // D 1 to 0 needs an invalidation
    machine.mmu.invlpg(kAddress);
    REQUIRE(machine.store(kAddress));
    REQUIRE(machine.tables.read(kAddress, 1).dirty());
}

TEST_CASE("Mmu: a page fault drops the TLB entries of its page (28)") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, Pte::kPresent | Pte::kUser);
    REQUIRE(machine.load(kAddress));
    REQUIRE_FALSE(machine.store(kAddress));
    REQUIRE(machine.mmu.stats().flushes[static_cast<unsigned>(FlushCause::kPageFault)] == 1);
    REQUIRE(machine.mmu.stats().entries_invalidated == 2);  // L1 and L2
    machine.tables.map(kAddress, PhysAddr{0x2000});
    REQUIRE(machine.reached(kAddress) == 0x2abc);  // no flush was needed any more
}

TEST_CASE(
    "Mmu: the load half of a read-modify-write needs the right to write, and takes the load path (14, 44)") {
    TlbConfig config = small_tlb();
    config.l1_store = config.l1_load;
    Machine machine(config);
    machine.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, Pte::kPresent | Pte::kUser);
    REQUIRE(machine.error_code(kAddress, Access::kLoadForStore) == (kP | kW | kU));
    machine.tables.map(kAddress, PhysAddr{0x1000});
    REQUIRE(machine.user(kAddress, Access::kLoadForStore));
    REQUIRE(machine.tables.read(kAddress, 1).dirty());
    REQUIRE(machine.mmu.stats().user[0].l1_misses == 2);
    REQUIRE(machine.mmu.stats().user[1].l1_misses == 0);
    REQUIRE(machine.store(kAddress));
    REQUIRE(machine.mmu.stats().user[1].l1_misses == 1);
    REQUIRE(machine.mmu.stats().user[1].l2_hits == 1);
}

TEST_CASE("Mmu: a page that changed size without a flush is re-walked into the new page where it must be") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x200000}, PageSize::k2M, Pte::kPresent | Pte::kUser);
    REQUIRE(machine.load(kAddress));
    machine.tables.write(kAddress, 2, Pte{});
    machine.tables.map(kAddress, PhysAddr{0x1000});
    REQUIRE(machine.reached(kAddress) == 0x200000 + kAddress.page_offset(PageSize::k2M));
    REQUIRE(machine.store(kAddress)->physical.value == 0x1abc);
    REQUIRE(machine.reached(kAddress) == 0x1abc);
}

TEST_CASE("Mmu: memory behind a translation that is not RAM has no host byte and kills nobody") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{u64{1} << 40});
    for (const Access access : {Access::kLoad, Access::kStore, Access::kFetch}) {
        const auto found = machine.user(kAddress, access);
        REQUIRE(found->host == nullptr);
        REQUIRE(found->physical.value == (u64{1} << 40) + 0xabc);
    }
}

TEST_CASE("Mmu: kernel references are counted whole, a user's only where they leave the fast path") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x1000});
    for (unsigned i = 0; i < 5; ++i)
        REQUIRE(machine.mmu.translate(kAddress, Access::kLoad, Privilege::kSupervisor));
    REQUIRE(machine.mmu.stats().kernel[0] == RefStats{5, 1, 0, 1, 0});
    for (unsigned i = 0; i < 5; ++i) REQUIRE(machine.load(kAddress));
    REQUIRE(machine.user_loads() == RefStats{0, 0, 0, 0, 0});
    REQUIRE_FALSE(machine.load(VirtAddr{0}));
    REQUIRE(machine.user_loads() == RefStats{0, 1, 0, 1, 1});
}

TEST_CASE("Mmu: each walk ends completed or faulted, and begins with a miss or a re-walk") {
    Machine machine;
    for (unsigned i = 0; i < 40; ++i)
        if (i % 3)
            machine.tables.map(kAddress + i * kPageSize, PhysAddr{0x1000}, PageSize::k4K,
                               i % 2 ? TableBuilder::kUserPage : Pte::kPresent | Pte::kUser);
    for (unsigned i = 0; i < 2000; ++i)
        (void)machine.user(kAddress + i * 7 % 40 * kPageSize, i % 5 ? Access::kLoad : Access::kStore);
    const WalkStats& walks = machine.walks();
    const auto& user = machine.mmu.stats().user;
    REQUIRE(walks.completed[0] + walks.faulted ==
            user[0].l2_misses + user[1].l2_misses + walks.dirty_assists + walks.permission_rewalks);
    REQUIRE(user[0].l1_misses == user[0].l2_hits + user[0].l2_misses);
    u64 begun = walks.cache_misses;
    for (const u64 hits : walks.cache_hits) begun += hits;
    REQUIRE(begun == walks.completed[0] + walks.faulted);
}

TEST_CASE("Mmu: peek finds what a walk would and changes nothing") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x1000});
    REQUIRE(machine.mmu.peek(kAddress, Access::kStore, Privilege::kUser)->physical.value == 0x1abc);
    REQUIRE(machine.mmu.peek(VirtAddr{0}, Access::kLoad, Privilege::kUser).error() ==
            Fault{Vector::kPageFault, kU, VirtAddr{0}});
    REQUIRE(machine.mmu.peek(VirtAddr{u64{1} << 47}, Access::kLoad, Privilege::kUser).error() == kGp);
    for (unsigned level = 1; level <= 4; ++level)
        REQUIRE_FALSE(machine.tables.read(kAddress, level).accessed());
    const u64 cr3_loads = 1;
    REQUIRE(machine.mmu.stats().flushes[static_cast<unsigned>(FlushCause::kCr3)] == cr3_loads);
    REQUIRE(machine.walks() == WalkStats{});
    REQUIRE(machine.mmu.peek_walk(kAddress, Access::kLoad, Privilege::kUser).entries_read == 4);
}
