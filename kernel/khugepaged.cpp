// Purpose: collapsing. See khugepaged.h.
// Linux: mm/khugepaged.c hpage_collapse_scan_pmd(), collapse_huge_page(), madvise_collapse().
#include "kernel/khugepaged.h"

#include "kernel/huge_memory.h"
#include "kernel/vmscan.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

enum class ScanResult : u8 {
    kFail,  ///< for another reason than these
    kSucceed,
    kPmdMapped,  ///< a huge page already
    kPmdNull,
    kExceedNonePte,
    kExceedSwapPte,
    kExceedSharedPte,
    kPageRo,          ///< nothing of it may be written
    kPageAnon,        ///< a page that is not anonymous
    kPageCount,       ///< somebody else holds a reference
    kLackReferenced,  ///< nothing of it was used since the last look
    kAllocFail,
};

enum class Asker : u8 { kKhugepaged, kMadvise };

/// hpage_collapse_scan_pmd(): would collapse_huge_page() of this page table make sense? `unmapped`: its pages
/// that are in swap.
ScanResult scan_pmd(MemorySystem& system, const u64* pmd, Asker asker, u64& unmapped) {
    if (!pmd || !*pmd) return ScanResult::kPmdNull;
    if (pmd_trans_huge(*pmd)) return ScanResult::kPmdMapped;
    const bool khugepaged = asker == Asker::kKhugepaged;
    const KhugepagedState& limits = system.thp.khugepaged;
    ThpStats& stats = system.thp.stats;
    const u64* const words = table_words(system, Pte{*pmd}.pfn());
    u64 none = 0, shared = 0, referenced = 0;
    bool writable = false;
    unmapped = 0;
    for (u64 i = 0; i < kHpagePmdNr; ++i) {
        const Pte pte{words[i]};
        if (!pte_none(pte) && !pte_present(pte)) {
            if (++unmapped <= limits.max_ptes_swap || !khugepaged) continue;
            ++stats.scan_exceed_swap_pte;
            return ScanResult::kExceedSwapPte;
        }
        if (pte_none(pte) || pte.special()) {
            if (++none <= limits.max_ptes_none || !khugepaged) continue;
            ++stats.scan_exceed_none_pte;
            return ScanResult::kExceedNonePte;
        }
        writable |= pte.writable();
        const Page& page = system.mem_map[pte.pfn()];
        if (!page.is(Page::kAnon)) return ScanResult::kPageAnon;
        if (page.mapcount > 1 && ++shared > limits.max_ptes_shared && khugepaged) {
            ++stats.scan_exceed_share_pte;
            return ScanResult::kExceedSharedPte;
        }
        if (page.refcount != page.mapcount + page.is(Page::kSwapCache)) return ScanResult::kPageCount;
        referenced += pte.accessed() || page.is(Page::kReferenced);
    }
    if (!writable) return ScanResult::kPageRo;
    if (khugepaged && (!referenced || (unmapped && referenced < kHpagePmdNr / 2)))
        return ScanResult::kLackReferenced;
    return ScanResult::kSucceed;
}

/// __collapse_huge_page_swapin(): brings back what of [haddr, haddr + 2 MiB) is in swap. False: not all came.
bool swap_in_all(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 haddr, u64* pmd) {
    for (u64 i = 0; i < kHpagePmdNr; ++i) {
        VmFaultInfo vmf{system, mm, vma, haddr + i * mmu::kPageSize, 0};
        vmf.pmd = pmd;
        vmf.pte = &table_words(system, Pte{*pmd}.pfn())[i];
        vmf.orig_pte = ptep_get(vmf.pte);
        if (pte_none(vmf.orig_pte) || pte_present(vmf.orig_pte)) continue;
        if (do_swap_page(vmf) & VM_FAULT_ERROR) return false;
    }
    return true;
}

/// __collapse_huge_page_copy() of one small page. What was there loses a reference.
void copy_small_page(MmuGather& tlb, MmStruct& mm, u64 address, u64* ptep, Pfn to) {
    MemorySystem& system = tlb.system();
    const Pte old = ptep_get_and_clear(system, address, ptep);
    Page* const page = pte_none(old) ? nullptr : vm_normal_page(system, old);
    if (!page) {
        system.memory.clear_frame(to);
        return;
    }
    system.memory.copy_frame(to, old.pfn());
    --mm.rss_stat[mm_counter(*page)];
    --page->mapcount;
    // free_swap_cache(): nobody will look for its copy.
    if (page->is(Page::kSwapCache) && !page->mapcount && !system.swap.users(page->mapping))
        delete_from_swap_cache(system, *page);
    tlb.remove_page(old.pfn());
}

/// alloc_hugepage_khugepaged_gfpmask(); MADV_COLLAPSE tries as hard.
Gfp gfp_mask(const MemorySystem& system, Asker asker) {
    return asker == Asker::kMadvise || system.thp.khugepaged.defrag ? GFP_TRANSHUGE : GFP_TRANSHUGE_LIGHT;
}

