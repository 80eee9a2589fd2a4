// Purpose: bringing a page back from swap. Linux: mm/memory.c do_swap_page(), mm/swap_state.c.
// Deviation: one page at a time, no readahead of neighbouring slots.
#include <cstring>

#include "kernel/memory.h"
#include "kernel/vmscan.h"

namespace kernel {

namespace {

/// swapin_readahead(): a frame with the slot's bytes, in the swap cache. 0: out of memory.
PageIndex swap_in(MemorySystem& system, SwapSlot slot) {
    const auto pfn = system.alloc_page();
    if (!pfn) return 0;
    const PageIndex index = static_cast<PageIndex>(pfn->value);
    system.memory.note_write(*pfn);
    std::memcpy(system.memory.frame(*pfn), system.swap.bytes(slot), mmu::kPageSize);
    Page& page = system.mem_map[*pfn];
    page.flags |= Page::kAnon | Page::kSwapCache | Page::kUptodate;
    page.mapping = slot;
    system.swap.set_cached(slot, index);
    ++system.reclaim.pswpin;
    return index;
}

}  // namespace

u32 do_swap_page(VmFaultInfo& vmf) {
    MemorySystem& system = vmf.system;
    vmf.kind = &FaultStats::swap;
    const SwapSlot slot = pte_to_swp_entry(vmf.orig_pte);
    u32 result = 0;
    PageIndex index = system.swap.cached(slot);
    if (!index) {
        index = swap_in(system, slot);
        if (!index) return VM_FAULT_OOM;
        result = VM_FAULT_MAJOR;
    }
    Page& page = system.mem_map.at_index(index);
    page.index = vmf.pgoff();
    if (!page.is(Page::kLru)) system.lru.add(index);
    const bool exclusive = vmf.orig_pte.raw & kSwpExclusive;
    ++page.refcount;
    ++page.mapcount;
    --vmf.mm.rss_stat[MM_SWAPENTS];
    add_mm_rss(vmf.mm, MM_ANONPAGES);
    system.swap.put(slot);
    // should_try_to_free_swap(): the copy will be wrong in a moment.
    if (vmf.write() && page.refcount == 2 && !system.swap.users(slot)) delete_from_swap_cache(system, page);
    Pte pte = mk_pte(Pfn{index}, vmf.vma.vm_page_prot);
    bool written = false;
    if (exclusive || page.refcount == 1) {
        page.flags |= Page::kAnonExclusive;
        if (vmf.write()) {
            pte = maybe_mkwrite(pte.with(Pte::kDirty), vmf.vma);
            written = true;
        }
    }
    // Without a copy in swap the page is all there is of its bytes.
    if (!page.is(Page::kSwapCache)) pte = pte.with(Pte::kDirty);
    set_pte_at(system, vmf.address, vmf.pte, pte);
    if (!vmf.write() || written) return result;
    vmf.orig_pte = pte;
    const u32 copied = do_wp_page(vmf);
    vmf.kind = &FaultStats::swap;
    return result | copied;
}

}  // namespace kernel
