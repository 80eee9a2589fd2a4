// The statements of the SDM on the walk (Vol. 3A 4.5 to 4.8), each with tables built by hand.
#include "mmu/page_walker.h"

#include <catch2/catch.hpp>

#include "tests/mmu/table_builder.h"

using namespace mmu;

namespace {

constexpr VirtAddr kAddress{0x7f12'3456'7abc};
constexpr u32 kP = PageFaultCode::kPresent, kW = PageFaultCode::kWrite, kU = PageFaultCode::kUser,
              kRsvd = PageFaultCode::kReserved, kI = PageFaultCode::kFetch,
              kPk = PageFaultCode::kProtectionKey;

struct Bench {
    explicit Bench(unsigned levels = 4, PagingFeatures paging_features = {})
        : memory(std::move(*PhysicalMemory::create(4 << 20))),
          features(paging_features),
          tables(memory, levels) {
        control.cr3 = tables.root().value;
        if (levels == 5) control.cr4 |= ControlRegisters::kCr4La57;
    }
    Walk walk(Access access, Privilege privilege = Privilege::kUser, VirtAddr address = kAddress,
              WalkEffects effects = WalkEffects::kAccessedAndDirty) {
        return PageWalker(memory, features)
            .walk(control, address, access, privilege, PageWalker::root_of(control), effects);
    }
    Walk load() { return walk(Access::kLoad); }
    Walk store() { return walk(Access::kStore); }
    Walk fetch() { return walk(Access::kFetch); }

    PhysicalMemory memory;
    PagingFeatures features;
    TableBuilder tables;
    ControlRegisters control;
};

constexpr Access kAllAccesses[] = {Access::kLoad, Access::kStore, Access::kFetch, Access::kLoadForStore};

}  // namespace

