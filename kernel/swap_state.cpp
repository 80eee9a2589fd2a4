// Purpose: reading from swap, and ahead. See swap_state.h. Linux: mm/swap_state.c swap_vma_readahead(),
// swap_cluster_readahead(), __swapin_nr_pages(). Deviation: bytes are there at once; the page that was asked
// for comes first, and its neighbours take only what is free.
#include "kernel/swap_state.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace kernel {

namespace {

/// vma->swap_readahead_info: the page of the last fault, its window, and how many pages read ahead were used.
constexpr unsigned kWinShift = mmu::kPageShift / 2;
constexpr u64 kHitsMask = (u64{1} << kWinShift) - 1, kWinMask = kHitsMask << kWinShift;
constexpr unsigned kRaOrderCeiling = 5;  // SWAP_RA_ORDER_CEILING

struct RaInfo {
    u64 pfn, window, hits;
};
RaInfo get_swap_ra_val(const VmAreaStruct& vma) {
    const u64 value = vma.swap_readahead_info ? vma.swap_readahead_info : 4;
    return {value >> mmu::kPageShift, (value & kWinMask) >> kWinShift, value & kHitsMask};
}
void set_swap_ra_val(VmAreaStruct& vma, const RaInfo& info) {
    vma.swap_readahead_info = info.pfn << mmu::kPageShift | info.window << kWinShift | info.hits;
}

/// __swapin_nr_pages(): the window, of pages or slots.
u64 swapin_nr_pages(u64 previous, u64 offset, u64 hits, u64 most, u64 last_window) {
    u64 pages = hits + 2;
    if (pages == 2) {  // no hits to judge by: only what looks sequential
        if (offset != previous + 1 && offset != previous - 1) pages = 1;
    } else {
        u64 rounded = 4;
        while (rounded < pages) rounded <<= 1;
        pages = rounded;
    }
    return std::max(std::min(pages, most), last_window / 2);
}

/// __read_swap_cache_async() and swap_read_folio() of a slot that is not in memory.
SwapRead read_swap(MemorySystem& system, SwapSlot slot, Gfp gfp) {
    const auto pfn = system.alloc_page(gfp);
    if (!pfn) return {};
    // Looking for a frame may have ended the last one that wanted the slot.
    const bool failed = system.swap.users(slot) && system.inject.fails(InjectSite::kSwapRead);
    if (failed || !system.swap.users(slot)) {
        system.put_page(*pfn);
        return {0, failed};
    }
    const PageIndex index = static_cast<PageIndex>(pfn->value);
    system.memory.note_write(*pfn);
    std::memcpy(system.memory.frame(*pfn), system.swap.bytes(slot), mmu::kPageSize);
    Page& page = system.mem_map[*pfn];
    page.flags |= Page::kAnon | Page::kSwapCache | Page::kUptodate;
    page.mapping = slot;
    system.swap.set_cached(slot, index);
    system.lru.add(index);
    ++system.reclaim.pswpin;
    return {index};
}

void read_ahead(MemorySystem& system, SwapSlot slot) {
    if (!system.swap.users(slot) || system.swap.cached(slot)) return;
    const SwapRead read = read_swap(system, slot, GFP_HIGHUSER_MOVABLE & ~__GFP_DIRECT_RECLAIM);
    if (!read.page) return;
    system.mem_map.at_index(read.page).flags |= Page::kReadahead;
    ++system.reclaim.swap_ra;
}

}  // namespace

PageIndex swap_cache_get_folio(MemorySystem& system, SwapSlot slot, VmAreaStruct* vma, u64 address) {
    const PageIndex index = system.swap.cached(slot);
    if (!index) return 0;
    Page& page = system.mem_map.at_index(index);
    const bool readahead = page.is(Page::kReadahead);
    page.flags &= static_cast<u16>(~Page::kReadahead);
    if (vma) {
        const RaInfo info = get_swap_ra_val(*vma);
        set_swap_ra_val(
            *vma, {address >> mmu::kPageShift, info.window, std::min(info.hits + readahead, kHitsMask)});
    }
    if (readahead) {
        ++system.reclaim.swap_ra_hit;
        if (!vma) ++system.swap.cluster.hits;
    }
    return index;
}

SwapRead swap_vma_readahead(VmFaultInfo& vmf) {
    MemorySystem& system = vmf.system;
    const SwapRead wanted = read_swap(system, pte_to_swp_entry(vmf.orig_pte), GFP_HIGHUSER_MOVABLE);
    const u64 most = u64{1} << std::min(system.swap.page_cluster, kRaOrderCeiling);
    if (!wanted.page || most == 1) return wanted;
    const RaInfo info = get_swap_ra_val(vmf.vma);
    const u64 pfn = vmf.address >> mmu::kPageShift;
    const u64 window = swapin_nr_pages(info.pfn, pfn, info.hits, most, info.window);
    set_swap_ra_val(vmf.vma, {pfn, window, 0});
    if (window == 1) return wanted;
    // Ahead if it goes upwards, behind if it goes downwards, otherwise around.
    const u64 before = pfn == info.pfn + 1 ? 0 : info.pfn == pfn + 1 ? window - 1 : (window - 1) / 2;
    const u64 left = pfn - std::min(pfn, before), right = pfn - before + window;
    const u64 table = mmu::align_down(vmf.address, kPmdSize);
    const u64 start = std::max({left << mmu::kPageShift, vmf.vma.vm_start, table});
    const u64 end = std::min({right << mmu::kPageShift, vmf.vma.vm_end, table + kPmdSize});
    for (u64 at = start; at < end; at += mmu::kPageSize) {
        const Pte pte = ptep_get(vmf.pte + static_cast<i64>(at >> mmu::kPageShift) - static_cast<i64>(pfn));
        if (!pte_none(pte) && !pte_present(pte)) read_ahead(system, pte_to_swp_entry(pte));
    }
    return wanted;
}

SwapRead swap_cluster_readahead(MemorySystem& system, SwapSlot slot) {
    SwapClusterState& state = system.swap.cluster;
    const u64 most = u64{1} << std::min(system.swap.page_cluster, 31u);
    u64 pages = 1;
    if (most > 1) {  // swapin_nr_pages()
        const u32 hits = std::exchange(state.hits, 0);
        pages = swapin_nr_pages(state.prev_offset, slot, hits, most, state.last_pages);
        if (!hits) state.prev_offset = slot;
        state.last_pages = static_cast<u32>(pages);
    }
    const SwapRead wanted = read_swap(system, slot, GFP_HIGHUSER_MOVABLE);
    if (!wanted.page) return wanted;
    const u64 mask = pages - 1;  // a window is a power of two
    const u64 last = std::min(slot | mask, system.swap.total());
    for (u64 at = std::max<u64>(slot & ~mask, 1); at <= last && mask; ++at)
        read_ahead(system, static_cast<SwapSlot>(at));
    return wanted;
}

}  // namespace kernel
