// Purpose: which pages go, and how. See vmscan.h. Linux: mm/vmscan.c shrink_lruvec(), shrink_folio_list(),
// shrink_active_list(). Deviation: pages go one by one, each with its own flush; the accessed bit is cleared
// with a flush, as the generic ptep_clear_flush_young() does (x86's own leaves the TLB alone). Areas of
// mlock() keep their pages on the lists.
#include "kernel/vmscan.h"

#include <cstring>

#include "kernel/mm_internal.h"
#include "kernel/mseal.h"
#include "kernel/rmap.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

constexpr u64 kSwapClusterMax = 32;
constexpr int kDefPriority = 12;

struct ScanControl {
    MemorySystem& system;
    std::vector<MmStruct*> mms;
    u64 target;
    u64 reclaimed = 0;
    bool ignore_references = false;  ///< MADV_PAGEOUT

    bool may_swap() const { return system.swap.free() > 0; }
};

struct References {
    unsigned ptes = 0;
    bool exec = false, locked = false;
};

/// folio_referenced(): looks at the accessed bits and clears them, with the flush that makes the next access
/// set them again.
References folio_referenced(ScanControl& sc, PageIndex index) {
    References found;
    rmap_walk(sc.system, sc.mms, index, [&](PageVma at) {
        if (at.vma.vm_flags & VM_LOCKED) found.locked = true;
        const Pte pte = ptep_get(at.pte);
        if (!pte.accessed()) return;
        set_pte_at(sc.system, at.address, at.pte, pte.without(Pte::kAccessed));
        flush_tlb_page(sc.system, at.mm, at.address);
        ++found.ptes;
        found.exec |= (at.vma.vm_flags & VM_EXEC) != 0;
    });
    return found;
}

enum class Verdict : u8 { kReclaim, kKeep, kActivate };

/// folio_check_references()
Verdict folio_check_references(ScanControl& sc, PageIndex index) {
    Page& page = sc.system.mem_map.at_index(index);
    const References found = folio_referenced(sc, index);
    if (found.locked) return Verdict::kActivate;
    if (sc.ignore_references) return Verdict::kReclaim;
    const bool before = page.is(Page::kReferenced);
    page.flags &= static_cast<u16>(~Page::kReferenced);
    if (!found.ptes) return Verdict::kReclaim;
    if (before || found.ptes > 1 || (found.exec && LruLists::is_file_lru(page))) return Verdict::kActivate;
    page.flags |= Page::kReferenced;
    return Verdict::kKeep;
}

/// try_to_unmap_one(): the PTE gives way to a swap entry, or to nothing.
void try_to_unmap_one(MemorySystem& system, Page& page, const PageVma& at) {
    const Pte pte = ptep_get_and_clear(system, at.address, at.pte);
    flush_tlb_page(system, at.mm, at.address);
    if (pte.dirty()) page.flags |= Page::kDirty;
    --at.mm.rss_stat[mm_counter(page)];
    --page.mapcount;
    --page.refcount;
    if (!page.is(Page::kSwapCache)) return;
    system.swap.duplicate(page.mapping);
    ++at.mm.rss_stat[MM_SWAPENTS];
    set_pte_at(system, at.address, at.pte, swp_entry_to_pte(page.mapping, page.is(Page::kAnonExclusive)));
    page.flags &= static_cast<u16>(~Page::kAnonExclusive);
}

/// add_to_swap(). False: swap is full.
bool add_to_swap(MemorySystem& system, PageIndex index) {
    const auto slot =
        system.inject.fails(InjectSite::kSwap) ? std::nullopt : system.swap.get_swap_page(index);
    if (!slot) return false;
    Page& page = system.mem_map.at_index(index);
    page.mapping = *slot;
    page.flags |= Page::kSwapCache | Page::kDirty;
    ++page.refcount;
    return true;
}

/// shmem_writepage(): its place in the page cache says from now on where it went. False: swap is full.
bool shmem_writepage(MemorySystem& system, PageIndex index) {
    const auto slot =
        system.inject.fails(InjectSite::kSwap) ? std::nullopt : system.swap.get_swap_page(index);
    if (!slot) return false;
    system.page_cache.shmem_replace_by_entry(system, index, *slot);
    system.swap.duplicate(*slot);
    Page& page = system.mem_map.at_index(index);  // the swap cache takes over the page cache's reference
    page.flags |= Page::kAnon | Page::kSwapCache;
    page.mapping = *slot;
    return true;
}

/// swap_writepage(): the request is from the pool, which has some left however little memory there is.
void swap_writepage(MemorySystem& system, PageIndex index) {
    const u64 bio = system.bio_pool.exists() ? system.bio_pool.alloc(system) : 0;
    CHECK(bio || !system.bio_pool.exists(), index);
    const Page& page = system.mem_map.at_index(index);
    std::memcpy(system.swap.bytes(page.mapping), system.memory.frame(Pfn{index}), mmu::kPageSize);
    if (bio) system.bio_pool.free(system, bio);
}

