// The kernel's own memory: slab caches, kmalloc, vmalloc and mempools, in guest RAM.
#include "kernel/slab.h"

#include <map>
#include <set>

#include "kernel/mempool.h"
#include "kernel/vmalloc.h"
#include "kernel/vmscan.h"
#include "mmu/base/rng.h"
#include "tests/kernel/mm_fixture.h"

using kernel::CacheId;
using kernel::GFP_KERNEL;
using kernel::GFP_NOWAIT;
using mm_test::kAnon;
using mm_test::kFixed;
using mm_test::kPage;
using mm_test::kPrivate;
using mm_test::kRead;
using mm_test::kWrite;
using mm_test::Machine;
using mmu::Access;
using mmu::u32;
using mmu::u64;

namespace {

/// A machine whose kernel has slabs and a vmalloc area.
struct WithSlab : Machine {
    explicit WithSlab(u64 ram = 64u << 20) : Machine(ram) {
        kernel::slab_init(*system);
        kernel::vmalloc_init(*system);
    }
    const kernel::KmemCache& cache(CacheId id) const { return system->slab.caches[id]; }
    u64 word(u64 address) const {
        u64 value;
        std::memcpy(&value, system->memory.host(mmu::PhysAddr{address - kernel::kPageOffset}), sizeof value);
        return value;
    }
    void fill(u64 address, u64 bytes, int byte) {
        std::memset(system->memory.host(mmu::PhysAddr{address - kernel::kPageOffset}), byte, bytes);
    }
    /// Takes all frames that allocations without reclaim can have.
    std::vector<u64> exhaust() {
        std::vector<u64> taken;
        while (const u64 page = kernel::__get_free_pages(*system, GFP_NOWAIT, 0)) taken.push_back(page);
        return taken;
    }
    void give_back(const std::vector<u64>& pages) {
        for (const u64 page : pages) kernel::free_pages(*system, page, 0);
    }
};

}  // namespace

TEST_CASE("kmalloc: each size gets the smallest class that holds it, and its class's alignment") {
    WithSlab m;
    const std::map<u64, u64> classes{{1, 8},       {8, 8},       {9, 16},      {33, 64},
                                     {64, 64},     {65, 96},     {96, 96},     {97, 128},
                                     {129, 192},   {193, 256},   {257, 512},   {1000, 1024},
                                     {1025, 2048}, {2049, 4096}, {4097, 8192}, {8192, 8192}};
    for (const auto& [bytes, size] : classes) {
        const u64 object = kernel::kmalloc(*m.system, bytes, GFP_KERNEL);
        REQUIRE(object);
        CHECK(kernel::ksize(*m.system, object) == size);
        CHECK(object % (size & (size - 1) ? 8 : std::min<u64>(size, 4096)) == 0);
        kernel::kfree(*m.system, object);
    }
    const u64 before = m.frames_free();
    const u64 large = kernel::kmalloc(*m.system, 8193, GFP_KERNEL);  // 16 KiB from the buddy allocator
    CHECK(kernel::ksize(*m.system, large) == 16384);
    CHECK(m.frames_free() == before - 4);
    kernel::kfree(*m.system, large);
    CHECK(m.frames_free() == before);
    CHECK(kernel::kmalloc(*m.system, (4u << 20) + 1, GFP_KERNEL) == 0);
    CHECK(kernel::kmalloc(*m.system, 0, GFP_KERNEL) == 0);
    kernel::kfree(*m.system, 0);
    m.validate();
}

