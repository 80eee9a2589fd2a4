// Purpose: a fault on a page that was swapped out. Linux: mm/memory.c do_swap_page().
#include "kernel/memory.h"
#include "kernel/swap_state.h"
#include "kernel/vmscan.h"

namespace kernel {

u32 do_swap_page(VmFaultInfo& vmf) {
    MemorySystem& system = vmf.system;
    vmf.kind = &FaultStats::swap;
    const SwapSlot slot = pte_to_swp_entry(vmf.orig_pte);
    u32 result = 0;
    PageIndex index = swap_cache_get_folio(system, slot, &vmf.vma, vmf.address);
    if (!index) {
        const SwapRead read = swap_vma_readahead(vmf);
        // The OOM killer may have taken this memory back for the frame.
        if (!(ptep_get(vmf.pte) == vmf.orig_pte)) return 0;
        if (!read.page) return read.io_error ? VM_FAULT_SIGBUS : VM_FAULT_OOM;
        index = read.page;
        result = VM_FAULT_MAJOR;
    }
    Page& page = system.mem_map.at_index(index);
    page.index = vmf.pgoff();
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
