// Purpose: slabs and their free lists. See slab.h. Linux: mm/slub.c.
#include "kernel/slab.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernel/mm.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

constexpr u32 kMaxObjectSize = 64u << 10;
constexpr unsigned kSlubMaxOrder = 3;  // PAGE_ALLOC_COSTLY_ORDER
constexpr u32 kMinObjects = 8;         // 4 * (fls(nr_cpus) + 1) of one CPU
constexpr u32 kMinPartial = 5, kMaxPartial = 10;

u64 slab_address(PageIndex head) {
    return page_address(Pfn{head});
}
u64 slab_bytes(const Page& slab) {
    return mmu::kPageSize << slab.order;
}

/// The word at a kernel address that lies in RAM.
u64 read_word(const MemorySystem& system, u64 address) {
    u64 word;
    std::memcpy(&word, std::as_const(system.memory).host(mmu::PhysAddr{address - kPageOffset}), sizeof word);
    return word;
}
void write_word(MemorySystem& system, u64 address, u64 word) {
    std::memcpy(system.memory.host(mmu::PhysAddr{address - kPageOffset}), &word, sizeof word);
}

/// get_freepointer(). Guest RAM may have been written by a debugger: a pointer that leaves the slab ends
/// here.
u64 get_freepointer(const MemorySystem& system, PageIndex head, u64 object) {
    const u64 next = read_word(system, object);
    const u64 bytes = slab_bytes(system.mem_map.at_index(head));
    CHECK(!next || next - slab_address(head) <= bytes - sizeof(u64), object, next);
    return next;
}

/// virt_to_slab(): the first frame of the slab that an object lies in.
PageIndex virt_to_slab(const MemorySystem& system, u64 object) {
    CHECK(object >= kPageOffset && (object - kPageOffset) >> mmu::kPageShift < system.mem_map.frames(),
          object);
    const PageIndex index = static_cast<PageIndex>((object - kPageOffset) >> mmu::kPageShift);
    const Page& page = system.mem_map.at_index(index);
    return page.page_type == PGTY_slab_tail ? page.next : index;
}

// __add_partial(), remove_partial()
void add_partial(MemorySystem& system, KmemCache& cache, PageIndex head) {
    Page& slab = system.mem_map.at_index(head);
    slab.prev = 0;
    slab.next = cache.partial;
    if (slab.next) system.mem_map.at_index(slab.next).prev = head;
    cache.partial = head;
    ++cache.partial_slabs;
}
void remove_partial(MemorySystem& system, KmemCache& cache, PageIndex head) {
    Page& slab = system.mem_map.at_index(head);
    if (slab.next) system.mem_map.at_index(slab.next).prev = slab.prev;
    (slab.prev ? system.mem_map.at_index(slab.prev).next : cache.partial) = slab.next;
    slab.next = slab.prev = 0;
    --cache.partial_slabs;
}

u64& page_counter(SlabState& state, const KmemCache& cache) {
    return cache.flags & SLAB_RECLAIM_ACCOUNT ? state.reclaimable_pages : state.unreclaimable_pages;
}

/// Threads the free list of a fresh slab through its objects, in ascending order.
void thread_free_list(MemorySystem& system, const KmemCache& cache, PageIndex head, u32 objects) {
    u64 object = slab_address(head);
    system.mem_map.at_index(head).index = object;
    for (u32 i = 1; i < objects; ++i, object += cache.size) write_word(system, object, object + cache.size);
    write_word(system, object, 0);
}

/// allocate_slab(): of the order that wastes little, or of the smallest when that has run out. 0: no memory.
PageIndex allocate_slab(MemorySystem& system, CacheId id, Gfp gfp) {
    KmemCache& cache = system.slab.caches[id];
    if (cache.flags & SLAB_RECLAIM_ACCOUNT) gfp |= __GFP_RECLAIMABLE;
    const unsigned least = get_order(cache.size);
    unsigned order = cache.order;
    auto pfn = system.alloc_pages(order, order > least ? gfp & ~__GFP_DIRECT_RECLAIM : gfp);
    if (!pfn && order > least) {
        order = least;
        pfn = system.alloc_pages(order, gfp);
    }
    if (!pfn) return 0;
    const PageIndex head = static_cast<PageIndex>(pfn->value);
    for (PageIndex i = 0; i < u32{1} << order; ++i) {
        system.memory.note_write(*pfn + i);
        Page& page = system.mem_map.at_index(head + i);
        page.page_type = i ? PGTY_slab_tail : PGTY_slab;
        page.next = i ? head : 0;
    }
    Page& slab = system.mem_map.at_index(head);
    slab.order = static_cast<u8>(order);
    slab.mapping = id;
    slab.mapcount = 0;
    const u32 objects = static_cast<u32>(slab_bytes(slab) / cache.size);
    thread_free_list(system, cache, head, objects);
    ++cache.slabs;
    cache.total_objects += objects;
    cache.pages += u64{1} << order;
    page_counter(system.slab, cache) += u64{1} << order;
    return head;
}