TEST_CASE("Slab: no sequence of allocations hands memory out twice, and all pages go back") {
    WithSlab m;
    const u64 before = m.frames_free() + m.system->slab.pages();
    mmu::Rng rng(7);
    std::vector<CacheId> caches;
    for (const u32 size : {8u, 24u, 64u, 100u, 184u, 700u, 1408u, 2088u, 4096u, 9792u, 40000u})
        caches.push_back(kernel::kmem_cache_create(*m.system, "test-" + std::to_string(size), size, 0, 0));
    std::map<u64, u64> taken;  // address to end
    std::vector<std::pair<u64, CacheId>> objects;
    for (int step = 0; step < 20000; ++step) {
        if (rng.below(100) < (step / 4000 % 2 ? 35u : 65u)) {
            const CacheId id = caches[rng.below(caches.size())];
            const u64 object = kernel::kmem_cache_alloc(*m.system, id, GFP_KERNEL);
            if (!object) continue;
            m.system->out_of_memory = false;
            const u64 end = object + m.cache(id).object_size;
            const auto next = taken.lower_bound(object);
            if (next != taken.end()) REQUIRE(end <= next->first);
            if (next != taken.begin()) REQUIRE(std::prev(next)->second <= object);
            taken[object] = end;
            objects.emplace_back(object, id);
            m.fill(object, m.cache(id).object_size, 0x5a);  // its own list must not lie in it
        } else if (!objects.empty()) {
            const auto i = rng.below(objects.size());
            kernel::kmem_cache_free(*m.system, objects[i].first);
            taken.erase(objects[i].first);
            objects[i] = objects.back();
            objects.pop_back();
        }
        if (step % 2000 == 0) m.validate();
    }
    CHECK(!kernel::kmem_cache_destroy(*m.system, caches[0]));  // objects are left
    for (const auto& [object, id] : objects) kernel::kmem_cache_free(*m.system, object);
    for (const CacheId id : caches) {
        CHECK(m.cache(id).active_objects == 0);
        CHECK(kernel::kmem_cache_destroy(*m.system, id));
        CHECK(m.cache(id).pages == 0);
    }
    CHECK(m.frames_free() + m.system->slab.pages() == before);
    m.validate();
}

TEST_CASE("Slab: free objects hold the address of the next, in guest RAM") {
    WithSlab m;
    const CacheId id = kernel::kmem_cache_create(*m.system, "pairs", 64, 0, 0);
    const u64 a = kernel::kmem_cache_alloc(*m.system, id, GFP_KERNEL);
    const u64 b = kernel::kmem_cache_alloc(*m.system, id, GFP_KERNEL);
    CHECK(b == a + 64);
    kernel::kmem_cache_free(*m.system, a);
    kernel::kmem_cache_free(*m.system, b);
    CHECK(m.word(b) == a);
    CHECK(kernel::kmem_cache_alloc(*m.system, id, GFP_KERNEL) == b);  // last in, first out
    m.fill(a + 8, 56, 0xff);
    CHECK(kernel::kmem_cache_alloc(*m.system, id, GFP_KERNEL | kernel::__GFP_ZERO) == a);
    CHECK(m.word(a + 8) == 0);
}

TEST_CASE("Slab: sizes that no cache can have are refused") {
    WithSlab m;
    CHECK(kernel::kmem_cache_create(*m.system, "none", 0, 0, 0) == kernel::kNoCache);
    CHECK(kernel::kmem_cache_create(*m.system, "huge", 65537, 0, 0) == kernel::kNoCache);
    CHECK(kernel::kmem_cache_create(*m.system, "odd", 64, 24, 0) == kernel::kNoCache);
    CHECK(kernel::kmem_cache_create(*m.system, "line", 20, 0, kernel::SLAB_HWCACHE_ALIGN));
    CHECK(m.system->slab.caches.back().size == 32);
}

TEST_CASE("Slab: an area, and its anon_vma once it has pages, take up guest RAM and give it back") {
    WithSlab m;
    m.mm.mm_mt.set_allocator(*m.system);
    const auto areas = [&] { return m.cache(kernel::kVmAreaCache).active_objects; };
    const u64 base = 0x10000000;
    for (u64 i = 0; i < 100; ++i)
        REQUIRE(m.mmap(base + i * 2 * kPage, kPage, kRead | kWrite, kPrivate | kAnon | kFixed) > 0);
    CHECK(areas() >= 100);
    CHECK(areas() <= 101);  // one may be kept ready
    CHECK(m.cache(kernel::kAnonVmaCache).active_objects == 0);
    REQUIRE(m.store(base));
    CHECK(m.cache(kernel::kAnonVmaCache).active_objects == 1);
    const kernel::VmAreaStruct* vma = m.mm.find_vma(base);
    CHECK(m.word(vma->object.address()) == vma->vm_start);  // what a debugger sees in guest memory
    CHECK(m.word(vma->object.address() + 8) == vma->vm_end);
    CHECK(m.word(vma->object.address() + 32) == vma->vm_flags);
    m.validate();
    m.munmap(base, 200 * kPage);
    CHECK(areas() <= 1);
    CHECK(m.cache(kernel::kAnonVmaCache).active_objects == 0);
}

