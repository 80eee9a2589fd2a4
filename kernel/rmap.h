// From a frame to the PTEs that map it. Linux: mm/rmap.c rmap_walk_anon(), rmap_walk_file(). A page knows its
// index (page.index): an area that could map it has that index, and whether it does its page table says. A
// huge page is split when somebody looks. Anonymous memory that was never moved lies where its index says;
// all other areas are found by index (area_index.h).
#pragma once

#include <span>

#include "kernel/huge_memory.h"
#include "kernel/mm_internal.h"

namespace kernel {

/// One mapping of a page.
struct PageVma {
    MmStruct& mm;
    VmAreaStruct& vma;
    u64 address;
    u64* pte;
};

/// The PTE of `vma` that maps the frame; null: none.
inline u64* page_vma_mapped(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, PageIndex index,
                            u64& address) {
    const Page& page = system.mem_map.at_index(index);
    if (page.index < vma.vm_pgoff || page.index - vma.vm_pgoff >= vma.pages()) return nullptr;
    address = vma.vm_start + ((page.index - vma.vm_pgoff) << mmu::kPageShift);
    u64* pmd = pmd_offset_map(system, mm, address);
    if (pmd && pmd_trans_huge(*pmd)) {
        const Pte part = small_part_of(Pte{*pmd}, address);
        if (part.special() || part.pfn().value != index) return nullptr;
        split_huge_pmd(system, mm, pmd, address);  // reclaim deals with small pages
    }
    u64* ptep = pte_offset_map(system, mm, address);
    if (!ptep) return nullptr;
    const Pte pte = ptep_get(ptep);
    return pte_present(pte) && !pte.special() && pte.pfn().value == index ? ptep : nullptr;
}

/// Anonymous memory whose pages have their own addresses as index.
inline bool lies_at_its_index(const VmAreaStruct& vma) {
    return vma.is_anonymous() && vma.vm_pgoff == pages_of(vma.vm_start);
}

/// visit(PageVma) for each PTE that maps the frame, until all are found. It may clear that PTE.
template <class Visit>
void rmap_walk(MemorySystem& system, std::span<MmStruct* const> mms, PageIndex index, Visit&& visit) {
    const Page& page = system.mem_map.at_index(index);
    const u64 pgoff = page.index;
    u32 left = page.mapcount;
    // The areas of a file's page are those of this file, which is asked before their page tables are.
    const auto is_of_file = [&](const VmAreaStruct& vma) {
        return vma.vm_file && system.page_cache.mapping_of(vma.vm_file).id == page.mapping;
    };
    const auto look = [&](MmStruct& mm, VmAreaStruct& vma) {
        if (page.is(Page::kCache) && !is_of_file(vma)) return true;
        u64 address = 0;
        if (u64* ptep = page_vma_mapped(system, mm, vma, index, address)) {
            --left;
            visit(PageVma{mm, vma, address, ptep});
        }
        return left != 0;
    };
    for (usize i = 0; page.is(Page::kAnon) && left && i < mms.size(); ++i) {
        VmAreaStruct* guess = mms[i]->mm_mt.vma_lookup(pgoff << mmu::kPageShift);
        if (guess && lies_at_its_index(*guess)) look(*mms[i], *guess);
    }
    if (!left) return;
    system.area_index.refresh(mms, system.area_generation);
    system.area_index.for_each(pgoff, look);
}

}  // namespace kernel
