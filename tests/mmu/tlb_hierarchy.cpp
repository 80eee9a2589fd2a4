// The hierarchy's rules one by one, by hand; that all of them together are exact is
// tlb_hierarchy_exactness.cpp's.
#include "mmu/tlb_hierarchy.h"

#include "mmu/presets.h"
#include "mmu/reference_model.h"

#include <catch2/catch.hpp>

using namespace mmu;
using Level = TlbHierarchy::Level;

namespace {

constexpr PageSizes kAny{.k4 = true, .m2 = true, .g1 = true};

TlbConfig two_levels(HierarchyRule rule, u32 l1_ways = 2, u32 l2_ways = 4) {
    TlbConfig config;
    config.l1_instruction = {{.name = "L1I", .sizes = kAny, .ways = l1_ways}};
    config.l1_load = {{.name = "L1D", .sizes = kAny, .ways = l1_ways}};
    config.l2 = {{.name = "L2", .sizes = kAny, .ways = l2_ways}};
    config.rule = rule;
    return config;
}

TlbEntry page_at(VirtAddr address, u16 pcid = 0, PageSize size = PageSize::k4K) {
    return {.page_number = address.page_number(size),
            .size = size,
            .leaf = size,
            .pcid = pcid,
            .frame = PhysAddr{address.page_base(size).value + (u64{1} << 40)}};
}

struct Driver {
    explicit Driver(const TlbConfig& config) : tlb(config, 1) { CHECK(config.validate().has_value()); }

    /// A reference to 4K page `n`, walked on a miss.
    Level operator()(u64 n, RefKind kind = RefKind::kLoad, u16 pcid = 0) {
        return reference(page_at(VirtAddr{n << 12}, pcid), VirtAddr{n << 12}, kind, pcid);
    }
    Level reference(const TlbEntry& entry, VirtAddr address, RefKind kind = RefKind::kLoad, u16 pcid = 0) {
        const auto result = tlb.lookup(kind, address, pcid);
        if (result.level == Level::kMiss) tlb.fill(kind, address, entry);
        return result.level;
    }
    Level peek(VirtAddr address, RefKind kind = RefKind::kLoad, u16 pcid = 0) const {
        return tlb.peek(kind, address, pcid).level;
    }
    TlbHierarchy tlb;
};

}  // namespace

TEST_CASE(
    "TlbHierarchy: non-inclusive, an L1 hit leaves L2's order alone, and an L1 eviction writes nothing "
    "back") {
    Driver drive(two_levels(HierarchyRule::kNonInclusive));
    for (u64 page : {1, 2, 1, 1, 1, 3, 4}) drive(page);  // L2 saw 1 2 3 4 once each
    drive(3);
    drive(5);  // so 1, not 2, leaves L2, although it was used later
    CHECK(drive.peek(VirtAddr{0x1000}) == Level::kMiss);
    CHECK(drive.peek(VirtAddr{0x2000}) == Level::kL2);
    CHECK(drive(2) == Level::kL2);
    CHECK(drive.peek(VirtAddr{0x2000}) == Level::kL1);
}

TEST_CASE("TlbHierarchy: non-inclusive, a page may stay in L1 after it has left L2") {
    Driver drive(two_levels(HierarchyRule::kNonInclusive, 2, 2));
    drive(1);
    drive(2, RefKind::kFetch);
    drive(3, RefKind::kFetch);
    CHECK(drive(1) == Level::kL1);
    CHECK(drive(1, RefKind::kFetch) == Level::kMiss);
}

TEST_CASE("TlbHierarchy: inclusive, what leaves L2 leaves every L1, and its L0 slot goes too") {
    Driver drive(two_levels(HierarchyRule::kInclusive, 2, 2));
    static L0 l0;
    drive.tlb.attach(&l0);
    CHECK(drive.tlb.granular());
    drive(1);
    TlbWay* way = drive.tlb.lookup(RefKind::kLoad, VirtAddr{0x1000}, 0).way;
    u8 host[16];
    L0::fill(l0.load, VirtAddr{0x1000}, host, drive.tlb.front_stamp(RefKind::kLoad, way));
    CHECK(l0.probe(l0.load, 0x1008, 8) == host + 8);
    drive(2, RefKind::kFetch);
    drive(3, RefKind::kFetch);
    CHECK(l0.probe(l0.load, 0x1008, 8) == nullptr);
    CHECK(drive(1) == Level::kMiss);
    drive.tlb.attach(nullptr);
}

