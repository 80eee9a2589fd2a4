// Lists of buffers that a call is given. Linux: lib/iov_iter.c.
#pragma once

#include <vector>

#include "kernel/fs/user_stream.h"
#include "kernel/syscall_table.h"

namespace kernel::calls {

/// iovec_from_user(): the list as it is. EINVAL: more than UIO_MAXIOV, or a negative length before what
/// cannot be read; EFAULT.
mmu::Expected<std::vector<UserBuffer>, int> iovec_from_user(Syscall& call, u64 address, u64 count);

/// import_iovec(): buffers in this process, together no longer than a call moves (kMaxRwCount). Of `count`
/// the low 32 bits count. EFAULT too where one is out of reach.
mmu::Expected<std::vector<UserBuffer>, int> import_iovec(Syscall& call, u64 address, u64 count);

}  // namespace kernel::calls