TEST_CASE("PageWalker: 4 and 5 levels lead to pages of 4 KiB, 2 MiB and 1 GiB, an entry a level (4, 5)") {
    const unsigned levels = GENERATE(4u, 5u);
    const PageSize size = GENERATE(PageSize::k4K, PageSize::k2M, PageSize::k1G);
    Bench bench(levels);
    const VirtAddr address{levels == 5 ? 0x00ab'7f12'3456'7abc : kAddress.value};
    const PhysAddr page{u64{3} << 30};
    bench.tables.map(address, page, size);
    const Walk walk = bench.walk(Access::kLoad, Privilege::kUser, address);
    REQUIRE(walk.translated());
    REQUIRE(walk.size == size);
    REQUIRE(walk.physical(address) == page + address.page_offset(size));
    REQUIRE(walk.entries_read == levels - index_of(size));
    REQUIRE(walk.start_level == levels);
    for (unsigned i = 0; i < walk.entries_read; ++i)
        REQUIRE(walk.entry(i).where == bench.tables.entry(address, walk.level_of(i)));
}

TEST_CASE("PageWalker: PS in a PML4E or PML5E, or in a PDPTE without 1 GiB pages, is reserved (5)") {
    const unsigned level = GENERATE(3u, 4u, 5u);
    Bench bench(5, {.physical_bits = 46, .page_1g = false, .la57 = true});
    bench.tables.map(kAddress, PhysAddr{0x1000});
    bench.tables.set(kAddress, level, Pte::kLarge);
    const Walk walk = bench.load();
    REQUIRE(walk.end == WalkEnd::kReserved);
    REQUIRE(walk.error_code == (kP | kU | kRsvd));
}

TEST_CASE("PageWalker: an address bit at or above MAXPHYADDR is reserved in an entry of any level (6)") {
    const unsigned level = GENERATE(1u, 2u, 3u, 4u, 5u);
    const unsigned position = GENERATE(40u, 45u, 51u);
    const unsigned physical_bits = GENERATE(36u, 41u, 46u, 51u);
    Bench bench(5, {.physical_bits = physical_bits, .page_1g = true, .la57 = true});
    bench.tables.map(kAddress, PhysAddr{0x1000});
    bench.tables.set(kAddress, level, bit(position));
    const Walk walk = bench.load();
    if (position >= physical_bits) {
        REQUIRE(walk.end == WalkEnd::kReserved);
        REQUIRE(walk.error_code == (kP | kU | kRsvd));
    } else {
        // Not reserved: the entry leads to where there is no RAM, and a table there reads as all ones.
        REQUIRE(walk.end == (level == 1 ? WalkEnd::kTranslated : WalkEnd::kReserved));
        REQUIRE(walk.entries_read == (level == 1 ? 5 : 5 - level + 2));
    }
}

TEST_CASE("PageWalker: address bits below the size of a large page are reserved, bit 12 is its PAT (6, 7)") {
    const PageSize size = GENERATE(PageSize::k2M, PageSize::k1G);
    for (unsigned position = 13; position < shift_of(size); ++position) {
        Bench bench;
        bench.tables.map(kAddress, PhysAddr{0}, size);
        bench.tables.set(kAddress, TableBuilder::leaf_level(size), bit(position));
        REQUIRE(bench.load().end == WalkEnd::kReserved);
    }
    Bench bench;
    bench.tables.map(kAddress, PhysAddr{0}, size, TableBuilder::kUserPage | bit(12));
    REQUIRE(bench.load().physical(kAddress).value == kAddress.page_offset(size));
}

TEST_CASE("PageWalker: XD is reserved at any level while EFER.NXE=0 (6)") {
    const unsigned level = GENERATE(1u, 2u, 3u, 4u, 5u);
    Bench bench(5);
    bench.tables.map(kAddress, PhysAddr{0x1000});
    bench.tables.set(kAddress, level, Pte::kNoExecute);
    REQUIRE(bench.load().translated());
    bench.control.efer &= ~ControlRegisters::kEferNxe;
    REQUIRE(bench.load().error_code == (kP | kU | kRsvd));
}

TEST_CASE("PageWalker: P is tested before reserved bits, reserved bits before rights (6, 43)") {
    const unsigned level = GENERATE(1u, 2u, 3u, 4u);
    Bench bench;
    bench.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, Pte::kPresent);
    bench.tables.set(kAddress, level, bit(51));
    REQUIRE(bench.store().error_code == (kP | kW | kU | kRsvd));
    bench.tables.clear(kAddress, level, Pte::kPresent);
    REQUIRE(PageWalker(bench.memory, bench.features)
                .walk(bench.control, kAddress, Access::kStore, Privilege::kUser,
                      PageWalker::root_of(bench.control), WalkEffects::kNone)
                .error_code == (kW | kU));
}

TEST_CASE("PageWalker: R/W and U/S are the AND, XD is the OR over all levels (7)") {
    const unsigned level = GENERATE(1u, 2u, 3u, 4u, 5u);
    Bench bench(5);
    bench.tables.map(kAddress, PhysAddr{0x1000});
    REQUIRE(bench.store().rights == Rights{true, true, false, 0});
    bench.tables.clear(kAddress, level, Pte::kWritable);
    REQUIRE(bench.load().rights == Rights{false, true, false, 0});
    REQUIRE(bench.store().error_code == (kP | kW | kU));
    bench.tables.set(kAddress, level, Pte::kWritable | Pte::kNoExecute);
    REQUIRE(bench.load().rights == Rights{true, true, true, 0});
    REQUIRE(bench.fetch().error_code == (kP | kU | kI));
    bench.tables.clear(kAddress, level, Pte::kUser | Pte::kNoExecute);
    for (const Access access : kAllAccesses) {
        REQUIRE(bench.walk(access).end == WalkEnd::kDenied);
        REQUIRE(bench.walk(access, Privilege::kSupervisor).translated());
    }
}

