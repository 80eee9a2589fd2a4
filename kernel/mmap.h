// The system calls that change an address space, by Linux's names, semantics and order of checks. Each
// returns a value or -errno, except brk, which returns the break. They change VMAs and page tables, flush,
// and know nothing of registers or descriptors: the caller has looked up the file. Sources: mm/mmap.c,
// mprotect.c, mremap.c, madvise.c, mincore.c, msync.c, mlock.c (6.12).
#pragma once

#include "kernel/mm.h"

namespace kernel {

/// mmap(2). `file` is null for MAP_ANONYMOUS; its backing is taken over on success. The caller has answered
/// EBADF.
i64 sys_mmap(MemorySystem& system, MmStruct& mm, u64 addr, u64 len, u64 prot, u64 flags, MmapFile* file,
             u64 offset);
/// remap_file_pages(2), as it is since it is emulated: one more mmap().
i64 sys_remap_file_pages(MemorySystem& system, MmStruct& mm, u64 start, u64 size, u64 prot, u64 pgoff,
                         u64 flags);
i64 sys_munmap(MemorySystem& system, MmStruct& mm, u64 addr, u64 len);
u64 sys_brk(MemorySystem& system, MmStruct& mm, u64 brk);
i64 sys_mprotect(MemorySystem& system, MmStruct& mm, u64 start, u64 len, u64 prot);
i64 sys_pkey_mprotect(MemorySystem& system, MmStruct& mm, u64 start, u64 len, u64 prot, int pkey);
i64 sys_mremap(MemorySystem& system, MmStruct& mm, u64 addr, u64 old_len, u64 new_len, u64 flags,
               u64 new_addr);
i64 sys_madvise(MemorySystem& system, MmStruct& mm, u64 start, u64 len, int behavior);
i64 sys_mincore(MemorySystem& system, MmStruct& mm, u64 start, u64 len, u64 vec);
i64 sys_msync(MemorySystem& system, MmStruct& mm, u64 start, u64 len, u64 flags);
i64 sys_mlock2(MemorySystem& system, MmStruct& mm, u64 start, u64 len, u64 flags);  ///< mlock is flags 0
i64 sys_munlock(MemorySystem& system, MmStruct& mm, u64 start, u64 len);
i64 sys_mlockall(MemorySystem& system, MmStruct& mm, u64 flags);
i64 sys_munlockall(MemorySystem& system, MmStruct& mm);

/// vm_brk_flags(): anonymous memory at a fixed place for the ELF loader (bss). 0 or -errno.
int vm_brk_flags(MemorySystem& system, MmStruct& mm, u64 addr, u64 len, u64 vm_flags);

/// A mapped file became shorter: takes its pages beyond `new_size` out of `mm` and of the cache.
void truncate_pagecache(MemorySystem& system, MmStruct& mm, FileBacking::Identity identity, u64 new_size);

}  // namespace kernel