/// collapse_huge_page(): the page table's pages become one; the table itself is set aside for a later split.
ScanResult collapse_huge_page(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 haddr, Asker asker) {
    const auto pfn = system.alloc_pages(kHpagePmdOrder, gfp_mask(system, asker));
    if (!pfn) {
        ++system.thp.stats.collapse_alloc_failed;
        return ScanResult::kAllocFail;
    }
    // hugepage_vma_revalidate() and __collapse_huge_page_isolate(): looking for frames may have changed the
    // table.
    u64 unmapped = 0;
    u64* const pmd = pmd_offset_map(system, mm, haddr);
    ScanResult result = scan_pmd(system, pmd, asker, unmapped);
    if (result == ScanResult::kSucceed && unmapped) {
        result = swap_in_all(system, mm, vma, haddr, pmd) ? scan_pmd(system, pmd, asker, unmapped)
                                                          : ScanResult::kFail;
        if (result == ScanResult::kSucceed && unmapped) result = ScanResult::kPageCount;
    }
    if (result != ScanResult::kSucceed) {
        system.buddy.free_pages(*pfn, kHpagePmdOrder);
        return result;
    }
    ++system.thp.stats.collapse_alloc;
    const Pfn table = Pte{*pmd}.pfn();
    // pmdp_collapse_flush(): nobody reaches the small pages from here on.
    *pmd = 0;
    flush_tlb_range(system, mm, haddr, haddr + kPmdSize);
    u64* const words = table_words(system, table);
    {
        MmuGather tlb(system, mm);
        for (u64 i = 0; i < kHpagePmdNr; ++i)
            copy_small_page(tlb, mm, haddr + i * mmu::kPageSize, &words[i], *pfn + i);
    }
    install_anon_thp(system, mm, vma, haddr, pmd, *pfn, table);
    if (asker == Asker::kKhugepaged) ++system.thp.stats.pages_collapsed;
    system.notify(
        {.kind = EventKind::kCollapseHugePage, .order = kHpagePmdOrder, .address = haddr, .pfn = pfn->value});
    return ScanResult::kSucceed;
}

ScanResult scan_and_collapse(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 haddr, Asker asker) {
    u64 unmapped = 0;
    const ScanResult result = scan_pmd(system, pmd_offset_map(system, mm, haddr), asker, unmapped);
    return result == ScanResult::kSucceed ? collapse_huge_page(system, mm, vma, haddr, asker) : result;
}

/// madvise_collapse_errno()
int errno_of(ScanResult result) {
    switch (result) {
        case ScanResult::kAllocFail:
            return -ENOMEM;
        case ScanResult::kPageCount:
            return -EAGAIN;
        default:
            return -EINVAL;
    }
}

}  // namespace

int madvise_collapse(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 start, u64 end) {
    // thp_vma_allowable_order(): the area must have room for one at all.
    const u64 highest = mmu::align_down(vma.vm_end - kPmdSize, kPmdSize);
    if (!thp_possible(vma) || vma.vm_end < kPmdSize || highest < vma.vm_start) return -EINVAL;
    const u64 first = mmu::align_up(start, kPmdSize), last = mmu::align_down(end, kPmdSize);
    u64 done = 0;
    ScanResult failure = ScanResult::kSucceed;
    for (u64 haddr = first; haddr < last; haddr += kPmdSize) {
        const ScanResult result = scan_and_collapse(system, mm, vma, haddr, Asker::kMadvise);
        if (result == ScanResult::kSucceed || result == ScanResult::kPmdMapped) {
            ++done;
            continue;
        }
        failure = result;
        if (result == ScanResult::kAllocFail) break;
    }
    return first >= last || done == (last - first) / kPmdSize ? 0 : errno_of(failure);
}

KhugepagedScan khugepaged_scan_mm(MemorySystem& system, MmStruct& mm, u64 address, u64& pages) {
    for (auto it = mm.mm_mt.upper_bound(address); it != mm.mm_mt.end(); ++it) {
        VmAreaStruct& vma = it->second;
        u64 haddr = mmu::align_up(std::max(address, vma.vm_start), kPmdSize);
        for (; thp_vma_allowable(system, vma, haddr); haddr += kPmdSize) {
            if (!pages) return {haddr};
            pages -= std::min(pages, kHpagePmdNr);
            if (scan_and_collapse(system, mm, vma, haddr, Asker::kKhugepaged) == ScanResult::kAllocFail)
                return {haddr + kPmdSize, true};
        }
        if (pages == 0) return {vma.vm_end};
        --pages;  // an area costs a look, too
    }
    return {};
}

void khugepaged_enter_vma(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma) {
    if (mm.vm_hugepage || mm.thp_disabled || !thp_eligible(system, vma)) return;
    mm.vm_hugepage = true;
    system.thp.khugepaged.woken = true;
}

}  // namespace kernel
