// openat2(2)'s RESOLVE_ flags for the guest: its own limits of a walk, beside those of the path policy. The
// host walks with them in one call, so no rename or link can come between. Linux: fs/namei.c, fs/open.c.
#pragma once

#include "kernel/fs/path.h"
#include "kernel/state.h"

namespace kernel {

/// As lookup_path(), with `resolve` (RESOLVE_BENEATH, ...; valid ones).
mmu::Expected<Node, int> lookup_resolved(KernelState& kernel, Task& task, int dirfd, const std::string& path,
                                         Follow follow, u64 resolve);
/// As lookup_parent_path().
mmu::Expected<Parent, int> lookup_parent_resolved(KernelState& kernel, Task& task, int dirfd,
                                                  const std::string& path, u64 resolve);

}  // namespace kernel