TEST_CASE("Slab: an area that no memory can be had for is refused with ENOMEM, and nothing is lost") {
    WithSlab m;
    m.mm.mm_mt.set_allocator(*m.system);
    std::vector<u64> objects;
    const auto taken = m.exhaust();
    const u64 rest = m.frames_free();
    // No frame is left beyond the reserve: what the cache still has is used up, then mmap() fails.
    mmu::i64 result = 0;
    for (u64 i = 0; result >= 0 && i < 5000; ++i)
        result = m.mmap(0x10000000 + i * 2 * kPage, kPage, kRead, kPrivate | kAnon | kFixed);
    CHECK(result == -ENOMEM);
    CHECK(m.frames_free() >= rest - 64);
    m.system->out_of_memory = false;
    m.give_back(taken);
    CHECK(m.mmap(0x60000000, kPage, kRead, kPrivate | kAnon | kFixed) > 0);
    m.validate();
}

TEST_CASE("vmalloc: pages from anywhere, one after the other, with a guard page and a supervisor's rights") {
    WithSlab m;
    const u64 first = kernel::vmalloc(*m.system, 3 * kPage, "test");
    const u64 second = kernel::vmalloc(*m.system, 1, "test");
    CHECK(first == kernel::kVmallocStart4);
    CHECK(second == first + 4 * kPage);  // the guard page lies between
    CHECK(kernel::vmalloc_to_page(*m.system, first + 2 * kPage));
    CHECK(!kernel::vmalloc_to_page(*m.system, first + 3 * kPage));
    CHECK(m.system->vmalloc.nr_pages == 4);
    m.validate();
    kernel::vfree(*m.system, first);
    CHECK(!kernel::vmalloc_to_page(*m.system, first));
    CHECK(kernel::vmalloc(*m.system, 2 * kPage, "test") ==
          second + 2 * kPage);  // not before the TLB is flushed
    CHECK(kernel::vmalloc(*m.system, 0, "test") == 0);
    CHECK(kernel::vmalloc(*m.system, u64{1} << 50, "test") == 0);
    m.validate();
}

TEST_CASE("vmalloc: a user's access ends at a present page that is not his, with P and U set") {
    WithSlab m;
    const u64 kernels = kernel::vmalloc(*m.system, kPage, "test");
    auto fresh = kernel::mm_alloc(*m.system);  // after vmalloc_init(): it has the kernel's half
    kernel::switch_mm(*m.system, *fresh);
    const auto refused = m.system->hw.translate(mmu::VirtAddr{kernels}, Access::kLoad, mmu::Privilege::kUser);
    REQUIRE(!refused);
    CHECK(refused.error().error_code == 5);  // protection violation by the user
    const auto store = m.system->hw.translate(mmu::VirtAddr{kernels}, Access::kStore, mmu::Privilege::kUser);
    CHECK(store.error().error_code == 7);
    const auto guard =
        m.system->hw.translate(mmu::VirtAddr{kernels + kPage}, Access::kLoad, mmu::Privilege::kUser);
    CHECK(guard.error().error_code == 4);  // not present
    const auto own =
        m.system->hw.translate(mmu::VirtAddr{kernels}, Access::kStore, mmu::Privilege::kSupervisor);
    REQUIRE(own);
    CHECK(own->host == m.system->memory.frame(*kernel::vmalloc_to_page(*m.system, kernels)));
    kernel::switch_mm(*m.system, m.mm);
    kernel::mm_drop(*m.system, *fresh);
}

