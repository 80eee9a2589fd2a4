// What the files of memory management share among themselves; nobody else includes it. Linux: mm/vma.h,
// mm/internal.h.
#pragma once

#include <cerrno>

#include "kernel/fault.h"
#include "kernel/mm.h"
#include "kernel/mmu_gather.h"
#include "kernel/page_table.h"

namespace kernel {

inline constexpr u64 PROT_READ_ = 1, PROT_WRITE_ = 2, PROT_EXEC_ = 4, PROT_SEM_ = 8,
                     PROT_GROWSDOWN_ = 0x01000000, PROT_GROWSUP_ = 0x02000000;

constexpr u64 page_align(u64 n) {
    return mmu::align_up(n, mmu::kPageSize);
}
constexpr u64 page_offset(u64 n) {
    return n & mmu::kPageOffsetMask;
}
constexpr u64 pages_of(u64 bytes) {
    return bytes >> mmu::kPageShift;
}

/// calc_vm_prot_bits(): PROT_* are VM_*; the key has bits of its own (pkeys.h pkey_vm_flags()).
constexpr u64 calc_vm_prot_bits(u64 prot) {
    return prot & VM_ACCESS_FLAGS;
}

constexpr bool is_exec_mapping(u64 flags) {
    return (flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC;
}
constexpr bool is_stack_mapping(u64 flags) {
    return flags & VM_GROWSDOWN;
}
constexpr bool is_data_mapping(u64 flags) {
    return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}
/// accountable_mapping(): private writable memory without MAP_NORESERVE.
constexpr bool accountable_mapping(u64 flags) {
    return (flags & (VM_NORESERVE | VM_SHARED | VM_WRITE | VM_HUGETLB)) == VM_WRITE;
}

void vm_stat_account(MmStruct& mm, u64 vm_flags, i64 pages);
/// RLIMIT_AS and RLIMIT_DATA leave room for `pages` more.
bool may_expand_vm(const MmStruct& mm, u64 vm_flags, u64 pages);
/// __vm_enough_memory(): the heuristic refuses only what exceeds all of RAM and swap.
bool vm_enough_memory(const MemorySystem& system, u64 pages);
/// RLIMIT_MEMLOCK leaves room for `bytes` more of `vm_flags`.
bool mlock_future_ok(const MmStruct& mm, u64 vm_flags, u64 bytes);
inline bool can_do_mlock(const MmStruct& mm) {
    return mm.rlimit(kRlimitMemlock) != 0;
}

/// vm_page_prot for the area's flags; shared writable files start read-only, to notice the first write
/// (vma_set_page_prot(), vma_wants_writenotify()).
u64 vma_page_prot(const MemorySystem& system, const VmAreaStruct& vma);
/// vm_start, lowered by the guard gap of a stack.
u64 vm_start_gap(const VmAreaStruct& vma);

/// Cuts `vma` at `addr`: it keeps the upper part, the result is the new lower one. Null: map_count limit.
VmAreaStruct* split_vma(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 addr);
/// A new area [start, end) with these properties, merged into its neighbours where it can be. Takes over one
/// reference to `like.vm_file`. The result is the area that contains the range.
VmAreaStruct& add_vma(MemorySystem& system, MmStruct& mm, const VmAreaStruct& like);
/// vma_modify_flags(): gives [start, end), part of `vma`, new flags, merging or splitting. The area that now
/// contains the range; null: map_count limit.
VmAreaStruct* vma_modify_flags(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 start, u64 end,
                               u64 new_flags);
/// find_mergeable_anon_vma(): a neighbour's anon_vma that `vma` could share, or 0.
u32 find_mergeable_anon_vma(MmStruct& mm, const VmAreaStruct& vma);
/// Two neighbours that Linux would have merged: validate_mm() looks for them.
bool vmas_mergeable(const VmAreaStruct& left, const VmAreaStruct& right);

/// The frame's Page if it is a normal one; null for the zero page (vm_normal_page()).
inline Page* vm_normal_page(MemorySystem& system, Pte pte) {
    return pte.special() ? nullptr : &system.mem_map[pte.pfn()];
}
inline const Page* vm_normal_page(const MemorySystem& system, Pte pte) {
    return pte.special() ? nullptr : &system.mem_map[pte.pfn()];
}
inline RssKind mm_counter(const Page& page) {
    return page.is(Page::kAnon) ? MM_ANONPAGES : page.is(Page::kShmem) ? MM_SHMEMPAGES : MM_FILEPAGES;
}

/// pte_needs_flush(): could the TLB hold rights that the new entry no longer gives, or lack what it now
/// gives?
bool pte_needs_flush(Pte before, Pte after);
/// `before` with the rights of `vma`, writable at once where a write fault would only set the bit.
Pte changed_protection(MemorySystem& system, const VmAreaStruct& vma, Pte before);
/// zap_page_range_single(): empties the PTEs of [start, end).
void unmap_page_range(MmuGather& tlb, MmStruct& mm, u64 start, u64 end);
/// unmap_mapping_pages(): no address space maps pages [first, last] of the file any more; private copies stay. `mm` is
/// one of them, and the only one where nobody says which there are.
void unmap_mapping_pages(MemorySystem& system, MmStruct& mm, const AddressSpace& space, u64 first, u64 last);
/// do_vmi_munmap(): 0 or -errno.
int do_munmap(MemorySystem& system, MmStruct& mm, u64 start, u64 len);

/// Areas that ended at `end` are gone: the top-down search has to look there again.
void note_free_area(MmStruct& mm, u64 end);
/// __get_unmapped_area(): the address, or -errno.
i64 get_unmapped_area(const MemorySystem& system, MmStruct& mm, u64 addr, u64 len, u64 flags, u64 vm_flags,
                      bool anonymous);
/// hugetlb_get_unmapped_area(): the same for pages of `size` bytes, of which `len` is a multiple.
i64 hugetlb_get_unmapped_area(MmStruct& mm, u64 addr, u64 len, u64 flags, u64 size);
/// mmap_region(): `addr` and `len` are final. Takes over one reference to `file` also when it fails.
i64 mmap_region(MemorySystem& system, MmStruct& mm, u64 addr, u64 len, u64 vm_flags, u64 pgoff, FileId file);

}  // namespace kernel