TEST_CASE("TlbHierarchy: exclusive, L2 holds what L1 has evicted, and a hit moves it") {
    Driver drive(two_levels(HierarchyRule::kExclusive, 2, 2));
    const auto resident = [&] { return drive.tlb.arrays()[2].resident(); };
    drive(1);
    drive(2);
    CHECK(resident() == 0);
    drive(3);
    CHECK(resident() == 1);
    CHECK(drive(1) == Level::kL2);  // and 2 takes its place there
    CHECK(resident() == 1);
    drive(4);
    CHECK(drive.peek(VirtAddr{0x3000}) == Level::kL2);
    CHECK(drive.peek(VirtAddr{0x2000}) == Level::kL2);  // together L1 and L2 hold four pages
    CHECK(drive.peek(VirtAddr{0x1000}) == Level::kL1);
}

TEST_CASE(
    "TlbHierarchy: loads and stores share an L1 where there is one, and have their own where there are two") {
    Driver shared(two_levels(HierarchyRule::kNonInclusive));
    shared(1);
    CHECK(shared(1, RefKind::kStore) == Level::kL1);
    CHECK(shared(1, RefKind::kFetch) == Level::kL2);
    TlbConfig config = two_levels(HierarchyRule::kNonInclusive);
    config.l1_store = config.l1_load;
    Driver split(config);
    split(1);
    CHECK(split(1, RefKind::kStore) == Level::kL2);
    CHECK(split(1, RefKind::kStore) == Level::kL1);
}

TEST_CASE("TlbHierarchy: an entry is seen under its own PCID, a global one under any") {
    Driver drive(two_levels(HierarchyRule::kNonInclusive));
    drive(1, RefKind::kLoad, 5);
    CHECK(drive.peek(VirtAddr{0x1000}, RefKind::kLoad, 6) == Level::kMiss);
    TlbEntry global = page_at(VirtAddr{0x2000}, 5);
    global.global = true;
    drive.reference(global, VirtAddr{0x2000}, RefKind::kLoad, 5);
    CHECK(drive.peek(VirtAddr{0x2000}, RefKind::kLoad, 6) == Level::kL1);
}

TEST_CASE("TlbHierarchy: each invalidation drops what SDM 4.10.4.1 names, in all levels") {
    const auto filled = [] {
        auto drive = std::make_unique<Driver>(two_levels(HierarchyRule::kNonInclusive, 8, 16));
        (*drive)(1, RefKind::kLoad, 1);
        (*drive)(1, RefKind::kLoad, 2);
        (*drive)(3, RefKind::kFetch, 1);
        TlbEntry global = page_at(VirtAddr{0x2000}, 1);
        global.global = true;
        drive->reference(global, VirtAddr{0x2000}, RefKind::kLoad, 1);
        return drive;
    };
    const auto levels = [](Driver& drive) {
        return std::vector<Level>{drive.peek(VirtAddr{0x1000}, RefKind::kLoad, 1),
                                  drive.peek(VirtAddr{0x1000}, RefKind::kLoad, 2),
                                  drive.peek(VirtAddr{0x3000}, RefKind::kFetch, 1),
                                  drive.peek(VirtAddr{0x2000}, RefKind::kLoad, 7)};
    };
    const Level hit = Level::kL1, gone = Level::kMiss;
    auto drive = filled();
    CHECK(drive->tlb.invalidate_page(VirtAddr{0x1fff}, 1) == 2);
    CHECK(levels(*drive) == std::vector{gone, hit, hit, hit});
    drive = filled();
    CHECK(drive->tlb.invalidate_page(VirtAddr{0x2000}, 9) == 2);  // global: whatever the PCID
    CHECK(levels(*drive) == std::vector{hit, hit, hit, gone});
    drive = filled();
    CHECK(drive->tlb.invalidate_address_nonglobal(VirtAddr{0x2000}, 1) == 0);
    CHECK(drive->tlb.invalidate_address_nonglobal(VirtAddr{0x1000}, 2) == 2);
    CHECK(levels(*drive) == std::vector{hit, gone, hit, hit});
    drive = filled();
    CHECK(drive->tlb.invalidate_pcid(1) == 4);
    CHECK(levels(*drive) == std::vector{gone, hit, gone, hit});
    drive = filled();
    CHECK(drive->tlb.invalidate_nonglobal() == 6);
    CHECK(levels(*drive) == std::vector{gone, gone, gone, hit});
    drive = filled();
    CHECK(drive->tlb.invalidate_all() == 8);
    CHECK(levels(*drive) == std::vector{gone, gone, gone, gone});
}

