// System V shared memory: segments by id and key. The pages of a segment are a file of the page cache that
// nobody can open (shmem, or huge pages), which each attachment maps under a mapped file of its own. Linux:
// ipc/shm.c (6.12).
#pragma once

#include <map>
#include <string>

#include "kernel/ipc_perm.h"
#include "kernel/vma.h"
#include "mmu/base/ints.h"

namespace kernel {

using mmu::i64;

/// struct shmid_kernel.
struct ShmSegment : KernIpcPerm {
    u64 size = 0;     ///< bytes
    FileId file = 0;  ///< its own reference to the pages
    i64 atime = 0, dtime = 0;
    int cpid = 0, lpid = 0;
};

struct ShmState {
    static constexpr unsigned kShmMni = 4096;
    std::map<int, ShmSegment> segments;  ///< by id: sequence number above bit 15, index below
    unsigned next_index = 0, seq = 0;
};

struct KernelState;
struct Task;

i64 sys_shmget(KernelState& kernel, Task& task, mmu::u32 key, u64 size, int flags);
i64 sys_shmat(KernelState& kernel, Task& task, int id, u64 address, int flags);
i64 sys_shmdt(KernelState& kernel, Task& task, u64 address);
i64 sys_shmctl(KernelState& kernel, Task& task, int id, int command, u64 buffer);

/// /proc/sysvipc/shm
std::string proc_sysvipc_shm(KernelState& kernel);

}  // namespace kernel
