// hugetlb: pools of 2 MiB and 1 GiB pages that are set aside, and mappings made of them. Linux: mm/hugetlb.c,
// fs/hugetlbfs/inode.c (6.12).
//
// A page of a pool is a block of frames in a row whose first struct page stands for all of it (kHugetlb,
// `order`): its references and its map count are the whole page's. Free ones have no reference and lie in the
// pool. mmap() reserves what it may need, so that a later fault cannot fail: by page index in the inode for
// shared mappings, by page index in the mapped file for the private mapping of the process that made it
// (VM_HUGETLB_OWNER; each private mapping has a mapped file of its own).
// Pages that the pool has not got are made on demand, as surplus, up to nr_overcommit_hugepages.
// Deviation: one node, no shared page tables.
#pragma once

#include "kernel/memory.h"

namespace kernel {

/// hstate_sizelog(): the pool of pages of 2^`size_log` bytes, 0 being the default size; null: there is none.
HState* hstate_sizelog(MemorySystem& system, u64 size_log);
HState& hstate_vma(MemorySystem& system, const VmAreaStruct& vma);
/// set_max_huge_pages(): makes the pool as large as it can be, up to `count`. Pages in use stay as surplus.
void set_max_huge_pages(MemorySystem& system, HState& h, u64 count);
/// alloc_surplus_hugetlb_folio(): one more page than the pool should have, into the pool. False: not allowed, or no
/// such block.
bool alloc_surplus(MemorySystem& system, HState& h);
/// free_huge_folio(): nobody refers to the page any more.
void free_huge_page(MemorySystem& system, Pfn pfn);

/// hugetlb_file_setup(): an inode of `bytes` bytes, as the only reference to it.
FileId hugetlb_file_setup(MemorySystem& system, const HState& h, u64 bytes, const std::string& path);
/// Reserves all of the file (shmget(SHM_HUGETLB)). 0 or -ENOMEM.
int hugetlb_reserve_file(MemorySystem& system, FileId file);
/// hugetlbfs_file_mmap(): reserves what `vma` may need, and makes the file as long as it. 0 or -errno.
int hugetlb_file_mmap(MemorySystem& system, VmAreaStruct& vma);
/// hugetlb_vm_op_close(): [start, end) of `vma`, without pages already, goes.
void hugetlb_vm_op_close(MemorySystem& system, const VmAreaStruct& vma);
/// hugetlb_vm_op_split(): may it begin or end at `address`? 0 or -EINVAL.
int hugetlb_vm_op_split(MemorySystem& system, const VmAreaStruct& vma, u64 address);
/// Drops pages [first, last] of the file, in units of its page size, and their reservations
/// (remove_inode_hugepages(), hugetlb_unreserve_pages()). The caller has unmapped them.
void hugetlb_remove_pages(MemorySystem& system, AddressSpace& space, u64 first, u64 last);

u32 hugetlb_fault(VmFaultInfo& vmf);
/// __unmap_hugepage_range(): [start, end) lies in `vma`.
void unmap_hugepage_range(MmuGather& tlb, MmStruct& mm, const VmAreaStruct& vma, u64 start, u64 end);
/// hugetlb_change_protection(): the rights of `vma` for [start, end).
void hugetlb_change_protection(MmuGather& tlb, MmStruct& mm, const VmAreaStruct& vma, u64 start, u64 end);
/// copy_hugetlb_page_range(). False: no frame for a table.
bool copy_hugetlb_page_range(MemorySystem& system, MmStruct& fresh, MmStruct& old, const VmAreaStruct& vma);
/// move_hugetlb_page_tables() of [start, start + size), all multiples of the page size. False: no frame for a
/// table, and nothing has moved.
bool move_hugetlb_page_tables(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, u64 start,
                              u64 size, u64 target);

/// Bytes of [start, end) of `vma` that are mapped by this process alone, and by others too.
struct HugetlbUse {
    u64 private_bytes = 0, shared_bytes = 0;
};
HugetlbUse count_hugetlb(const MemorySystem& system, const MmStruct& mm, const VmAreaStruct& vma);

}  // namespace kernel
