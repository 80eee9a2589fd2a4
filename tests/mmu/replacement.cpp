// Replacement policies by hand: known sequences, and the laws that they obey.
#include "mmu/replacement.h"

#include <string>
#include <vector>

#include "mmu/tlb.h"

#include <catch2/catch.hpp>

using namespace mmu;

namespace {

/// One fully associative array of a policy, spoken to by page numbers.
class OneSet {
  public:
    OneSet(std::string_view policy, u32 ways)
        : tlb_({.name = "set", .sizes = {.k4 = true}, .sets = 1, .ways = ways, .policy = std::string(policy)},
               0, 0, 42) {}

    bool reference(u64 page) {
        const VirtAddr address{page << kPageShift};
        ++now_;
        if (TlbWay* way = tlb_.find(PageSize::k4K, address, 0)) {
            tlb_.touch(*way, now_);
            return true;
        }
        const TlbEntry entry{.page_number = page};
        const Tlb::Place place = tlb_.place_for(entry, now_, Tlb::Presence::kAbsent);
        last_way_ = place.way->number;
        tlb_.insert(*place.way, entry, now_);
        return false;
    }
    void references(std::initializer_list<u64> pages) {
        for (u64 page : pages) reference(page);
    }
    void drop(u64 page) { tlb_.remove(*tlb_.find(PageSize::k4K, VirtAddr{page << kPageShift}, 0)); }
    /// The way that the next new page takes.
    u32 victim() {
        reference(next_new_++);
        return last_way_;
    }

  private:
    Tlb tlb_;
    u64 now_ = 0;
    u64 next_new_ = 1000;
    u32 last_way_ = 0;
};

}  // namespace

TEST_CASE("replacement: invalid ways are taken first, the lowest one") {
    for (const Policy& policy : kPolicies) {
        INFO(policy.name);
        const u32 ways = policy.refuse(4) ? 6 : 4;
        OneSet set(policy.name, ways);
        for (u64 page = 0; page < ways; ++page) set.reference(page);
        set.drop(2);
        set.drop(1);
        CHECK(set.victim() == 1);
        CHECK(set.victim() == 2);
    }
}

TEST_CASE("replacement: LRU evicts the page used longest ago") {
    OneSet set("lru", 4);
    set.references({0, 1, 2, 3, 0, 2});
    CHECK(set.victim() == 1);
    CHECK(set.victim() == 3);
    CHECK(set.victim() == 0);
}

TEST_CASE("replacement: FIFO evicts the page inserted longest ago, used or not") {
    OneSet set("fifo", 4);
    set.references({0, 1, 2, 3, 0, 0, 1});
    CHECK(set.victim() == 0);
    CHECK(set.victim() == 1);
}

TEST_CASE("replacement: tree-PLRU of 4 ways follows its three bits") {
    // After 0 1 2 3 all bits point left. Each insertion and use turns its path's bits away.
    OneSet set("tree-plru", 4);
    set.references({0, 1, 2, 3});
    CHECK(set.victim() == 0);  // root now right, left node right
    CHECK(set.victim() == 2);  // root left, right node right
    CHECK(set.victim() == 1);
    CHECK(set.victim() == 3);
    OneSet used("tree-plru", 4);
    used.references({0, 1, 2, 3, 0, 2});  // root left, left node right
    CHECK(used.victim() == 1);
    // What LRU would not do: page 3, used longest ago, stays behind the root's bit.
    OneSet pseudo("tree-plru", 4);
    pseudo.references({0, 1, 2, 3, 3, 2, 1, 0, 2});
    CHECK(pseudo.victim() == 1);
}

TEST_CASE("replacement: tree-PLRU never evicts the page used last, and one of two ways is true LRU") {
    OneSet two("tree-plru", 2);
    two.references({0, 1, 0});
    CHECK(two.victim() == 1);
    CHECK(two.victim() == 0);
    OneSet set("tree-plru", 8);
    Rng rng(3);
    for (int i = 0; i < 2000; ++i) {
        const u64 page = rng.below(12);
        set.reference(page);
        set.reference(100 + rng.below(4));
        set.reference(page);
        CHECK(set.reference(page));
    }
}

