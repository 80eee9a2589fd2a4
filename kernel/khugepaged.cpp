// Purpose: collapsing. See khugepaged.h.
// Linux: mm/khugepaged.c hpage_collapse_scan_pmd(), collapse_huge_page(), madvise_collapse().
#include "kernel/khugepaged.h"

#include "kernel/huge_memory.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

enum class ScanResult : u8 {
    kSucceed,
    kPmdMapped,  ///< a huge page already
    kPmdNull,
    kPteNonPresent,
    kExceedNonePte,
    kExceedSharedPte,
    kPageRo,          ///< nothing of it may be written
    kPageAnon,        ///< a page that is not anonymous
    kPageCount,       ///< somebody else holds a reference
    kLackReferenced,  ///< nothing of it was used since the last look
    kAllocFail,
};

enum class Asker : u8 { kKhugepaged, kMadvise };

constexpr u64 kMaxPtesNone = kHpagePmdNr - 1, kMaxPtesShared = kHpagePmdNr / 2;

/// hpage_collapse_scan_pmd(): would collapse_huge_page() of this page table make sense?
ScanResult scan_pmd(MemorySystem& system, const VmAreaStruct& vma, const u64* pmd, Asker asker) {
    if (!pmd || !*pmd) return ScanResult::kPmdNull;
    if (pmd_trans_huge(*pmd)) return ScanResult::kPmdMapped;
    const u64* const words = table_words(system, Pte{*pmd}.pfn());
    u64 none = 0, shared = 0;
    bool writable = false, referenced = false;
    for (u64 i = 0; i < kHpagePmdNr; ++i) {
        const Pte pte{words[i]};
        if (!pte_none(pte) && !pte.present()) return ScanResult::kPteNonPresent;
        if (pte_none(pte) || pte.special()) {
            if (++none > kMaxPtesNone && asker == Asker::kKhugepaged) return ScanResult::kExceedNonePte;
            continue;
        }
        writable |= pte.writable();
        const Page& page = system.mem_map[pte.pfn()];
        if (!page.is(Page::kAnon)) return ScanResult::kPageAnon;
        if (page.mapcount > 1 && ++shared > kMaxPtesShared && asker == Asker::kKhugepaged)
            return ScanResult::kExceedSharedPte;
        if (page.refcount != page.mapcount) return ScanResult::kPageCount;
        referenced |= pte.accessed();
    }
    if (!writable || !(vma.vm_flags & VM_WRITE)) return ScanResult::kPageRo;
    if (!referenced && asker == Asker::kKhugepaged) return ScanResult::kLackReferenced;
    return ScanResult::kSucceed;
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
    tlb.remove_page(old.pfn());
}

/// collapse_huge_page(): the page table's pages become one; the table itself is set aside for a later split.
ScanResult collapse_huge_page(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, u64 haddr,
                              u64* pmd) {
    const auto pfn = system.alloc_pages(kHpagePmdOrder, GFP_TRANSHUGE_LIGHT);
    if (!pfn) {
        ++system.thp.stats.collapse_alloc_failed;
        return ScanResult::kAllocFail;
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
    system.notify(
        {.kind = EventKind::kCollapseHugePage, .order = kHpagePmdOrder, .address = haddr, .pfn = pfn->value});
    return ScanResult::kSucceed;
}

ScanResult scan_and_collapse(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, u64 haddr,
                             Asker asker) {
    u64* const pmd = pmd_offset_map(system, mm, haddr);
    const ScanResult result = scan_pmd(system, vma, pmd, asker);
    return result == ScanResult::kSucceed ? collapse_huge_page(system, mm, vma, haddr, pmd) : result;
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

int madvise_collapse(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, u64 start, u64 end) {
    if (!thp_possible(vma)) return -EINVAL;
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

u64 khugepaged_scan_mm(MemorySystem& system, MmStruct& mm, u64 address, u64& pages) {
    for (auto it = mm.mm_mt.upper_bound(address); it != mm.mm_mt.end(); ++it) {
        const VmAreaStruct& vma = it->second;
        u64 haddr = mmu::align_up(std::max(address, vma.vm_start), kPmdSize);
        for (; thp_vma_allowable(system, vma, haddr); haddr += kPmdSize) {
            if (pages < kHpagePmdNr) return haddr;
            pages -= kHpagePmdNr;
            scan_and_collapse(system, mm, vma, haddr, Asker::kKhugepaged);
        }
        if (pages == 0) return vma.vm_end;
        --pages;  // an area costs a look, too
    }
    return 0;
}

}  // namespace kernel
