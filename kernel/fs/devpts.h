// The names of ptys: /dev/pts/N. Linux: fs/devpts/inode.c.
#pragma once

#include <sys/stat.h>

#include "kernel/state.h"

namespace kernel {

/// stat("/dev/pts/N"): 0 or -ENOENT.
int stat_pts(KernelState& kernel, u32 index, struct stat& status);

}  // namespace kernel
