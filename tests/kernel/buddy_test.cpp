#include "kernel/buddy.h"

#include <map>
#include <vector>

#include "mmu/base/rng.h"

#ifndef TWOBLUECUBES_SINGLE_INCLUDE_CATCH_HPP_INCLUDED  // precompiled, Catch is there already
#undef CHECK
#endif
#include <catch2/catch.hpp>

using kernel::Buddy;
using kernel::MemMap;
using kernel::Pfn;
using mmu::u64;
using mmu::usize;

TEST_CASE("Buddy: first use is in ascending order, the lower half of a split first") {
    MemMap map(4096);
    Buddy buddy(map, Pfn{256});
    for (u64 i = 0; i < 100; ++i) CHECK(buddy.alloc_pages(0)->value == 256 + i);
    CHECK(buddy.alloc_pages(4)->value == 368);  // the next multiple of 16
    buddy.validate();
}

TEST_CASE("Buddy: freed halves join again up to the largest order") {
    MemMap map(4096);
    Buddy buddy(map, Pfn{1024});
    REQUIRE(buddy.free_blocks(10) == 3);
    std::vector<Pfn> frames;
    for (int i = 0; i < 1024; ++i) frames.push_back(*buddy.alloc_pages(0));
    CHECK(buddy.free_blocks(10) == 2);
    for (const Pfn pfn : frames) {
        map[pfn].refcount = 0;
        buddy.free_pages(pfn, 0);
    }
    CHECK(buddy.free_blocks(10) == 3);
    for (unsigned order = 0; order < 10; ++order) CHECK(buddy.free_blocks(order) == 0);
    buddy.validate();
}

TEST_CASE("Buddy: no sequence of allocations and frees breaks its invariants or hands a frame out twice") {
    for (u64 seed = 1; seed <= 20; ++seed) {
        mmu::Rng rng(seed);
        const u64 frames = 300 + rng.below(5000);
        MemMap map(frames);
        Buddy buddy(map, Pfn{1 + rng.below(256)});
        const u64 all = buddy.free_frames();
        std::map<u64, unsigned> blocks;  // by first frame
        for (int step = 0; step < 2000; ++step) {
            if (rng.below(100) < 55) {
                const unsigned order = static_cast<unsigned>(rng.below(rng.below(8) ? 3 : 11));
                const auto pfn = buddy.alloc_pages(order);
                if (!pfn) continue;
                REQUIRE(pfn->value % (u64{1} << order) == 0);
                REQUIRE(pfn->value + (u64{1} << order) <= frames);
                const auto next = blocks.lower_bound(pfn->value);
                if (next != blocks.end()) REQUIRE(pfn->value + (u64{1} << order) <= next->first);
                if (next != blocks.begin()) {
                    const auto& [first, previous_order] = *std::prev(next);
                    REQUIRE(first + (u64{1} << previous_order) <= pfn->value);
                }
                blocks[pfn->value] = order;
            } else if (!blocks.empty()) {
                auto it = std::next(blocks.begin(), static_cast<long>(rng.below(blocks.size())));
                map[Pfn{it->first}].refcount = 0;
                buddy.free_pages(Pfn{it->first}, it->second);
                blocks.erase(it);
            }
            if (step % 64 == 0) buddy.validate();
        }
        for (const auto& [first, order] : blocks) {
            map[Pfn{first}].refcount = 0;
            buddy.free_pages(Pfn{first}, order);
        }
        buddy.validate();
        REQUIRE(buddy.free_frames() == all);
    }
}

namespace {

using namespace kernel;

/// The blocks of each type that a first scheme of allocations leaves: what is movable goes up from the start,
/// what is not has taken a whole block of the largest order.
Pfn take(Buddy& buddy, unsigned order, MigrateType type) {
    const auto pfn = buddy.alloc_pages(order, type);
    REQUIRE(pfn);
    return *pfn;
}

void give(MemMap& map, Buddy& buddy, Pfn pfn, unsigned order) {
    map[pfn].refcount = 0;
    buddy.free_pages(pfn, order);
}

}  // namespace

