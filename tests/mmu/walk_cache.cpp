// SDM Vol. 3A 4.10.3: what the paging-structure caches hold, how they are used and when they are invalidated.
#include "tests/mmu/machine.h"

#include "mmu/base/rng.h"

#include <catch2/catch.hpp>

#include <list>

using namespace mmu;

namespace {

constexpr VirtAddr kAddress{0x7f12'3456'7abc};

}  // namespace

TEST_CASE("WalkCacheLevel: it behaves as a list in order of use, for any sequence of operations") {
    const unsigned capacity = GENERATE(1u, 2u, 5u, 32u);
    WalkCacheLevel cache(2, capacity);
    struct Item {
        u64 prefix;
        u16 pcid;
        u64 table;
    };
    std::list<Item> model;  // most recently used first
    Rng rng(capacity);
    for (unsigned step = 0; step < 30'000; ++step) {
        const VirtAddr address{rng.below(3 * capacity) << 21 | rng.below(1 << 21)};
        const u16 pcid = static_cast<u16>(rng.below(3));
        const auto same = [&](const Item& item) {
            return item.prefix == address.value >> 21 && item.pcid == pcid;
        };
        const auto found = std::find_if(model.begin(), model.end(), same);
        const u64 choice = rng.below(100);
        if (choice < 50) {
            const WalkStart* const start = cache.lookup(address, pcid);
            REQUIRE((start != nullptr) == (found != model.end()));
            if (start) {
                REQUIRE(start->table.value == found->table);
                model.splice(model.begin(), model, found);
            }
        } else if (choice < 90) {
            if (found != model.end()) model.erase(found);
            model.push_front({address.value >> 21, pcid, step});
            if (model.size() > capacity) model.pop_back();
            cache.insert(address, pcid, {1, PhysAddr{step}, {}});
        } else if (choice < 96) {
            REQUIRE(cache.invalidate(address, pcid) == (found != model.end()));
            if (found != model.end()) model.erase(found);
        } else if (choice < 99) {
            const u64 before = model.size();
            model.remove_if([&](const Item& item) { return item.pcid == pcid; });
            REQUIRE(cache.invalidate_pcid(pcid) == before - model.size());
        } else {
            REQUIRE(cache.invalidate_all() == model.size());
            model.clear();
        }
        REQUIRE(cache.size() == model.size());
    }
}

TEST_CASE(
    "WalkCache: a completed walk leaves an entry at each level above the leaf, with the rights so far (29)") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x1000});
    machine.tables.clear(kAddress, 3, Pte::kWritable);
    machine.tables.set(kAddress, 2, Pte::kNoExecute);
    REQUIRE(machine.load(kAddress));
    const WalkCache& cache = machine.mmu.walk_cache();
    REQUIRE(cache.level(4).peek(kAddress, 0)->rights == Rights{true, true, false, 0});
    REQUIRE(cache.level(3).peek(kAddress, 0)->rights == Rights{false, true, false, 0});
    REQUIRE(cache.level(2).peek(kAddress, 0)->rights == Rights{false, true, true, 0});
    REQUIRE(cache.level(5).size() == 0);
    for (unsigned level = 2; level <= 4; ++level)
        REQUIRE(cache.level(level).peek(kAddress, 0)->table ==
                machine.tables.read(kAddress, level).address());
}

TEST_CASE("WalkCache: a large page's own entry is never in it, nor is anything of a walk that faulted (29)") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0}, PageSize::k2M);
    REQUIRE(machine.load(kAddress));
    REQUIRE(machine.mmu.walk_cache().level(2).size() == 0);
    REQUIRE(machine.mmu.walk_cache().level(3).size() == 1);
    machine.mmu.flush_all();
    const VirtAddr other{0x1234'5000};
    machine.tables.map(other, PhysAddr{0x1000}, PageSize::k4K, 0);
    REQUIRE_FALSE(machine.load(other));
    for (unsigned level = 2; level <= 5; ++level) REQUIRE(machine.mmu.walk_cache().level(level).size() == 0);
}

