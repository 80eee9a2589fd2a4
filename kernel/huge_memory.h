// Transparent huge pages: anonymous memory that one page-directory entry maps, 2 MiB at a time. Linux:
// mm/huge_memory.c, include/linux/huge_mm.h (6.12).
//
// A huge page is 512 frames in a row, each with a struct page, references and map counts of its own; a huge
// mapping holds one reference to each of them. Deviation: Linux keeps one folio with one reference, and
// splits it later (deferred_split_folio()); here splitting a mapping is all there is to split.
//
// A range operation deals with huge mappings first, by one of the functions below: it takes those that lie
// inside of its range whole, and splits those that its ends cut. walk_page_range() passes over huge mappings.
#pragma once

#include "kernel/memory.h"

namespace kernel {

inline constexpr unsigned kHpagePmdOrder = 9;
inline constexpr u64 kHpagePmdNr = 512;  ///< HPAGE_PMD_NR: small pages in a huge one

/// Can `vma` have huge pages at all, whatever the mode?
bool thp_possible(const VmAreaStruct& vma);
/// hugepage_vma_check(): may [haddr, haddr + 2 MiB) of `vma` become a huge page?
bool thp_vma_allowable(const MemorySystem& system, const VmAreaStruct& vma, u64 haddr);

/// May any part of it? THPeligible of smaps.
inline bool thp_eligible(const MemorySystem& system, const VmAreaStruct& vma) {
    return thp_vma_allowable(system, vma, mmu::align_up(vma.vm_start, kPmdSize));
}

/// What __handle_mm_fault() does at the pmd: create_huge_pmd(), wp_huge_pmd(), huge_pmd_set_accessed().
/// VM_FAULT_FALLBACK: go on with the page table below it.
u32 handle_huge_pmd_fault(VmFaultInfo& vmf);

/// zap_huge_pmd() for what lies in [start, end) whole.
void zap_huge_pmds(MmuGather& tlb, MmStruct& mm, u64 start, u64 end);
/// change_huge_pmd(): what lies in [start, end) whole gets the rights of `vma`.
void change_huge_pmds(MmuGather& tlb, MmStruct& mm, const VmAreaStruct& vma, u64 start, u64 end);
/// Splits what cannot move from [start, start + size) to `target` as a whole, and makes the tables for what
/// can. False: no frame for one.
bool prepare_huge_move(MemorySystem& system, MmStruct& mm, u64 start, u64 size, u64 target);
/// move_huge_pmd() for what prepare_huge_move() has left.
void move_huge_pmds(MmuGather& tlb, MmStruct& mm, u64 start, u64 size, u64 target);
/// madvise_free_huge_pmd(): clears A and D of what lies in [start, end) whole.
void free_huge_pmds_lazily(MmuGather& tlb, MmStruct& mm, u64 start, u64 end);
/// clear_refs_pte_range() of huge pages: nobody has used them. No flush.
void clear_huge_refs(MemorySystem& system, MmStruct& mm, u64 start, u64 end);
/// madvise_cold_or_pageout_pte_range() of huge pages: splits those that the ends cut; of the others that nobody
/// else maps the accessed bit goes if `make_old`. Their frames.
std::vector<PageIndex> cold_or_pageout_huge_pmds(MmuGather& tlb, MmStruct& mm, u64 start, u64 end, bool make_old);
/// vma_adjust_trans_huge(): an area is about to begin or to end at `address`.
void vma_adjust_trans_huge(MemorySystem& system, MmStruct& mm, u64 address);

/// copy_huge_pmd() of all of `vma`'s, for a fork: both sides may read. False: no frame for a table.
bool copy_huge_pmds(MemorySystem& system, MmStruct& fresh, MmStruct& old, const VmAreaStruct& vma);
/// Maps 512 frames that hold data already and that nobody owns, `table` being set aside for a split.
void install_anon_thp(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, u64 haddr, u64* pmd,
                      Pfn pfn, Pfn table);
/// Huge mappings of [start, end), the huge zero page aside.
u64 count_anon_thps(const MemorySystem& system, const MmStruct& mm, u64 start, u64 end);

/// __split_huge_pmd(): the same frames, mapped one by one.
void split_huge_pmd(MemorySystem& system, MmStruct& mm, u64* pmd, u64 address);

}  // namespace kernel