TEST_CASE("Buddy: what cannot move steals the largest movable block and stays within it") {
    MemMap map(16384);
    Buddy buddy(map, Pfn{256});
    const Pfn movable = take(buddy, 0, MIGRATE_MOVABLE);
    const Pfn table = take(buddy, 0, MIGRATE_UNMOVABLE);
    CHECK(movable.value == 256);
    CHECK(table.value == 1024);  // the first block of order 10: whole pageblocks change hands
    CHECK(buddy.pageblock_type(1024) == MIGRATE_UNMOVABLE);
    CHECK(buddy.pageblock_type(1536) == MIGRATE_UNMOVABLE);
    CHECK(buddy.fallbacks() == 1);
    for (int i = 0; i < 1023; ++i) CHECK(buddy.pageblock_type(take(buddy, 0, MIGRATE_UNMOVABLE).value) == 0);
    CHECK(buddy.fallbacks() == 1);
    for (u64 i = 1; i < 768; ++i) CHECK(take(buddy, 0, MIGRATE_MOVABLE).value == 256 + i);
    CHECK(take(buddy, 0, MIGRATE_MOVABLE).value == 2048);
    CHECK(take(buddy, 0, MIGRATE_RECLAIMABLE).value == 3072);
    CHECK(buddy.collect_pageblocks(MIGRATE_UNMOVABLE) == 2);
    CHECK(buddy.collect_pageblocks(MIGRATE_RECLAIMABLE) == 2);
    CHECK(buddy.collect_pageblocks(MIGRATE_MOVABLE) == 28);
    buddy.validate();
}

TEST_CASE("Buddy: the reclaimable prefer to steal from the unmovable, the unmovable from the reclaimable") {
    MemMap map(16384);
    Buddy buddy(map, Pfn{1024});
    (void)take(buddy, 10, MIGRATE_UNMOVABLE);
    const Pfn second = take(buddy, 10, MIGRATE_UNMOVABLE);
    give(map, buddy, second, 10);
    REQUIRE(buddy.free_blocks(10, MIGRATE_UNMOVABLE) == 1);
    CHECK(take(buddy, 0, MIGRATE_RECLAIMABLE) == second);  // not from the movable, which has much more
    CHECK(buddy.pageblock_type(second.value) == MIGRATE_RECLAIMABLE);
    CHECK(take(buddy, 9, MIGRATE_UNMOVABLE).value == 3072);  // the largest first, whoever has it
    CHECK(buddy.pageblock_type(second.value + 512) == MIGRATE_RECLAIMABLE);
    CHECK(buddy.pageblock_type(second.value) == MIGRATE_RECLAIMABLE);
    buddy.validate();
}

TEST_CASE(
    "Buddy: a movable page in need takes the smallest foreign block and leaves the pageblock its type") {
    MemMap map(16384);
    Buddy buddy(map, Pfn{512});
    std::vector<Pfn> unmovable;
    for (int i = 0; i < 2048; ++i) unmovable.push_back(take(buddy, 0, MIGRATE_UNMOVABLE));
    while (buddy.free_frames()) (void)take(buddy, 0, MIGRATE_MOVABLE);
    // Single frames, and one pair, of a pageblock that is otherwise in use.
    give(map, buddy, unmovable[8], 0);
    give(map, buddy, unmovable[16], 0);
    give(map, buddy, unmovable[17], 0);
    CHECK(take(buddy, 0, MIGRATE_MOVABLE) == unmovable[8]);
    CHECK(buddy.pageblock_type(unmovable[8].value) == MIGRATE_UNMOVABLE);
    CHECK(buddy.free_blocks(1, MIGRATE_UNMOVABLE) == 1);
    buddy.validate();
}

