// New tasks: fork, vfork, clone. Linux: kernel/fork.c copy_process(), kernel_clone().
#pragma once

#include "kernel/state.h"

namespace kernel {

/// struct kernel_clone_args.
struct CloneArgs {
    u64 flags = 0;  ///< CLONE_*, without the signal
    u64 child_tid = 0, parent_tid = 0;
    int exit_signal = 0;
    u64 stack = 0;  ///< the new stack pointer; 0: the parent's
    u64 tls = 0;
    u64 pidfd = 0;  ///< CLONE_PIDFD: where its number goes
};

/// kernel_clone(): a copy of the running task that returns 0 from the same call. Its pid, or -errno. With
/// CLONE_VFORK the caller has to wait: see wait_for_vfork_done().
i64 kernel_clone(KernelState& kernel, const CloneArgs& args, const mmu::Registers& registers);

/// The parent's half of CLONE_VFORK: `child` once it has left the address space, or what the call is to
/// return until then.
i64 wait_for_vfork_done(KernelState& kernel, Pid child);

/// find_vpid(): the number is a task's, or that of a group or session that has one.
bool pid_in_use(const KernelState& kernel, Pid pid);

/// unshare_files(), and the same of fs_struct: what others share with the task stays as it is.
void unshare_files(KernelState& kernel, Task& task);
void unshare_fs(KernelState& kernel, Task& task);

/// The kernel's memory for the first task, which nobody forks.
void give_objects_to_first_task(KernelState& kernel, Task& task);

}  // namespace kernel
