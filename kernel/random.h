// Random bytes for the guest, from the machine's one seed. Linux: drivers/char/random.c.
#pragma once

#include "kernel/state.h"

namespace kernel {

/// get_random_bytes_user(): the number of bytes written, or -EFAULT when there is none.
i64 random_to_user(KernelState& kernel, Task& task, u64 address, u64 bytes);

}  // namespace kernel