TEST_CASE("Buddy: a pageblock that is mostly free follows who steals from it") {
    MemMap map(16384);
    Buddy buddy(map, Pfn{512});
    std::vector<Pfn> unmovable;
    for (int i = 0; i < 1024; ++i) unmovable.push_back(take(buddy, 0, MIGRATE_UNMOVABLE));
    while (buddy.free_frames()) (void)take(buddy, 0, MIGRATE_MOVABLE);
    for (u64 i = 1; i < 512; ++i) give(map, buddy, unmovable[i], 0);  // one stays: orders 0 to 8 are free
    CHECK(take(buddy, 0, MIGRATE_MOVABLE).value / 512 == unmovable[0].value / 512);
    CHECK(buddy.pageblock_type(unmovable[0].value) == MIGRATE_MOVABLE);
    CHECK(buddy.free_blocks(8, MIGRATE_UNMOVABLE) == 0);
    buddy.validate();
}

TEST_CASE("Buddy: too little RAM is not parted by type") {
    MemMap map(2048);
    Buddy buddy(map, Pfn{256});
    CHECK(!buddy.groups_by_mobility());
    CHECK(take(buddy, 0, MIGRATE_MOVABLE).value == 256);
    CHECK(take(buddy, 0, MIGRATE_UNMOVABLE).value == 257);
    CHECK(buddy.fallbacks() == 0);
    buddy.validate();
}

TEST_CASE("Buddy: no mixture of types breaks the invariants, and each type may use all of RAM") {
    for (u64 seed = 1; seed <= 12; ++seed) {
        mmu::Rng rng(seed);
        const u64 frames = 4096 + rng.below(8192);
        MemMap map(frames);
        Buddy buddy(map, Pfn{1 + rng.below(700)});
        const u64 all = buddy.free_frames();
        std::vector<std::pair<Pfn, unsigned>> blocks;
        const auto free_one = [&](usize i) {
            give(map, buddy, blocks[i].first, blocks[i].second);
            blocks[i] = blocks.back();
            blocks.pop_back();
        };
        for (int step = 0; step < 6000; ++step) {
            if (rng.below(100) < (step / 1500 % 2 ? 35u : 75u)) {
                const unsigned order = static_cast<unsigned>(rng.below(rng.below(16) ? 3 : 11));
                const auto type = static_cast<MigrateType>(rng.below(MIGRATE_PCPTYPES));
                const auto pfn = buddy.alloc_pages(order, type);
                if (pfn) blocks.emplace_back(*pfn, order);
                if (!pfn) REQUIRE(buddy.free_blocks(10) == 0);
                if (pfn && rng.below(2)) map[*pfn].flags |= kernel::Page::kLru;
            } else if (!blocks.empty()) {
                free_one(rng.below(blocks.size()));
            }
            if (step % 256 == 0) buddy.validate();
        }
        while (const auto pfn = buddy.alloc_pages(0, static_cast<MigrateType>(seed % 3)))
            blocks.emplace_back(*pfn, 0);
        REQUIRE(buddy.free_frames() == 0);
        while (!blocks.empty()) free_one(blocks.size() - 1);
        buddy.validate();
        REQUIRE(buddy.free_frames() == all);
    }
}

TEST_CASE("Buddy: the fragmentation index tells lack of memory from lack of large blocks") {
    MemMap map(8192);
    Buddy buddy(map, Pfn{1024});
    CHECK(fragmentation_index(buddy, 9) == -1000);  // it would succeed
    CHECK(unusable_free_index(buddy, 9) == 0);
    std::vector<Pfn> frames;
    while (const auto pfn = buddy.alloc_pages(0)) frames.push_back(*pfn);
    CHECK(fragmentation_index(buddy, 0) == 0);
    CHECK(unusable_free_index(buddy, 0) == 1000);
    for (usize i = 0; i < frames.size(); i += 2) give(map, buddy, frames[i], 0);
    CHECK(fragmentation_index(buddy, 0) == -1000);
    CHECK(fragmentation_index(buddy, 9) > 990);  // half of RAM is free, in single frames
    CHECK(unusable_free_index(buddy, 0) == 0);
    CHECK(unusable_free_index(buddy, 1) == 1000);
    for (usize i = 0; i < frames.size(); i += 2) REQUIRE(buddy.alloc_pages(0));
    give(map, buddy, frames[0], 0);
    CHECK(fragmentation_index(buddy, 9) < 10);  // nearly nothing is
}
