// Who owns a System V object and what may be done with it. Linux: include/linux/ipc.h struct kern_ipc_perm.
#pragma once

#include "mmu/base/ints.h"

namespace kernel {

struct KernIpcPerm {
    mmu::u32 key = 0, mode = 0;  ///< mode: permissions, of shared memory SHM_DEST and SHM_LOCKED too
    mmu::u32 uid = 0, gid = 0, cuid = 0, cgid = 0;
    mmu::u32 seq = 0;
    mmu::i64 ctime = 0;  ///< seconds; beside it in each of Linux's three structures
};

}  // namespace kernel