TEST_CASE("PageWalker: the key and G come from the leaf alone, bit 7 of a PTE is its PAT (7)") {
    Bench bench;
    bench.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K,
                     TableBuilder::kUserPage | u64{11} << 59 | Pte::kGlobal | bit(7));
    for (unsigned level = 2; level <= 4; ++level) bench.tables.set(kAddress, level, u64{6} << 59);
    Walk walk = bench.load();
    REQUIRE(walk.translated());
    REQUIRE(walk.rights.pkey == 11);
    REQUIRE(walk.global);
    bench.control.cr4 &= ~ControlRegisters::kCr4Pge;
    REQUIRE_FALSE(bench.load().global);
    bench.control.cr4 |= ControlRegisters::kCr4Pge;
    bench.tables.clear(kAddress, 1, Pte::kGlobal);
    for (unsigned level = 2; level <= 4; ++level) bench.tables.set(kAddress, level, Pte::kGlobal);
    REQUIRE_FALSE(bench.load().global);
}

TEST_CASE("PageWalker: it stops at the first entry that is not present and reads nothing below (8)") {
    const unsigned level = GENERATE(1u, 2u, 3u, 4u, 5u);
    Bench bench(5);
    bench.tables.map(kAddress, PhysAddr{0x1000});
    const Pte removed = bench.tables.read(kAddress, level).without(Pte::kPresent);
    bench.memory.write64(bench.tables.entry(kAddress, level), removed.raw);
    const Walk walk = bench.fetch();
    REQUIRE(walk.end == WalkEnd::kNotPresent);
    REQUIRE(walk.entries_read == 5 - level + 1);
    REQUIRE(walk.leaf == removed);
    REQUIRE(walk.error_code == (kU | kI));
}

TEST_CASE("PageWalker: a supervisor writes a read-only page only while CR0.WP=0, a user never (9)") {
    const u64 user = GENERATE(u64{0}, u64{Pte::kUser});
    Bench bench;
    bench.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, Pte::kPresent | user);
    REQUIRE(bench.walk(Access::kStore, Privilege::kSupervisor).error_code == (kP | kW));
    REQUIRE(bench.walk(Access::kLoad, Privilege::kSupervisor).translated());
    bench.control.cr0 &= ~ControlRegisters::kCr0Wp;
    REQUIRE(bench.walk(Access::kStore, Privilege::kSupervisor).translated());
    REQUIRE(bench.store().error_code == (kP | kW | kU));
}

TEST_CASE("PageWalker: XD stops user and supervisor fetches, and nothing else (10)") {
    Bench bench;
    bench.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, TableBuilder::kUserPage | Pte::kNoExecute);
    REQUIRE(bench.fetch().error_code == (kP | kU | kI));
    REQUIRE(bench.walk(Access::kFetch, Privilege::kSupervisor).error_code == (kP | kI));
    REQUIRE(bench.load().translated());
    REQUIRE(bench.store().translated());
}

TEST_CASE("PageWalker: SMEP stops supervisor fetches from user pages (11)") {
    Bench bench;
    bench.tables.map(kAddress, PhysAddr{0x1000});
    REQUIRE(bench.walk(Access::kFetch, Privilege::kSupervisor).translated());
    bench.control.cr4 |= ControlRegisters::kCr4Smep;
    REQUIRE(bench.walk(Access::kFetch, Privilege::kSupervisor).error_code == (kP | kI));
    REQUIRE(bench.fetch().translated());
    bench.tables.clear(kAddress, 3, Pte::kUser);  // a supervisor page as soon as one level says so
    REQUIRE(bench.walk(Access::kFetch, Privilege::kSupervisor).translated());
}

