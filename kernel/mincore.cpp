// Purpose: asking what is resident, and writing back. Linux: mm/mincore.c, mm/msync.c.
// Deviation: mincore() tells the page cache's truth also to a caller who could not open the file for writing.
#include <array>

#include "kernel/mm_internal.h"
#include "kernel/mmap.h"
#include "kernel/uaccess.h"

namespace kernel {

namespace {

bool page_is_resident(MemorySystem& system, const MmStruct& mm, const VmAreaStruct& vma, u64 address) {
    if (const Pte pte = leaf_of(system, mm, address); !pte_none(pte))
        return pte_present(pte) || system.swap.cached(pte_to_swp_entry(pte));
    if (!vma.vm_file || (vma.vm_flags & VM_HUGETLB)) return false;
    const AddressSpace& space = system.page_cache.mapping_of(vma.vm_file);
    const u64 index = vma.index_of(address);
    if (const PageIndex page = space.find(index)) return system.mem_map.at_index(page).is(Page::kUptodate);
    return system.page_cache.buffered().has(space.identity, index);
}

}  // namespace

i64 sys_mincore(MemorySystem& system, MmStruct& mm, u64 start, u64 len, u64 vec) {
    if (page_offset(start)) return -EINVAL;
    if (!access_ok(mm, start, len)) return -ENOMEM;
    u64 pages = pages_of(page_align(len));
    if (!access_ok(mm, vec, pages)) return -EFAULT;
    std::array<u8, mmu::kPageSize> answer;
    while (pages) {
        const VmAreaStruct* vma = mm.mm_mt.vma_lookup(start);
        if (!vma) return -ENOMEM;
        const u64 count = std::min({pages, u64{answer.size()}, pages_of(vma->vm_end - start)});
        for (u64 i = 0; i < count; ++i)
            answer[i] = page_is_resident(system, mm, *vma, start + i * mmu::kPageSize);
        if (copy_to_user(system, mm, vec, answer.data(), count)) return -EFAULT;
        pages -= count;
        vec += count;
        start += count << mmu::kPageShift;
    }
    return 0;
}

i64 sys_msync(MemorySystem& system, MmStruct& mm, u64 start, u64 len, u64 flags) {
    constexpr u64 kAsync = 1, kInvalidate = 2, kSync = 4;
    if (flags & ~(kAsync | kInvalidate | kSync)) return -EINVAL;
    if (page_offset(start)) return -EINVAL;
    if ((flags & kAsync) && (flags & kSync)) return -EINVAL;
    const u64 end = start + page_align(len);
    if (end < start) return -ENOMEM;
    int unmapped_error = 0;
    while (start < end) {
        const VmAreaStruct* vma = mm.mm_mt.find_vma(start);
        if (!vma) return -ENOMEM;
        if (start < vma->vm_start) {
            if (flags == kAsync) return -ENOMEM;
            start = vma->vm_start;
            if (start >= end) return -ENOMEM;
            unmapped_error = -ENOMEM;
        }
        if ((flags & kInvalidate) && (vma->vm_flags & VM_LOCKED)) return -EBUSY;
        const u64 stop = std::min(end, vma->vm_end);
        if ((flags & kSync) && vma->vm_file && (vma->vm_flags & VM_SHARED)) {
            AddressSpace& space = system.page_cache.mapping_of(vma->vm_file);
            const int error =
                system.page_cache.writeback(system, space, vma->index_of(start), vma->index_of(stop - 1));
            if (error) return error;
        }
        start = vma->vm_end;
    }
    return unmapped_error;
}

}  // namespace kernel
