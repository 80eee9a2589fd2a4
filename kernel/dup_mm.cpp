// Purpose: copying an address space. See dup_mm.h.
#include "kernel/dup_mm.h"

#include "kernel/huge_memory.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/pkeys.h"

namespace kernel {

namespace {

bool is_cow_mapping(u64 flags) {
    return (flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

/// copy_present_pte()
void copy_present_pte(MemorySystem& system, MmStruct& fresh, const VmAreaStruct& vma, u64 address, u64* from,
                      u64* to) {
    Pte pte = ptep_get(from);
    if (Page* page = vm_normal_page(system, pte)) {
        ++page->refcount;
        ++page->mapcount;
        page->flags &= static_cast<u16>(~Page::kAnonExclusive);  // folio_try_dup_anon_rmap_pte()
        add_mm_rss(fresh, mm_counter(*page));
    }
    if (is_cow_mapping(vma.vm_flags) && pte.writable()) {  // ptep_set_wrprotect() in both
        pte = pte.without(Pte::kWritable);
        set_pte_at(system, address, from, pte);
    }
    if (vma.vm_flags & VM_SHARED) pte = pte.without(Pte::kDirty);
    set_pte_at(system, address, to, pte.without(Pte::kAccessed));
}

/// copy_nonpresent_pte(): a page that is swapped out is now wanted by two.
void copy_nonpresent_pte(MemorySystem& system, MmStruct& fresh, u64 address, u64* from, u64* to) {
    const Pte pte = ptep_get(from).without(kSwpExclusive);
    system.swap.duplicate(pte_to_swp_entry(pte));
    ++fresh.rss_stat[MM_SWAPENTS];
    set_pte_at(system, address, from, pte);
    set_pte_at(system, address, to, pte);
}

/// copy_page_range(). False: out of memory.
bool copy_page_range(MemorySystem& system, MmStruct& fresh, MmStruct& old, const VmAreaStruct& vma) {
    bool good = true;
    u64* to = nullptr;
    u64 table = ~u64{0};
    walk_page_range(system, old, vma.vm_start, vma.vm_end, [&](u64 address, u64* from) {
        if (!good || pte_none(ptep_get(from))) return;
        if (address / kPmdSize != table) {
            table = address / kPmdSize;
            u64* const entry = pte_alloc_map(system, fresh, address);
            if (!entry) {
                good = false;
                return;
            }
            to = entry - mmu::VirtAddr{address}.table_index(1);
        }
        u64* const copy = to + mmu::VirtAddr{address}.table_index(1);
        if (pte_present(ptep_get(from))) {  // the table may have cost this very page
            copy_present_pte(system, fresh, vma, address, from, copy);
        } else {
            copy_nonpresent_pte(system, fresh, address, from, copy);
        }
    });
    return good;
}

/// What does not depend on pages.
void copy_layout(MmStruct& fresh, const MmStruct& old) {
    fresh.mmap_base = old.mmap_base;
    fresh.mmap_legacy_base = old.mmap_legacy_base;
    fresh.legacy_layout = old.legacy_layout;
    fresh.free_area_cache = old.free_area_cache;
    fresh.cached_hole_size = old.cached_hole_size;
    fresh.start_code = old.start_code;
    fresh.end_code = old.end_code;
    fresh.start_data = old.start_data;
    fresh.end_data = old.end_data;
    fresh.start_brk = old.start_brk;
    fresh.brk = old.brk;
    fresh.start_stack = old.start_stack;
    fresh.arg_start = old.arg_start;
    fresh.arg_end = old.arg_end;
    fresh.env_start = old.env_start;
    fresh.env_end = old.env_end;
    fresh.next_anon_vma = old.next_anon_vma;
    fresh.rlimits = old.rlimits;
    dup_pkeys(fresh, old);
    fresh.saved_auxv = old.saved_auxv;
    fresh.thp_disabled = old.thp_disabled;
    fresh.vm_hugepage = old.vm_hugepage;  // khugepaged_fork()
    fresh.membarrier_state = old.membarrier_state;
    // mm_init(): VM_LOCKED of the future is not inherited.
    fresh.def_flags = old.def_flags & ~(VM_LOCKED | VM_LOCKONFAULT);
}

}  // namespace

int dup_mmap(MemorySystem& system, MmStruct& fresh, MmStruct& old) {
    copy_layout(fresh, old);
    int error = 0;
    for (const auto& [end, area] : old.mm_mt) {
        if (area.vm_flags & VM_DONTCOPY) {
            note_free_area(fresh, area.vm_end);
            continue;
        }
        if ((area.vm_flags & VM_ACCOUNT) && !vm_enough_memory(system, area.pages())) error = -ENOMEM;
        if (!fresh.mm_mt.prepare()) error = -ENOMEM;
        if (error) break;
        VmAreaStruct copy = area;
        copy.vm_flags &= ~(VM_LOCKED | VM_LOCKONFAULT | VM_HUGETLB_OWNER);
        if (area.vm_flags & VM_WIPEONFORK) copy.anon_vma = 0;
        if (copy.vm_file) system.page_cache.get(copy.vm_file);
        fresh.mm_mt.insert(copy);
        vm_stat_account(fresh, copy.vm_flags, static_cast<i64>(copy.pages()));
        // vma_needs_copy(): pages of files and of shared memory come back by faults.
        if (!copy.anon_vma) continue;
        const bool copied = copy.vm_flags & VM_HUGETLB
                                ? copy_hugetlb_page_range(system, fresh, old, copy)
                                : copy_huge_pmds(system, fresh, old, copy) &&
                                      copy_page_range(system, fresh, old, copy);
        if (!copied) error = -ENOMEM;
    }
    flush_tlb_mm(system, old);
    fresh.hiwater_vm = fresh.total_vm;
    fresh.hiwater_rss = fresh.rss_pages();
    return error;
}

}  // namespace kernel
