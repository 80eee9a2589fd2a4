// Purpose: taking mappings away: page by page, table by table, area by area. Linux: mm/vma.c do_vmi_munmap(),
// mm/memory.c zap_pte_range(), free_pgtables(), mm/mmap.c exit_mmap().
#include <cstring>

#include "kernel/huge_memory.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/mmap.h"
#include "kernel/mseal.h"
#include "kernel/shmem.h"
#include "kernel/vmscan.h"
#include "mmu/base/check.h"

namespace kernel {

void unmap_page_range(MmuGather& tlb, MmStruct& mm, u64 start, u64 end) {
    MemorySystem& system = tlb.system();
    if (mm.hugetlb_usage) {
        const VmAreaStruct* vma = mm.mm_mt.vma_lookup(start);
        if (vma && (vma->vm_flags & VM_HUGETLB)) return unmap_hugepage_range(tlb, mm, *vma, start, end);
    }
    zap_huge_pmds(tlb, mm, start, end);
    walk_page_range(system, mm, start, end, [&](u64 address, u64* ptep) {
        if (*ptep == 0) return;
        const Pte old = ptep_get_and_clear(system, address, ptep);
        if (!pte_present(old)) {
            --mm.rss_stat[MM_SWAPENTS];
            free_swap_entry(system, pte_to_swp_entry(old));
            return;
        }
        tlb.remove_tlb_entry(address);
        Page* page = vm_normal_page(system, old);
        if (!page) return;  // the zero page has no owner
        if (old.dirty() && page->is(Page::kCache)) page->flags |= Page::kDirty;
        --mm.rss_stat[mm_counter(*page)];
        --page->mapcount;
        // free_swap_cache(): nobody will look for its copy.
        if (page->is(Page::kSwapCache) && !page->mapcount && !system.swap.users(page->mapping))
            delete_from_swap_cache(system, *page);
        tlb.remove_page(old.pfn());
    });
}

namespace {

/// vms_gather_munmap_vmas(): cuts the areas at both ends, so that whole ones can go. 0, -ENOMEM, or -EINVAL
/// where a huge page would be cut.
int split_at_ends(MemorySystem& system, MmStruct& mm, u64 start, u64 end) {
    VmAreaStruct* first = mm.mm_mt.find_vma_intersection(start, end);
    if (!first) return 0;
    if (first->vm_start < start) {
        // Linux lets map_count go one above its limit for a moment, unless both ends have to be cut.
        if (end < first->vm_end && mm.map_count() >= kMaxMapCount) return -ENOMEM;
        if (const int error = hugetlb_vm_op_split(system, *first, start)) return error;
        if (!split_vma(system, mm, *first, start)) return -ENOMEM;
    }
    VmAreaStruct* last = mm.mm_mt.find_vma(end - 1);
    if (!last || last->vm_start >= end || last->vm_end == end) return 0;
    if (const int error = hugetlb_vm_op_split(system, *last, end)) return error;
    return split_vma(system, mm, *last, end) ? 0 : -ENOMEM;
}

/// vms_complete_munmap_vmas(): forgets the areas of [start, end), which have no pages any more.
void remove_vmas(MemorySystem& system, MmStruct& mm, u64 start, u64 end) {
    auto it = mm.mm_mt.upper_bound(start);
    while (it != mm.mm_mt.end() && it->second.vm_start < end) {
        const VmAreaStruct vma = it->second;
        it = mm.mm_mt.erase(it);
        vm_stat_account(mm, vma.vm_flags, -static_cast<i64>(vma.pages()));
        if (vma.vm_flags & VM_LOCKED) mm.locked_vm -= vma.pages();
        if (vma.vm_flags & VM_HUGETLB) hugetlb_vm_op_close(system, vma);
        if (vma.vm_file) system.page_cache.put(system, vma.vm_file);
        system.notify({.kind = EventKind::kMapChange,
                       .start = vma.vm_start,
                       .end = vma.vm_end,
                       .flags = vma.vm_flags,
                       .text = "remove_vma"});
    }
    note_free_area(mm, end);
}

/// unmap_region(): pages first, then tables that no neighbour needs; the flush comes before any frame is
/// freed.
void unmap_region(MemorySystem& system, MmStruct& mm, u64 start, u64 end) {
    MmuGather tlb(system, mm);
    auto first = mm.mm_mt.upper_bound(start);
    auto it = first;
    u64 last_end = start;
    for (; it != mm.mm_mt.end() && it->second.vm_start < end; ++it) {
        unmap_page_range(tlb, mm, it->second.vm_start, it->second.vm_end);
        last_end = it->second.vm_end;
    }
    const u64 floor = first == mm.mm_mt.begin() ? 0 : std::prev(first)->second.vm_end;
    const u64 ceiling = it == mm.mm_mt.end() ? 0 : it->second.vm_start;
    free_pgd_range(tlb, mm, first->second.vm_start, last_end, floor, ceiling);
}

}  // namespace

int do_munmap(MemorySystem& system, MmStruct& mm, u64 start, u64 len) {
    if (page_offset(start) || start > mm.task_size || len > mm.task_size - start) return -EINVAL;
    const u64 end = start + page_align(len);
    if (end == start) return -EINVAL;
    if (!mm.mm_mt.find_vma_intersection(start, end)) return 0;
    if (!can_modify_mm(mm, start, end)) return -EPERM;
    if (const int error = split_at_ends(system, mm, start, end)) return error;
    unmap_region(system, mm, start, end);
    remove_vmas(system, mm, start, end);
    return 0;
}

i64 sys_munmap(MemorySystem& system, MmStruct& mm, u64 addr, u64 len) {
    return do_munmap(system, mm, addr, len);
}

void exit_mmap(MemorySystem& system, MmStruct& mm) {
    if (!mm.mm_mt.empty()) {
        unmap_region(system, mm, 0, mm.task_size);
        remove_vmas(system, mm, 0, mm.task_size);
    }
    CHECK(mm.rss_pages() == 0 && mm.pgtables_bytes == 0 && mm.hugetlb_usage == 0, mm.rss_pages(),
          mm.pgtables_bytes, mm.hugetlb_usage);
}

void mm_drop(MemorySystem& system, MmStruct& mm) {
    system.put_page(mm.pgd);
    mm.pgd = Pfn{};
}

namespace {

/// zap_details.even_cows: whether private copies of a file's pages go, too.
enum class Copies : u8 { kStay, kGo };

/// zap_page_range_single() of a private area, but for its copies (should_zap_folio()).
void unmap_file_pages(MmuGather& tlb, MmStruct& mm, u64 start, u64 end) {
    MemorySystem& system = tlb.system();
    walk_page_range(system, mm, start, end, [&](u64 address, u64* ptep) {
        const Pte pte = ptep_get(ptep);
        const Page* const page = pte_present(pte) ? vm_normal_page(system, pte) : nullptr;
        if (page && !page->is(Page::kAnon)) unmap_page_range(tlb, mm, address, address + mmu::kPageSize);
    });
}

void unmap_mapping(MemorySystem& system, MmStruct& mm, const AddressSpace& space, u64 first, u64 last,
                   Copies copies) {
    const auto unmap = [&](MmStruct& of) {
        MmuGather tlb(system, of);
        for (auto& [end, vma] : of.mm_mt) {
            if (!vma.vm_file || &system.page_cache.mapping_of(vma.vm_file) != &space) continue;
            const u64 from = std::max(first, vma.vm_pgoff), behind = vma.vm_pgoff + vma.pages();
            const u64 to = last < behind ? last + 1 : behind;
            if (from >= to) continue;
            const u64 start = vma.vm_start + ((from - vma.vm_pgoff) << mmu::kPageShift),
                      stop = vma.vm_start + ((to - vma.vm_pgoff) << mmu::kPageShift);
            const bool all = copies == Copies::kGo || (vma.vm_flags & (VM_SHARED | VM_HUGETLB));
            (all ? unmap_page_range : unmap_file_pages)(tlb, of, start, stop);
        }
    };
    if (!system.address_spaces) return unmap(mm);
    for (MmStruct* const each : system.address_spaces()) unmap(*each);
}

}  // namespace

void unmap_mapping_pages(MemorySystem& system, MmStruct& mm, const AddressSpace& space, u64 first, u64 last) {
    unmap_mapping(system, mm, space, first, last, Copies::kStay);
}

void truncate_pagecache(MemorySystem& system, MmStruct& mm, FileBacking::Identity identity, u64 new_size) {
    const u64 first = pages_of(page_align(new_size));
    system.page_cache.forget_buffered(identity, first, ~u64{0});
    AddressSpace* space = system.page_cache.find(identity);
    if (!space) return;
    unmap_mapping(system, mm, *space, first, ~u64{0}, Copies::kGo);
    system.page_cache.truncate(system, *space, first);
    if (!page_offset(new_size)) return;
    if (space->shmem) {
        (void)shmem_zero(system, *space, new_size, mmu::kPageSize - page_offset(new_size));
    } else if (const PageIndex last =
                   space->find(first - 1)) {  // what lies beyond the end reads zero from now on
        system.memory.note_write(Pfn{last});
        u8* frame = system.memory.frame(Pfn{last});
        std::memset(frame + page_offset(new_size), 0, mmu::kPageSize - page_offset(new_size));
    }
}

}  // namespace kernel