TEST_CASE("replacement: Intel's STLB takes its victims from the group after the one used last") {
    // Twelve ways in groups of four: 0-3, 4-7, 8-11. tlbdr's (MRU+1)%3 PLRU4.
    OneSet set("mru3plru4", 12);
    set.references({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});  // last use in group 2
    CHECK(set.victim() == 0);                                // group 0, whose tree points at way 0
    CHECK(set.victim() == 4);                                // the insertion was a use of group 0
    CHECK(set.victim() == 8);
    CHECK(set.victim() == 2);
    CHECK(set.victim() == 6);
    CHECK(set.victim() == 10);
    CHECK(set.victim() == 1);
    set.reference(7);          // a hit in group 1
    CHECK(set.victim() == 9);  // so group 2 is next
}

TEST_CASE("replacement: bit-PLRU clears the other bits when the last one would be set") {
    OneSet set("bit-plru", 4);
    set.references({0, 1, 2, 3});  // page 3 sets the last bit: only its own stays
    CHECK(set.victim() == 0);
    CHECK(set.victim() == 1);
    CHECK(set.victim() == 2);  // the last clear one again
    CHECK(set.victim() == 0);
}

TEST_CASE("replacement: NRU clears all bits only when an eviction finds none clear") {
    OneSet set("nru", 4);
    set.references({0, 1, 2, 3});
    CHECK(set.victim() == 0);
    set.references({2});
    CHECK(set.victim() == 1);
    CHECK(set.victim() == 3);
    CHECK(set.victim() == 0);
}

TEST_CASE("replacement: SRRIP keeps pages that were used again and streams the others") {
    OneSet srrip("srrip", 4), lru("lru", 4);
    for (OneSet* set : {&srrip, &lru}) set->references({0, 1, 0, 1, 10, 11, 12, 13});
    CHECK(srrip.reference(0));  // inserted as long, 10 and later pages aged to distant before 0 and 1 did
    CHECK(srrip.reference(1));
    CHECK(!lru.reference(0));
}

TEST_CASE("replacement: LFU evicts the page used least since its insertion") {
    OneSet set("lfu", 3);
    set.references({0, 0, 0, 1, 1, 2, 2, 2, 2});
    CHECK(set.victim() == 1);
    CHECK(set.victim() == 1);
}

TEST_CASE("replacement: random draws from the array's seed, so two arrays agree") {
    OneSet a("random", 8), b("random", 8);
    for (u64 page = 0; page < 8; ++page) {
        a.reference(page);
        b.reference(page);
    }
    bool all_same = true, any_other = false;
    u32 first = a.victim();
    CHECK(first == b.victim());
    for (int i = 0; i < 50; ++i) {
        const u32 victim = a.victim();
        all_same = all_same && victim == b.victim();
        any_other = any_other || victim != first;
    }
    CHECK(all_same);
    CHECK(any_other);
}

TEST_CASE("replacement: a larger LRU array hits whenever a smaller one does (Mattson's inclusion)") {
    Rng rng(11);
    std::vector<OneSet> sets;
    for (u32 ways : {1u, 2u, 3u, 4u, 6u, 8u, 12u, 16u, 24u, 64u}) sets.emplace_back("lru", ways);
    u64 broken = 0, hits = 0;
    u64 page = 0;
    for (int i = 0; i < 20000; ++i) {
        page = rng.below(4) == 0 ? rng.below(80) : (page + rng.below(5)) % 40;
        bool smaller_hit = false;
        for (OneSet& set : sets) {
            const bool hit = set.reference(page);
            broken += smaller_hit && !hit;
            smaller_hit = hit;
            hits += hit;
        }
    }
    CHECK(broken == 0);
    CHECK(hits > 20000);
}

TEST_CASE("replacement: FIFO has no such inclusion (Belady's anomaly)") {
    const std::vector<u64> pages = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
    const auto misses = [&](u32 ways) {
        OneSet set("fifo", ways);
        u32 count = 0;
        for (u64 page : pages) count += !set.reference(page);
        return count;
    };
    CHECK(misses(3) == 9);
    CHECK(misses(4) == 10);
}

TEST_CASE("replacement: each name is found, and no two are the same") {
    for (const Policy& policy : kPolicies) CHECK(find_policy(policy.name) == &policy);
    CHECK(find_policy("best") == nullptr);
    CHECK(find_policy("tree-plru")->refuse(6) != nullptr);
    CHECK(find_policy("mru3plru4")->refuse(8) != nullptr);
    CHECK(find_policy("mru3plru4")->refuse(12) == nullptr);
}