/// pageout(): what is newer than its copy is written. False: the write failed.
bool pageout(MemorySystem& system, PageIndex index) {
    Page& page = system.mem_map.at_index(index);
    if (!page.is(Page::kDirty)) return true;
    if (page.is(Page::kShmem) && !shmem_writepage(system, index)) return false;
    if (!page.is(Page::kSwapCache)) return system.page_cache.write_page(system, index);
    swap_writepage(system, index);
    page.flags &= static_cast<u16>(~Page::kDirty);
    ++system.reclaim.pswpout;
    return true;
}

/// Nobody but mappings, the page cache and the swap cache knows the page.
bool unpinned(const Page& page) {
    return page.refcount == page.mapcount + page.is(Page::kCache) + page.is(Page::kSwapCache);
}

/// One page of shrink_folio_list(). It is on no list.
Verdict shrink_page(ScanControl& sc, PageIndex index) {
    MemorySystem& system = sc.system;
    Page& page = system.mem_map.at_index(index);
    if (!unpinned(page)) return Verdict::kKeep;
    if (page.mapcount)
        if (const Verdict verdict = folio_check_references(sc, index); verdict != Verdict::kReclaim)
            return verdict;
    const bool lazy = page.is(Page::kLazyFree);
    if (page.is(Page::kAnon) && !lazy && !page.is(Page::kSwapCache) && !add_to_swap(system, index))
        return Verdict::kActivate;
    bool redirtied = false;  // written since MADV_FREE: it is wanted again
    rmap_walk(system, sc.mms, index, [&](PageVma at) {
        const bool droppable = at.vma.vm_flags & VM_DROPPABLE;
        redirtied = redirtied || (lazy && !droppable && ptep_get(at.pte).dirty());
        if (!redirtied) try_to_unmap_one(system, page, at);
    });
    if (redirtied) page.flags &= static_cast<u16>(~Page::kLazyFree);
    if (page.mapcount) return Verdict::kActivate;
    if (!lazy && !pageout(system, index)) return Verdict::kActivate;
    if (page.is(Page::kSwapCache)) {
        delete_from_swap_cache(system, page);
        system.buddy.free_pages(Pfn{index}, 0);
    } else if (page.is(Page::kCache)) {
        system.page_cache.drop_page(system, index);
    } else {
        system.buddy.free_pages(Pfn{index}, 0);
    }
    ++sc.reclaimed;
    ++system.reclaim.pgsteal;
    return Verdict::kReclaim;
}

/// Takes a page off its list and deals with it.
void shrink_one(ScanControl& sc, PageIndex index) {
    LruLists& lru = sc.system.lru;
    Page& page = sc.system.mem_map.at_index(index);
    lru.remove(index);
    page.flags &= static_cast<u16>(~Page::kActive);
    ++sc.system.reclaim.pgscan;
    const Verdict verdict = shrink_page(sc, index);
    if (verdict == Verdict::kReclaim) return;
    if (verdict == Verdict::kActivate) {
        page.flags |= Page::kActive;
        ++sc.system.reclaim.pgactivate;
    }
    lru.add(index);
}

void shrink_inactive_list(ScanControl& sc, LruList list, u64 scan) {
    for (u64 i = 0; i < scan && sc.reclaimed < sc.target; ++i) {
        const PageIndex oldest = sc.system.lru.oldest(list);
        if (!oldest) return;
        shrink_one(sc, oldest);
    }
}

/// shrink_active_list(): program text that was used stays, everything else starts anew as inactive.
void shrink_active_list(ScanControl& sc, LruList list, u64 scan) {
    LruLists& lru = sc.system.lru;
    for (u64 i = 0; i < scan && lru.oldest(list); ++i) {
        const PageIndex index = lru.oldest(list);
        Page& page = sc.system.mem_map.at_index(index);
        lru.remove(index);
        const References found = folio_referenced(sc, index);
        if (!(found.ptes && found.exec && LruLists::is_file_lru(page))) {
            page.flags &= static_cast<u16>(~Page::kActive);
            ++sc.system.reclaim.pgdeactivate;
        }
        lru.add(index);
    }
}

/// inactive_is_low() for less than 4 GiB: as many inactive pages as active ones are enough.
bool inactive_is_low(const LruLists& lru, LruList inactive) {
    return lru.count(inactive) < lru.count(static_cast<LruList>(inactive + 1));
}