TEST_CASE("vmalloc: areas come and go, and neither frames nor addresses are lost") {
    WithSlab m;
    std::vector<u64> areas;
    mmu::Rng rng(3);
    const u64 before = m.frames_free();
    for (int step = 0; step < 20000; ++step) {
        if (rng.below(2) && areas.size() < 40) {
            areas.push_back(kernel::vmalloc(*m.system, (1 + rng.below(8)) * kPage, "test"));
            REQUIRE(areas.back());
        } else if (!areas.empty()) {
            std::swap(areas[rng.below(areas.size())], areas.back());
            kernel::vfree(*m.system, areas.back());
            areas.pop_back();
        }
        if (step % 4000 == 0) m.validate();
    }
    for (const u64 area : areas) kernel::vfree(*m.system, area);
    CHECK(m.system->vmalloc.nr_pages == 0);
    CHECK(m.frames_free() + m.system->vmalloc.table_pages - 1 == before);
    m.validate();
}

TEST_CASE("vmalloc: what cannot be had whole is not had at all") {
    WithSlab m(16u << 20);
    const u64 before = m.frames_free();
    CHECK(kernel::vmalloc(*m.system, 15u << 20, "test", GFP_NOWAIT) == 0);
    CHECK(m.system->vmalloc.nr_pages == 0);
    CHECK(m.frames_free() + m.system->vmalloc.table_pages - 1 == before);
    m.validate();
}

TEST_CASE("Kernel stacks: two that were freed are kept for the next tasks") {
    WithSlab m;
    std::vector<kernel::KernelStack> stacks(4);
    std::set<u64> addresses;
    for (auto& stack : stacks) {
        REQUIRE(stack.allocate(*m.system));
        CHECK(stack.address() % kernel::kThreadSize == 0);
        addresses.insert(stack.address());
    }
    CHECK(addresses.size() == 4);
    CHECK(m.system->vmalloc.nr_pages == 16);
    stacks.clear();
    CHECK(m.system->vmalloc.stacks == 0);
    CHECK(m.system->vmalloc.nr_pages == 8);
    kernel::KernelStack again;
    REQUIRE(again.allocate(*m.system));
    CHECK(addresses.count(again.address()));
    m.validate();
}

TEST_CASE("mempool: with all memory gone its minimum can still be had, and goes back first") {
    WithSlab m;
    const CacheId id = kernel::kmem_cache_create(*m.system, "requests", 4096, 0, 0);
    kernel::Mempool pool;
    REQUIRE(pool.create(*m.system, 3, id));
    std::vector<u64> held;
    const auto taken = m.exhaust();
    while (pool.reserve_uses() == 0) held.push_back(pool.alloc(*m.system));  // what the cache still had
    CHECK(pool.curr_nr() == 2);
    CHECK(pool.alloc(*m.system));
    CHECK(pool.alloc(*m.system));
    CHECK(pool.alloc(*m.system) == 0);  // the minimum is in use
    pool.free(*m.system, held.back());
    CHECK(pool.curr_nr() == 1);
    CHECK(pool.alloc(*m.system) == held.back());
    m.give_back(taken);
}

TEST_CASE("mempool: swap is written with all memory gone, by requests that were set aside") {
    WithSlab m(16u << 20);
    kernel::swap_on(*m.system, 16u << 20);
    CHECK(m.system->bio_pool.curr_nr() == 2);
    REQUIRE(m.mmap(0x10000000, 500 * kPage, kRead | kWrite, kPrivate | kAnon | kFixed) > 0);
    for (u64 i = 0; i < 500; ++i) REQUIRE(m.store(0x10000000 + i * kPage, static_cast<mmu::u8>(i)));
    const auto taken = m.exhaust();
    std::vector<u64> bios;  // whatever the cache itself still had
    while (const u64 bio = kernel::kmem_cache_alloc(*m.system, kernel::kBioCache, GFP_NOWAIT))
        bios.push_back(bio);
    CHECK(kernel::try_to_free_pages(*m.system, 100) >= 100);
    CHECK(m.system->bio_pool.reserve_uses() >= 1);  // then the pages that went serve the cache
    CHECK(m.system->bio_pool.curr_nr() == 2);
    for (const u64 bio : bios) kernel::kmem_cache_free(*m.system, bio);
    m.give_back(taken);
    for (u64 i = 0; i < 500; ++i) REQUIRE(m.value(0x10000000 + i * kPage) == static_cast<mmu::u8>(i));
    m.validate();
}