TEST_CASE(
    "TlbHierarchy: a 1G page in an L1 without room for it is cached in 2M pieces, and INVLPG drops them "
    "all") {
    TlbConfig config = two_levels(HierarchyRule::kNonInclusive, 8, 8);
    config.l1_load = {{.name = "4K", .sizes = {.k4 = true}, .ways = 4},
                      {.name = "2M", .sizes = {.m2 = true}, .ways = 4}};
    config.l2 = {{.name = "L2 4K", .sizes = {.k4 = true}, .ways = 4}};
    Driver drive(config);
    const VirtAddr base{0x40000000};
    const TlbEntry huge = page_at(base, 0, PageSize::k1G);
    CHECK(drive.reference(huge, base + 0x234567) == Level::kMiss);
    CHECK(drive.reference(huge, base + 0x2fffff) == Level::kL1);
    CHECK(drive.reference(huge, base + 0x400000) == Level::kMiss);  // another piece; L2 holds none
    const auto hit = drive.tlb.lookup(RefKind::kLoad, base + 0x234567, 0);
    CHECK(drive.tlb.entry(hit.way).size == PageSize::k2M);
    CHECK(drive.tlb.entry(hit.way).translate(base + 0x234567).value == (u64{1} << 40) + 0x40234567);
    CHECK(drive.tlb.invalidate_page(base + 0x3fffffff, 0) == 2);
    CHECK(drive.peek(base + 0x234567) == Level::kMiss);
}

TEST_CASE(
    "TlbHierarchy: an update reaches L1 and L2 without counting as a use; a change of size is refused") {
    Driver drive(two_levels(HierarchyRule::kNonInclusive));
    drive(1);
    drive(2);
    TlbEntry dirty = page_at(VirtAddr{0x1000});
    dirty.dirty = true;
    CHECK(drive.tlb.update(RefKind::kLoad, VirtAddr{0x1000}, dirty));
    CHECK(drive.tlb.peek(RefKind::kLoad, VirtAddr{0x1000}, 0).way->entry.dirty);
    CHECK(drive.tlb.peek(RefKind::kFetch, VirtAddr{0x1000}, 0).way->entry.dirty);  // L2's
    drive(3);
    CHECK(drive.peek(VirtAddr{0x1000}) == Level::kL2);  // 1 was still the oldest in L1
    CHECK(!drive.tlb.update(RefKind::kLoad, VirtAddr{0x1000}, dirty));

    const VirtAddr large{0x600000};
    drive.reference(page_at(large, 0, PageSize::k2M), large);
    CHECK(!drive.tlb.update(RefKind::kLoad, large, page_at(large)));  // split into 4K pages meanwhile
}

TEST_CASE("TlbHierarchy: two L2 arrays that hold 4K pages share them by a page-number bit") {
    TlbHierarchy tlb(*find_preset("ice-lake"), 1);
    for (u64 page = 0; page < 2048; ++page) {
        tlb.lookup(RefKind::kLoad, VirtAddr{page << 12}, 0);
        tlb.fill(RefKind::kLoad, VirtAddr{page << 12}, page_at(VirtAddr{page << 12}));
    }
    u64 missing = 0;
    for (u64 page = 0; page < 2048; ++page)
        missing += !tlb.peek(RefKind::kFetch, VirtAddr{page << 12}, 0).way;
    CHECK(missing == 0);
}

TEST_CASE("ReferenceModel: it names the first reference whose outcome differs, and keeps it") {
    const TlbConfig config = two_levels(HierarchyRule::kNonInclusive);
    ReferenceModel model(config, 1);
    CHECK(model.check_reference(RefKind::kLoad, VirtAddr{0x1234}, 3, Level::kMiss, nullptr));
    model.fill(RefKind::kLoad, VirtAddr{0x1234}, page_at(VirtAddr{0x1000}, 3));
    CHECK(!model.failure());
    CHECK(!model.check_reference(RefKind::kStore, VirtAddr{0x1238}, 3, Level::kL2, nullptr));
    CHECK(*model.failure() == "reference 2 (store of 0x1238, PCID 3): expected an L1 hit, got an L2 hit");
    CHECK(!model.check_reference(RefKind::kStore, VirtAddr{0x1238}, 3, Level::kMiss, nullptr));
    CHECK_THAT(*model.failure(), Catch::StartsWith("reference 2 "));

    ReferenceModel other(config, 1);
    other.reference(RefKind::kLoad, VirtAddr{0x1000}, 0);
    other.fill(RefKind::kLoad, VirtAddr{0x1000}, page_at(VirtAddr{0x1000}));
    TlbEntry wrong = page_at(VirtAddr{0x1000});
    wrong.writable = true;
    CHECK(!other.check_reference(RefKind::kLoad, VirtAddr{0x1000}, 0, Level::kL1, &wrong));
    CHECK_THAT(*other.failure(), Catch::Contains("got 4K page 0x1000 -> 0x10000001000, PCID 0, writable"));
}
