#include "kernel/buddy.h"

#include <map>
#include <vector>

#include "mmu/base/rng.h"

#undef CHECK
#include <catch2/catch.hpp>

using kernel::Buddy;
using kernel::MemMap;
using kernel::Pfn;
using mmu::u64;

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
