// Bytes of shared memory by offset, as calls on a memfd or a file of /dev/shm move them. The pages are the
// page cache's (filemap.h); lengths are the caller's to know and to change. Linux: mm/shmem.c.
#pragma once

#include "kernel/mm.h"

namespace kernel {

/// Bytes moved, or -errno (ENOMEM; EIO: a page could not be read from swap). What was never written reads
/// zero.
i64 shmem_read(MemorySystem& system, AddressSpace& space, std::span<u8> bytes, u64 offset);
/// The same; ENOSPC: /dev/shm is full.
i64 shmem_write(MemorySystem& system, AddressSpace& space, std::span<const u8> bytes, u64 offset);
/// What there is of the range becomes zero. 0 or -ENOMEM.
int shmem_zero(MemorySystem& system, AddressSpace& space, u64 offset, u64 size);
/// shmem_fallocate(): each page of the range is there. 0, or -ENOSPC, -ENOMEM with nothing changed.
int shmem_allocate(MemorySystem& system, AddressSpace& space, u64 offset, u64 size);
/// SEEK_DATA, SEEK_HOLE: the first byte in [offset, end) that lies in a page, or in none; `end` if there is
/// none.
u64 shmem_seek(const MemorySystem& system, const AddressSpace& space, u64 offset, u64 end, bool data);

}  // namespace kernel