/// discard_slab()
void discard_slab(MemorySystem& system, KmemCache& cache, PageIndex head) {
    const unsigned order = system.mem_map.at_index(head).order;
    --cache.slabs;
    cache.total_objects -= slab_bytes(system.mem_map.at_index(head)) / cache.size;
    cache.pages -= u64{1} << order;
    page_counter(system.slab, cache) -= u64{1} << order;
    for (PageIndex i = 0; i < u32{1} << order; ++i) system.mem_map.at_index(head + i) = Page{};
    system.buddy.free_pages(Pfn{head}, order);
}

/// ___slab_alloc(): the current slab is used up; the next one. False: out of memory.
bool next_slab(MemorySystem& system, CacheId id, Gfp gfp) {
    KmemCache& cache = system.slab.caches[id];
    if (const PageIndex head = cache.partial) {
        remove_partial(system, cache, head);
        cache.current = head;
        return true;
    }
    const PageIndex fresh = allocate_slab(system, id, gfp);
    if (!fresh) return false;
    // Reclaim may have freed objects of this cache meanwhile: what it made current goes on the list.
    KmemCache& again = system.slab.caches[id];
    if (again.current && system.mem_map.at_index(again.current).index)
        add_partial(system, again, again.current);
    again.current = fresh;
    return true;
}

/// calculate_order(): the smallest order that wastes no more than a sixteenth; then an eighth, and so on.
unsigned calculate_order(u32 size) {
    const u32 most = std::max<u32>(static_cast<u32>((mmu::kPageSize << kSlubMaxOrder) / size), 1);
    const unsigned least = get_order(u64{std::min(kMinObjects, most)} * size);
    for (u64 fraction = 16; fraction > 1; fraction /= 2)
        for (unsigned order = least; order <= kSlubMaxOrder; ++order) {
            const u64 bytes = mmu::kPageSize << order;
            if (bytes % size <= bytes / fraction) return order;
        }
    return get_order(size);
}

u32 calculate_alignment(u32 size, u32 align, u32 flags) {
    if (flags & SLAB_HWCACHE_ALIGN) {
        u32 line = 64;
        while (size <= line / 2) line /= 2;
        align = std::max(align, line);
    }
    return std::max<u32>(align, sizeof(u64));
}

}  // namespace

CacheId kmem_cache_create(MemorySystem& system, const std::string& name, u32 size, u32 align, u32 flags) {
    SlabState& state = system.slab;
    if (!size || size > kMaxObjectSize || (align & (align - 1)) || align > mmu::kPageSize) return kNoCache;
    if (state.caches.empty()) state.caches.emplace_back();
    if (state.caches.size() >= 0xffff) return kNoCache;
    KmemCache cache;
    cache.name = name;
    cache.object_size = size;
    cache.align = calculate_alignment(size, align, flags);
    cache.size = (size + cache.align - 1) / cache.align * cache.align;
    cache.flags = flags;
    cache.order = calculate_order(cache.size);
    cache.objects = static_cast<u32>((mmu::kPageSize << cache.order) / cache.size);
    cache.min_partial =
        std::clamp<u32>((static_cast<u32>(std::bit_width(cache.size)) - 1) / 2, kMinPartial, kMaxPartial);
    state.caches.push_back(std::move(cache));
    return static_cast<CacheId>(state.caches.size() - 1);
}

u64 kmem_cache_alloc(MemorySystem& system, CacheId id, Gfp gfp) {
    while (true) {
        KmemCache& cache = system.slab.caches[id];
        Page& slab = system.mem_map.at_index(cache.current);
        if (cache.current && slab.index) [[likely]] {
            const u64 object = slab.index;
            slab.index = get_freepointer(system, cache.current, object);
            ++slab.mapcount;
            ++cache.active_objects;
            if (gfp & __GFP_ZERO)
                std::memset(system.memory.host(mmu::PhysAddr{object - kPageOffset}), 0, cache.object_size);
            return object;
        }
        if (!next_slab(system, id, gfp)) return 0;
    }
}

