// struct vm_fault: one page fault on its way through mm/memory.c. Shared by memory.cpp and file_fault.cpp
// only.
#pragma once

#include "kernel/mseal.h"
#include "kernel/mm_internal.h"

namespace kernel {

struct VmFaultInfo {
    MemorySystem& system;
    MmStruct& mm;
    VmAreaStruct& vma;
    u64 address;  ///< of the page
    u32 flags;    ///< FAULT_FLAG_*
    u64* pmd = nullptr;
    u64* pte = nullptr;  ///< null while its table is missing
    Pte orig_pte{};
    u64 FaultStats::*kind = nullptr;  ///< what answered

    bool write() const { return flags & FAULT_FLAG_WRITE; }
    u64 pgoff() const { return vma.index_of(address); }
};

/// do_swap_page(): a page that was swapped out. VM_FAULT_*.
u32 do_swap_page(VmFaultInfo& vmf);
/// do_wp_page(): a write to a present, read-only page of an area that may be written.
u32 do_wp_page(VmFaultInfo& vmf);
/// do_fault(): a page of a file or of shared memory. VM_FAULT_*.
u32 do_fault(VmFaultInfo& vmf);

/// anon_vma_prepare(): the area is about to get its first anonymous page.
void anon_vma_prepare(VmFaultInfo& vmf);
/// maybe_mkwrite()
inline Pte maybe_mkwrite(Pte pte, const VmAreaStruct& vma) {
    return vma.vm_flags & VM_WRITE ? pte.with(Pte::kWritable) : pte;
}
/// folio_add_new_anon_rmap(RMAP_EXCLUSIVE) and its counter.
inline void add_new_anon_page(VmFaultInfo& vmf, Pfn pfn, u64 index) {
    Page& page = vmf.system.mem_map[pfn];
    page.flags |= Page::kAnon | Page::kAnonExclusive;
    page.mapcount = 1;
    page.index = index;
    if (vmf.vma.vm_flags & VM_DROPPABLE) page.flags |= Page::kLazyFree;  // folio_clear_swapbacked()
    vmf.system.lru.add(static_cast<PageIndex>(pfn.value));
    add_mm_rss(vmf.mm, MM_ANONPAGES);
}
inline void add_new_anon_page(VmFaultInfo& vmf, Pfn pfn) {
    add_new_anon_page(vmf, pfn, vmf.pgoff());
}

}  // namespace kernel