TEST_CASE("WalkCache: the cache nearest to the leaf is asked first: PDE, PDPTE, PML4E, PML5E (30)") {
    Machine machine(small_tlb(), 5);
    const auto walk_of = [&](VirtAddr address) {
        machine.tables.map(address, PhysAddr{0x1000});
        const WalkStats before = machine.walks();
        REQUIRE(machine.load(address));
        return machine.walks().memory_references - before.memory_references;
    };
    REQUIRE(walk_of(kAddress) == 5);
    REQUIRE(machine.walks().cache_misses == 1);
    REQUIRE(walk_of(kAddress + 0x1000) == 1);
    REQUIRE(machine.walks().cache_hits == std::array<u64, 4>{1, 0, 0, 0});
    REQUIRE(walk_of(kAddress + (u64{1} << 21)) == 2);
    REQUIRE(machine.walks().cache_hits == std::array<u64, 4>{1, 1, 0, 0});
    REQUIRE(walk_of(kAddress + (u64{1} << 30)) == 3);
    REQUIRE(machine.walks().cache_hits == std::array<u64, 4>{1, 1, 1, 0});
    REQUIRE(walk_of(kAddress + (u64{1} << 39)) == 4);
    REQUIRE(machine.walks().cache_hits == std::array<u64, 4>{1, 1, 1, 1});
    REQUIRE(walk_of(kAddress + (u64{1} << 48)) == 5);
    REQUIRE(machine.walks().cache_misses == 2);
}

TEST_CASE("WalkCache: with no caches every walk begins at CR3") {
    TlbConfig config = small_tlb();
    config.walk_caches.pml5e = config.walk_caches.pml4e = config.walk_caches.pdpte = config.walk_caches.pde =
        0;
    Machine machine(config);
    for (unsigned page = 0; page < 20; ++page) {
        machine.tables.map(kAddress + page * kPageSize, PhysAddr{0x1000});
        REQUIRE(machine.load(kAddress + page * kPageSize));
    }
    REQUIRE(machine.walks().memory_references == 80);
    REQUIRE(machine.walks().cache_misses == 20);
}

TEST_CASE("WalkCache: a stale entry is used until it is invalidated, as a stale TLB entry is (24)") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x1000});
    REQUIRE(machine.reached(kAddress) == 0x1abc);
    const PhysAddr other = machine.tables.take();  // another page table, which maps 0x2000 ...
    machine.memory.write64(other + 8 * (kAddress + kPageSize).table_index(1),
                           0x2000 | TableBuilder::kUserPage);
    machine.tables.map(kAddress + kPageSize, PhysAddr{0x3000});
    machine.tables.write(kAddress, 2, Pte{other.pfn(), TableBuilder::kTable});
    REQUIRE(machine.reached(kAddress + kPageSize) == 0x3abc);  // ... the PDE cache still leads to the old one
    machine.mmu.invlpg(kAddress + kPageSize);
    REQUIRE(machine.reached(kAddress + kPageSize) == 0x2abc);
}

TEST_CASE("WalkCache: G has no meaning for it, and MOV to CR3 empties the PCID's part of it (31, 34)") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, TableBuilder::kUserPage | Pte::kGlobal);
    REQUIRE(machine.load(kAddress));
    REQUIRE(machine.mmu.load_cr3(machine.tables.root().value));
    REQUIRE(machine.mmu.walk_cache().level(2).size() == 0);
    REQUIRE(machine.load(kAddress));  // the TLB entry, being global, is still there
    REQUIRE(machine.user_loads().l1_misses == 1);
}

TEST_CASE("WalkCache: INVLPG of any address empties the current PCID's part of it, and no other's (32)") {
    Machine machine;
    machine.set_cr4(ControlRegisters::kCr4Pcide);
    machine.tables.map(kAddress, PhysAddr{0x1000});
    for (const u64 pcid : {u64{1}, u64{2}}) {
        REQUIRE(machine.mmu.load_cr3(machine.tables.root().value | pcid | ControlRegisters::kCr3NoFlush));
        REQUIRE(machine.load(kAddress));
    }
    machine.mmu.invlpg(VirtAddr{0});
    for (unsigned level = 2; level <= 4; ++level) {
        REQUIRE(machine.mmu.walk_cache().level(level).peek(kAddress, 2) == nullptr);
        REQUIRE(machine.mmu.walk_cache().level(level).peek(kAddress, 1) != nullptr);
    }
}

TEST_CASE("WalkCache: a page fault drops the entries that its address would use, and no others (28)") {
    Machine machine;
    const VirtAddr elsewhere{0x1000};
    machine.tables.map(elsewhere, PhysAddr{0x1000});
    machine.tables.map(kAddress, PhysAddr{0x1000});
    REQUIRE(machine.load(elsewhere));
    REQUIRE(machine.load(kAddress));
    REQUIRE_FALSE(machine.load(kAddress + kPageSize));
    for (unsigned level = 2; level <= 4; ++level) {
        REQUIRE(machine.mmu.walk_cache().level(level).peek(kAddress, 0) == nullptr);
        REQUIRE(machine.mmu.walk_cache().level(level).peek(elsewhere, 0) != nullptr);
    }
}
