// Purpose: advice. Linux: mm/madvise.c do_madvise(), madvise_vma_behavior().
// Deviation: MADV_HWPOISON and MADV_SOFT_OFFLINE are refused
// with EINVAL.
#include "kernel/huge_memory.h"
#include "kernel/hugetlb.h"
#include "kernel/khugepaged.h"
#include "kernel/mm_internal.h"
#include "kernel/mmap.h"
#include "kernel/mseal.h"
#include "kernel/vmscan.h"

namespace kernel {

namespace {

enum Behavior : int {
    MADV_NORMAL_ = 0,
    MADV_RANDOM_ = 1,
    MADV_SEQUENTIAL_ = 2,
    MADV_WILLNEED_ = 3,
    MADV_DONTNEED_ = 4,
    MADV_FREE_ = 8,
    MADV_REMOVE_ = 9,
    MADV_DONTFORK_ = 10,
    MADV_DOFORK_ = 11,
    MADV_MERGEABLE_ = 12,
    MADV_UNMERGEABLE_ = 13,
    MADV_HUGEPAGE_ = 14,
    MADV_NOHUGEPAGE_ = 15,
    MADV_DONTDUMP_ = 16,
    MADV_DODUMP_ = 17,
    MADV_WIPEONFORK_ = 18,
    MADV_KEEPONFORK_ = 19,
    MADV_COLD_ = 20,
    MADV_PAGEOUT_ = 21,
    MADV_POPULATE_READ_ = 22,
    MADV_POPULATE_WRITE_ = 23,
    MADV_DONTNEED_LOCKED_ = 24,
    MADV_COLLAPSE_ = 25,
};

bool madvise_behavior_valid(int behavior) {
    return (behavior >= MADV_NORMAL_ && behavior <= MADV_DONTNEED_) ||
           (behavior >= MADV_FREE_ && behavior <= MADV_COLLAPSE_);
}

/// is_madv_discard()
bool is_madv_discard(int behavior) {
    return behavior == MADV_FREE_ || behavior == MADV_DONTNEED_ || behavior == MADV_DONTNEED_LOCKED_ ||
           behavior == MADV_REMOVE_ || behavior == MADV_DONTFORK_ || behavior == MADV_WIPEONFORK_;
}

/// madvise_free_single_vma(): the pages may be dropped; a write takes that back.
void free_lazily(MmuGather& tlb, MmStruct& mm, u64 start, u64 end) {
    MemorySystem& system = tlb.system();
    free_huge_pmds_lazily(tlb, mm, start, end);
    walk_page_range(system, mm, start, end, [&](u64 address, u64* ptep) {
        const Pte pte = ptep_get(ptep);
        if (!pte_none(pte) && !pte_present(pte)) {  // swapped out: given up at once
            set_pte_at(system, address, ptep, Pte{});
            --mm.rss_stat[MM_SWAPENTS];
            free_swap_entry(system, pte_to_swp_entry(pte));
            return;
        }
        Page* page = pte.present() ? vm_normal_page(system, pte) : nullptr;
        if (!page || !page->is(Page::kAnon) || page->mapcount != 1) return;
        if (page->is(Page::kSwapCache) && !system.swap.users(page->mapping) && page->refcount == 2)
            delete_from_swap_cache(system, *page);
        if (pte.accessed() || pte.dirty()) {
            set_pte_at(system, address, ptep, pte.without(Pte::kAccessed | Pte::kDirty));
            tlb.remove_tlb_entry(address);
        }
        if (!page->is(Page::kLru) || page->is(Page::kSwapCache)) return;
        const PageIndex index = static_cast<PageIndex>(pte.pfn().value);  // folio_mark_lazyfree()
        system.lru.remove(index);
        page->flags &= static_cast<u16>(~(Page::kActive | Page::kReferenced | Page::kDirty));
        page->flags |= Page::kLazyFree;
        system.lru.add(index);
    });
}

/// madvise_cold_or_pageout_pte_range(): pages of one mapping only, so that nobody else's suffer. What is to
/// go at once keeps its accessed bit: reclaim does not ask for it.
void cold_or_pageout(MemorySystem& system, MmStruct& mm, u64 start, u64 end, bool pageout) {
    MmuGather tlb(system, mm);
    std::vector<PageIndex> pages;
    const auto deactivate = [&](PageIndex index) {
        Page& page = system.mem_map.at_index(index);
        system.lru.remove(index);
        page.flags &= static_cast<u16>(~(Page::kActive | Page::kReferenced));
        system.lru.add(index);
        if (pageout) pages.push_back(index);
    };
    for (const PageIndex index : cold_or_pageout_huge_pmds(tlb, mm, start, end, !pageout)) deactivate(index);
    walk_page_range(system, mm, start, end, [&](u64 address, u64* ptep) {
        const Pte pte = ptep_get(ptep);
        Page* page = pte.present() ? vm_normal_page(system, pte) : nullptr;
        if (!page || page->mapcount != 1 || !page->is(Page::kLru)) return;
        if (!pageout && pte.accessed()) {
            set_pte_at(system, address, ptep, pte.without(Pte::kAccessed));
            tlb.remove_tlb_entry(address);
        }
        deactivate(static_cast<PageIndex>(pte.pfn().value));
    });
    tlb.flush();
    if (!pages.empty()) reclaim_pages(system, pages);
}

int madvise_dontneed_free(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, u64 start, u64 end,
                          int behavior) {
    if (behavior != MADV_DONTNEED_LOCKED_ && (vma.vm_flags & VM_LOCKED)) return -EINVAL;
    if (behavior == MADV_FREE_ && !vma.is_anonymous()) return -EINVAL;
    if (vma.vm_flags & VM_HUGETLB) {  // whole pages only
        const u64 size = hstate_vma(system, vma).size();
        if (start % size) return -EINVAL;
        end = mmu::align_down(end, size);
        if (start == end) return 0;
    }
    MmuGather tlb(system, mm);
    if (behavior == MADV_FREE_) {
        free_lazily(tlb, mm, start, end);
    } else {
        unmap_page_range(tlb, mm, start, end);
    }
    return 0;
}

/// Punches a hole into shared anonymous memory.
int madvise_remove(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, u64 start, u64 end) {
    if (vma.vm_flags & VM_LOCKED) return -EINVAL;
    if (!vma.vm_file) return -EINVAL;
    if ((vma.vm_flags & (VM_SHARED | VM_MAYWRITE)) != (VM_SHARED | VM_MAYWRITE)) return -EACCES;
    AddressSpace& space = system.page_cache.mapping_of(vma.vm_file);
    if (!space.shmem && !space.hugetlb) return -EOPNOTSUPP;
    if (space.hugetlb) {  // hugetlbfs_punch_hole(): whole pages
        const u64 size = hstate_vma(system, vma).size();
        start = mmu::align_up(start, size);
        end = mmu::align_down(end, size);
        if (start >= end) return 0;
    }
    const u64 first = vma.index_of(start), last = vma.index_of(end - 1);
    unmap_mapping_pages(system, mm, space, first, last);
    if (space.hugetlb) {
        hugetlb_remove_pages(system, space, first >> space.hugetlb->order, last >> space.hugetlb->order);
    } else {
        system.page_cache.punch_hole(system, space, first, last);
    }
    return 0;
}

void madvise_willneed(MemorySystem& system, const VmAreaStruct& vma, u64 start, u64 end) {
    if (!vma.vm_file || !system.page_cache.mapping_of(vma.vm_file).backing) return;
    system.page_cache.read_ahead(system, system.page_cache.mapping_of(vma.vm_file), vma.index_of(start),
                                 vma.index_of(end));
}

/// The new vm_flags that an advice amounts to; nothing: it forbids itself.
std::optional<u64> advised_flags(const VmAreaStruct& vma, int behavior) {
    const u64 flags = vma.vm_flags;
    const bool special = flags & (VM_IO | VM_DONTEXPAND);
    switch (behavior) {
        case MADV_NORMAL_:
            return flags & ~(VM_RAND_READ | VM_SEQ_READ);
        case MADV_SEQUENTIAL_:
            return (flags & ~VM_RAND_READ) | VM_SEQ_READ;
        case MADV_RANDOM_:
            return (flags & ~VM_SEQ_READ) | VM_RAND_READ;
        case MADV_DONTFORK_:
            return flags | VM_DONTCOPY;
        case MADV_DOFORK_:
            return flags & VM_IO ? std::nullopt : std::optional(flags & ~VM_DONTCOPY);
        case MADV_WIPEONFORK_:
            return vma.vm_file || (flags & VM_SHARED) ? std::nullopt : std::optional(flags | VM_WIPEONFORK);
        case MADV_KEEPONFORK_:
            return flags & VM_DROPPABLE ? std::nullopt : std::optional(flags & ~VM_WIPEONFORK);
        case MADV_DONTDUMP_:
            return flags | VM_DONTDUMP;
        case MADV_DODUMP_:
            return special || (flags & VM_DROPPABLE) ? std::nullopt : std::optional(flags & ~VM_DONTDUMP);
        case MADV_MERGEABLE_:
            return special || (flags & (VM_SHARED | VM_MAYSHARE)) ? flags : flags | VM_MERGEABLE;
        case MADV_UNMERGEABLE_:
            return flags & ~VM_MERGEABLE;
        case MADV_HUGEPAGE_:
            return (flags & ~VM_NOHUGEPAGE) | VM_HUGEPAGE;
        case MADV_NOHUGEPAGE_:
            return (flags & ~VM_HUGEPAGE) | VM_NOHUGEPAGE;
        default:
            return std::nullopt;
    }
}

int madvise_vma_behavior(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 start, u64 end,
                         int behavior) {
    if (is_madv_discard(behavior) && !can_discard_vma(system, vma)) return -EPERM;
    switch (behavior) {
        case MADV_REMOVE_:
            return madvise_remove(system, mm, vma, start, end);
        case MADV_WILLNEED_:
            madvise_willneed(system, vma, start, end);
            return 0;
        case MADV_COLD_:
        case MADV_PAGEOUT_:
            if (vma.vm_flags & (VM_LOCKED | VM_HUGETLB)) return -EINVAL;
            cold_or_pageout(system, mm, start, end, behavior == MADV_PAGEOUT_);
            return 0;
        case MADV_COLLAPSE_:
            return madvise_collapse(system, mm, vma, start, end);
        case MADV_FREE_:
        case MADV_DONTNEED_:
        case MADV_DONTNEED_LOCKED_:
            return madvise_dontneed_free(system, mm, vma, start, end, behavior);
        default:
            break;
    }
    const auto flags = advised_flags(vma, behavior);
    if (!flags) return -EINVAL;
    if (*flags == vma.vm_flags) return 0;
    if (const int error = hugetlb_vm_op_split(system, vma, start)) return error;
    if (const int error = hugetlb_vm_op_split(system, vma, end)) return error;
    // Linux returns its internal ENOMEM as EAGAIN here.
    VmAreaStruct* const advised = vma_modify_flags(system, mm, vma, start, end, *flags);
    if (advised && behavior == MADV_HUGEPAGE_)
        khugepaged_enter_vma(system, mm, *advised);  // hugepage_madvise()
    return advised ? 0 : -EAGAIN;
}

/// MADV_POPULATE_READ and MADV_POPULATE_WRITE.
int madvise_populate(MemorySystem& system, MmStruct& mm, u64 start, u64 end, int behavior) {
    const bool write = behavior == MADV_POPULATE_WRITE_;
    const u32 flags = FAULT_FLAG_REMOTE | (write ? u32{FAULT_FLAG_WRITE} : 0);
    for (u64 address = start; address < end; address += mmu::kPageSize) {
        VmAreaStruct* vma = mm.mm_mt.vma_lookup(address);
        if (!vma) return -ENOMEM;
        if (!(vma->vm_flags & (write ? VM_WRITE : VM_READ))) return -EINVAL;
        const Pte pte = leaf_of(system, mm, address);
        if (pte.present() && (!write || pte.writable())) {
            Page* const page = vm_normal_page(system, pte);
            if (page && write && !pte.dirty()) page->flags |= Page::kDirty;  // follow_page_pte(), FOLL_TOUCH
            continue;
        }
        const u32 result = handle_mm_fault(system, mm, *vma, address, flags);
        if (result & VM_FAULT_OOM) return -ENOMEM;
        if (result & VM_FAULT_ERROR) return -EFAULT;
    }
    return 0;
}

}  // namespace

i64 sys_madvise(MemorySystem& system, MmStruct& mm, u64 start, u64 len_in, int behavior) {
    if (!madvise_behavior_valid(behavior)) return -EINVAL;
    if (page_offset(start)) return -EINVAL;
    const u64 len = page_align(len_in);
    if (len_in && !len) return -EINVAL;
    const u64 end = start + len;
    if (end < start) return -EINVAL;
    if (end == start) return 0;
    if (behavior == MADV_POPULATE_READ_ || behavior == MADV_POPULATE_WRITE_)
        return madvise_populate(system, mm, start, end, behavior);
    int unmapped_error = 0;  // holes are skipped, and told at the end
    while (start < end) {
        VmAreaStruct* vma = mm.mm_mt.find_vma(start);
        if (!vma) return -ENOMEM;
        if (start < vma->vm_start) {
            unmapped_error = -ENOMEM;
            start = vma->vm_start;
            if (start >= end) break;
        }
        const u64 stop = std::min(end, vma->vm_end);
        if (const int error = madvise_vma_behavior(system, mm, *vma, start, stop, behavior)) return error;
        start = stop;
    }
    return unmapped_error;
}

}  // namespace kernel