TEST_CASE("PageWalker: SMAP stops supervisor data accesses to user pages unless explicit and with AC (12)") {
    Bench bench;
    bench.tables.map(kAddress, PhysAddr{0x1000});
    bench.control.cr4 |= ControlRegisters::kCr4Smap;
    REQUIRE(bench.walk(Access::kLoad, Privilege::kSupervisor).error_code == kP);
    REQUIRE(bench.walk(Access::kStore, Privilege::kSupervisor).error_code == (kP | kW));
    REQUIRE(bench.walk(Access::kLoad, Privilege::kSupervisorImplicit).error_code == kP);
    REQUIRE(bench.walk(Access::kLoad, Privilege::kSupervisorAc).translated());
    REQUIRE(bench.walk(Access::kFetch, Privilege::kSupervisor).translated());
    REQUIRE(bench.load().translated());
    bench.tables.clear(kAddress, 1, Pte::kUser);
    REQUIRE(bench.walk(Access::kLoad, Privilege::kSupervisorImplicit).translated());
}

TEST_CASE("PageWalker: a protection key stops data accesses to user pages, never fetches (13, 16)") {
    Bench bench;
    bench.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, TableBuilder::kUserPage | u64{5} << 59);
    bench.control.pkru = 1u << 10;  // AD of key 5
    REQUIRE(bench.load().translated());
    bench.control.cr4 |= ControlRegisters::kCr4Pke;
    REQUIRE(bench.load().error_code == (kP | kU | kPk));
    REQUIRE(bench.store().error_code == (kP | kU | kW | kPk));
    REQUIRE(bench.walk(Access::kLoad, Privilege::kSupervisor).error_code == (kP | kPk));
    REQUIRE(bench.fetch().translated());
    bench.control.pkru = 2u << 10;  // WD of key 5
    REQUIRE(bench.load().translated());
    REQUIRE(bench.store().error_code == (kP | kU | kW | kPk));
    REQUIRE(bench.walk(Access::kStore, Privilege::kSupervisor).error_code == (kP | kW | kPk));
    bench.control.cr0 &= ~ControlRegisters::kCr0Wp;
    REQUIRE(bench.walk(Access::kStore, Privilege::kSupervisor).translated());
    REQUIRE(bench.store().end == WalkEnd::kDenied);
    bench.control.pkru = ~(3u << 10);  // all keys but 5
    REQUIRE(bench.store().translated());
}

TEST_CASE("PageWalker: PKS does for supervisor pages what PKU does for user pages (13)") {
    Bench bench;
    bench.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K,
                     Pte::kPresent | Pte::kWritable | u64{15} << 59);
    bench.control.cr4 |= ControlRegisters::kCr4Pke | ControlRegisters::kCr4Pks;
    bench.control.pkru = ~0u;
    REQUIRE(bench.walk(Access::kStore, Privilege::kSupervisor).translated());
    bench.control.pkrs = 2u << 30;
    REQUIRE(bench.walk(Access::kLoad, Privilege::kSupervisor).translated());
    REQUIRE(bench.walk(Access::kStore, Privilege::kSupervisor).error_code == (kP | kW | kPk));
    bench.control.pkrs = 1u << 30;
    REQUIRE(bench.walk(Access::kLoad, Privilege::kSupervisorAc).error_code == (kP | kPk));
}

TEST_CASE("PageWalker: the error code tells a write or read-modify-write, a user, and P (14)") {
    Bench bench;
    const auto code = [&](Access access, Privilege privilege) {
        return bench.walk(access, privilege).error_code;
    };
    REQUIRE(code(Access::kLoad, Privilege::kUser) == kU);
    REQUIRE(code(Access::kStore, Privilege::kUser) == (kU | kW));
    REQUIRE(code(Access::kLoadForStore, Privilege::kUser) == (kU | kW));
    REQUIRE(code(Access::kLoad, Privilege::kSupervisor) == 0);
    REQUIRE(code(Access::kLoad, Privilege::kSupervisorAc) == 0);
    REQUIRE(code(Access::kStore, Privilege::kSupervisorImplicit) == kW);
    bench.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, Pte::kPresent);
    REQUIRE(code(Access::kLoad, Privilege::kUser) == (kP | kU));
}

