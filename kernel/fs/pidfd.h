// pidfd: a descriptor that stands for a process. Linux: kernel/pid.c, fs/pidfs.c.
#pragma once

#include "kernel/fs/anon_inode.h"

namespace kernel {

struct PidFd {
    int pid = 0;          ///< 0: it has been waited for
    bool thread = false;  ///< PIDFD_THREAD: of that thread alone
};

extern const FileOperations kPidFdOperations;

/// An open file for a process (pidfd_prepare()).
OpenFile pidfd_file(KernelState& kernel, int pid, int flags, bool thread = false);
/// Which process a descriptor stands for. EBADF: it is no pidfd; ESRCH: it has been waited for.
mmu::Expected<int, int> pid_of_file(KernelState& kernel, const OpenFile& file);
/// do_notify_pidfd(): the process has ended.
void wake_pidfds(KernelState& kernel, int pid);
/// release_task(): whoever polls hears POLLHUP.
void forget_pid(KernelState& kernel, int pid);

}  // namespace kernel
