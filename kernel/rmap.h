// From a frame to the PTEs that map it. Linux: mm/rmap.c rmap_walk_anon(), rmap_walk_file(). A page knows its
// index (page.index): an area that could map it has that index, and whether it does its page table says. A
// huge page is split when somebody looks. Anonymous memory that was never moved lies where its index says;
// all other areas are found by index. Deviation: the index of areas is made anew for each run of reclaim,
// instead of kept in interval trees.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

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

/// All areas whose pages could be anywhere, by the indices they cover. Valid while no area changes.
class AreaIndex {
  public:
    explicit AreaIndex(std::span<MmStruct* const> mms) {
        for (MmStruct* mm : mms)
            for (auto& [end, vma] : mm->mm_mt)
                if (!lies_at_its_index(vma)) entries_.push_back({vma.vm_pgoff, 0, mm, &vma});
        std::stable_sort(entries_.begin(), entries_.end(),
                         [](const Entry& a, const Entry& b) { return a.first < b.first; });
        u64 end = 0;
        for (Entry& entry : entries_) entry.max_end = end = std::max(end, entry.first + entry.vma->pages());
    }
    /// visit(mm, vma) for each area that covers `index`, until it returns false.
    template <class Visit>
    void for_each(u64 index, Visit&& visit) const {
        auto at = std::upper_bound(entries_.begin(), entries_.end(), index,
                                   [](u64 i, const Entry& entry) { return i < entry.first; });
        while (at != entries_.begin() && std::prev(at)->max_end > index) {
            --at;
            if (index - at->first < at->vma->pages() && !visit(*at->mm, *at->vma)) return;
        }
    }

  private:
    struct Entry {
        u64 first;    ///< vm_pgoff
        u64 max_end;  ///< of this area and all before it
        MmStruct* mm;
        VmAreaStruct* vma;
    };
    std::vector<Entry> entries_;
};

/// visit(PageVma) for each PTE that maps the frame, until all are found. It may clear that PTE. `areas`: the
/// index, made when it is first needed.
template <class Visit>
void rmap_walk(MemorySystem& system, std::span<MmStruct* const> mms, std::optional<AreaIndex>& areas,
               PageIndex index, Visit&& visit) {
    const Page& page = system.mem_map.at_index(index);
    const u64 pgoff = page.index;
    u32 left = page.mapcount;
    const auto look = [&](MmStruct& mm, VmAreaStruct& vma) {
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
    if (!areas) areas.emplace(mms);
    areas->for_each(pgoff, look);
}

}  // namespace kernel