/// shrink_lruvec() at one priority. Plenty of inactive cache goes alone (cache_trim_mode).
void shrink_lruvec(ScanControl& sc, int priority) {
    const LruLists& lru = sc.system.lru;
    const bool file_low = inactive_is_low(lru, LRU_INACTIVE_FILE);
    const bool trim_cache = (lru.count(LRU_INACTIVE_FILE) >> priority) && !file_low;
    for (const LruList list : {LRU_INACTIVE_FILE, LRU_INACTIVE_ANON}) {
        if (list == LRU_INACTIVE_ANON && (trim_cache || !sc.may_swap())) continue;
        const auto scan = [&](LruList of) { return std::max(lru.count(of) >> priority, kSwapClusterMax); };
        shrink_inactive_list(sc, list, std::min(scan(list), lru.count(list)));
        const LruList active = static_cast<LruList>(list + 1);
        if (inactive_is_low(lru, list))
            shrink_active_list(sc, active, std::min(scan(active), lru.count(active)));
    }
}

ScanControl scan_control(MemorySystem& system, u64 target) {
    ScanControl sc{system, {}, target};
    if (system.address_spaces) sc.mms = system.address_spaces();
    return sc;
}

}  // namespace

Watermarks setup_per_zone_wmarks(u64 managed) {
    // min_free_kbytes = sqrt(lowmem_kbytes * 16), within 128 kB and 256 MiB; low and high are 5/4 and 3/2 of
    // it.
    const u64 kbytes = managed << (mmu::kPageShift - 10);
    u64 root = 0;
    for (u64 bit = u64{1} << 30; bit; bit >>= 1)  // int_sqrt()
        if ((root | bit) * (root | bit) <= kbytes * 16) root |= bit;
    const u64 min = std::clamp<u64>(root, 128, 262144) >> (mmu::kPageShift - 10);
    return {min, min + min / 4, min + min / 2};
}

void swap_on(MemorySystem& system, u64 bytes) {
    constexpr u32 kBioPoolSize = 2;  // BIO_POOL_SIZE
    system.swap.enable(bytes);
    // swap_map: a byte a slot. The counts themselves are SwapArea's, this is what they cost.
    if (!vmalloc(system, system.swap.total() + 1, "__do_sys_swapon")) system.out_of_memory = false;
    if (!system.slab.caches.empty() && !system.bio_pool.create(system, kBioPoolSize, kBioCache))
        system.out_of_memory = false;
}

void AreaIndex::refresh(std::span<MmStruct* const> mms, u64 generation) {
    if (generation_ == generation) return;
    generation_ = generation;
    entries_.clear();
    for (MmStruct* mm : mms)
        for (auto& [end, vma] : mm->mm_mt)
            if (!lies_at_its_index(vma)) entries_.push_back({vma.vm_pgoff, 0, mm, &vma});
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const Entry& a, const Entry& b) { return a.first < b.first; });
    u64 end = 0;
    for (Entry& entry : entries_) entry.max_end = end = std::max(end, entry.first + entry.vma->pages());
}

u64 try_to_free_pages(MemorySystem& system, u64 target) {
    ScanControl sc = scan_control(system, target);
    for (int priority = kDefPriority; priority >= 0 && sc.reclaimed < target; --priority)
        shrink_lruvec(sc, priority);
    if (sc.reclaimed >= kSwapClusterMax) system.reclaim.kswapd_failures = 0;
    return sc.reclaimed;
}

bool reclaim_is_hopeless(const MemorySystem& system) {
    constexpr unsigned kMaxReclaimRetries = 16;
    return system.reclaim.kswapd_failures >= kMaxReclaimRetries;
}

void balance_pgdat(MemorySystem& system) {
    if (reclaim_is_hopeless(system)) return;
    ++system.reclaim.pageoutrun;
    while (system.buddy.free_frames() < system.watermarks.high) {
        const u64 reclaimed = try_to_free_pages(system, kSwapClusterMax);
        // Every page was looked at, at every priority: to begin again for one or two would have no end.
        if (reclaimed < kSwapClusterMax) {
            ++system.reclaim.kswapd_failures;
            return;
        }
    }
}

u64 reclaim_pages(MemorySystem& system, std::span<const PageIndex> pages) {
    ScanControl sc = scan_control(system, pages.size());
    sc.ignore_references = true;
    for (const PageIndex page : pages)
        if (system.mem_map.at_index(page).is(Page::kLru)) shrink_one(sc, page);
    return sc.reclaimed;
}

void delete_from_swap_cache(MemorySystem& system, Page& page) {
    system.swap.set_cached(page.mapping, 0);
    page.mapping = 0;
    page.flags &= static_cast<u16>(~Page::kSwapCache);
    --page.refcount;
}

void free_swap_entry(MemorySystem& system, SwapSlot slot) {
    system.swap.put(slot);
    const PageIndex cached = system.swap.users(slot) ? 0 : system.swap.cached(slot);
    if (!cached) return;
    Page& page = system.mem_map.at_index(cached);
    if (page.mapcount) return;
    ++page.refcount;  // ours while the swap cache lets go
    delete_from_swap_cache(system, page);
    system.put_page(Pfn{cached});
}

}  // namespace kernel