void kmem_cache_free(MemorySystem& system, u64 object) {
    const PageIndex head = virt_to_slab(system, object);
    Page& slab = system.mem_map.at_index(head);
    CHECK(slab.page_type == PGTY_slab && slab.mapcount > 0, object, static_cast<u64>(slab.page_type));
    KmemCache& cache = system.slab.caches[slab.mapping];
    const bool was_full = !slab.index;
    write_word(system, object, slab.index);
    slab.index = object;
    --slab.mapcount;
    --cache.active_objects;
    if (head == cache.current) return;
    if (slab.mapcount == 0 && cache.partial_slabs >= cache.min_partial) {
        if (!was_full) remove_partial(system, cache, head);
        discard_slab(system, cache, head);
    } else if (was_full) {
        add_partial(system, cache, head);
    }
}

u64 kmem_cache_shrink(MemorySystem& system, CacheId id) {
    KmemCache& cache = system.slab.caches[id];
    const u64 before = cache.pages;
    for (PageIndex head = cache.partial; head;) {
        const Page& slab = system.mem_map.at_index(head);
        const PageIndex next = slab.next;
        if (!slab.mapcount) {
            remove_partial(system, cache, head);
            discard_slab(system, cache, head);
        }
        head = next;
    }
    if (cache.current && !system.mem_map.at_index(cache.current).mapcount)
        discard_slab(system, cache, std::exchange(cache.current, 0));
    return before - cache.pages;
}

bool kmem_cache_destroy(MemorySystem& system, CacheId id) {
    (void)kmem_cache_shrink(system, id);
    KmemCache& cache = system.slab.caches[id];
    if (cache.active_objects) return false;
    cache.name.clear();
    return true;
}

void validate_slabs(const MemorySystem& system) {
    u64 pages = 0;
    for (CacheId id = 1; id < system.slab.caches.size(); ++id) {
        const KmemCache& cache = system.slab.caches[id];
        u64 partial = 0, previous = 0;
        for (PageIndex head = cache.partial; head; head = system.mem_map.at_index(head).next) {
            const Page& slab = system.mem_map.at_index(head);
            CHECK(slab.page_type == PGTY_slab && slab.mapping == id && slab.index, head, id);
            CHECK(slab.prev == previous && head != cache.current, head, id);
            previous = head;
            ++partial;
        }
        CHECK(partial == cache.partial_slabs, id, partial, cache.partial_slabs);
        pages += cache.pages;
    }
    CHECK(pages + system.slab.large_pages == system.slab.pages(), pages, system.slab.pages());
    std::vector<u64> slabs(system.slab.caches.size()), active(slabs.size()), total(slabs.size());
    for (u64 pfn = system.buddy.first_frame(); pfn < system.buddy.frontier();) {
        const Page& slab = system.mem_map[Pfn{pfn}];
        const bool block = slab.is(Page::kBuddy) || slab.page_type;
        if (slab.page_type == PGTY_slab) {
            const KmemCache& cache = system.slab.caches[slab.mapping];
            const u64 objects = slab_bytes(slab) / cache.size;
            u64 free = 0;
            for (u64 at = slab.index; at; at = get_freepointer(system, static_cast<PageIndex>(pfn), at)) {
                CHECK((at - page_address(Pfn{pfn})) % cache.size == 0, at, pfn);
                CHECK(++free <= objects, pfn, objects);  // a loop
            }
            CHECK(free + slab.mapcount == objects, pfn, free, slab.mapcount);
            ++slabs[slab.mapping];
            active[slab.mapping] += slab.mapcount;
            total[slab.mapping] += objects;
        }
        pfn += block ? u64{1} << slab.order : 1;
    }
    for (usize id = 1; id < slabs.size(); ++id) {
        const KmemCache& cache = system.slab.caches[id];
        CHECK(slabs[id] == cache.slabs && total[id] == cache.total_objects, id, slabs[id], cache.slabs);
        CHECK(active[id] == cache.active_objects, id, active[id], cache.active_objects);
    }
}

}  // namespace kernel