TEST_CASE("PageWalker: I/D is set for a fetch only with SMEP or NXE (15)") {
    Bench bench;
    REQUIRE(bench.fetch().error_code == (kU | kI));
    bench.control.efer &= ~ControlRegisters::kEferNxe;
    REQUIRE(bench.fetch().error_code == kU);
    bench.control.cr4 |= ControlRegisters::kCr4Smep;
    REQUIRE(bench.fetch().error_code == (kU | kI));
}

TEST_CASE("PageWalker: PK is set together with other violations, and never with RSVD (16)") {
    Bench bench;
    bench.control.cr4 |= ControlRegisters::kCr4Pke;
    bench.control.pkru = 1;
    bench.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, Pte::kPresent | Pte::kUser);
    REQUIRE(bench.store().error_code == (kP | kU | kW | kPk));
    bench.tables.set(kAddress, 1, bit(51));
    REQUIRE(bench.store().error_code == (kP | kU | kW | kRsvd));
}

TEST_CASE("PageWalker: A is set in every entry used, D only in the leaf and only by a write (18, 19)") {
    const PageSize size = GENERATE(PageSize::k4K, PageSize::k2M, PageSize::k1G);
    const unsigned leaf = TableBuilder::leaf_level(size);
    Bench bench(5);
    bench.tables.map(kAddress, PhysAddr{0}, size);
    Walk walk = bench.load();
    REQUIRE(walk.accessed_set == 6 - leaf);
    REQUIRE_FALSE(walk.dirty_set);
    for (unsigned level = leaf; level <= 5; ++level) {
        REQUIRE(bench.tables.read(kAddress, level).accessed());
        REQUIRE_FALSE(bench.tables.read(kAddress, level).dirty());
    }
    walk = bench.walk(GENERATE(Access::kStore, Access::kLoadForStore));
    REQUIRE(walk.accessed_set == 0);
    REQUIRE(walk.dirty_set);
    REQUIRE(walk.leaf.dirty());
    for (unsigned level = leaf; level <= 5; ++level)
        REQUIRE(bench.tables.read(kAddress, level).dirty() == (level == leaf));
}

TEST_CASE("PageWalker: A and D are never cleared, and nothing is written when they are set (20)") {
    Bench bench;
    bench.tables.map(kAddress, PhysAddr{0x1000});
    REQUIRE(bench.store().dirty_set);
    const Pte before = bench.tables.read(kAddress, 1);
    for (const Access access : kAllAccesses) {
        const Walk walk = bench.walk(access);
        REQUIRE(walk.accessed_set == 0);
        REQUIRE_FALSE(walk.dirty_set);
        REQUIRE(bench.tables.read(kAddress, 1) == before);
    }
}

TEST_CASE("PageWalker: a denied write leaves the leaf untouched and sets A above it (21)") {
    Bench bench;
    bench.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, Pte::kPresent | Pte::kUser);
    const Walk walk = bench.store();
    REQUIRE(walk.end == WalkEnd::kDenied);
    REQUIRE_FALSE(bench.tables.read(kAddress, 1).accessed());
    REQUIRE_FALSE(bench.tables.read(kAddress, 1).dirty());
    for (unsigned level = 2; level <= 4; ++level) REQUIRE(bench.tables.read(kAddress, level).accessed());
}

TEST_CASE("PageWalker: a walk without effects finds the same and marks nothing") {
    Bench bench;
    bench.tables.map(kAddress, PhysAddr{0x1000});
    const Walk walk = bench.walk(Access::kStore, Privilege::kUser, kAddress, WalkEffects::kNone);
    REQUIRE(walk.translated());
    REQUIRE(walk.physical(kAddress).value == 0x1abc);
    for (unsigned level = 1; level <= 4; ++level)
        REQUIRE_FALSE(bench.tables.read(kAddress, level).accessed());
}

TEST_CASE("PageWalker: a root outside RAM reads as all ones, which is a reserved bit and not a crash") {
    Bench bench;
    bench.control.cr3 = u64{1} << 40;
    REQUIRE(bench.load().end == WalkEnd::kReserved);
}
