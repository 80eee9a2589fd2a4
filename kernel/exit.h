// The end of threads, processes and the machine. Linux: kernel/exit.c.
#pragma once

#include "kernel/state.h"

namespace kernel {

/// do_exit(): ends the running thread; with the last one, its process. The task has no address space and no
/// files any more when this returns, and the CPU is to be given to another (schedule()).
void do_exit(KernelState& kernel, Task& task, const TaskExit& exit);
/// do_group_exit(): ends all threads of the process; the others when they run next.
void do_group_exit(KernelState& kernel, Task& task, const TaskExit& exit);
/// zap_other_threads(): the others end when they run next.
void zap_other_threads(KernelState& kernel, Task& task);

/// mm_release(): the task leaves its address space, by exit or exec: locks it held, who joins it, who waits
/// for a vfork.
void mm_release(KernelState& kernel, Task& task);

/// Forgets a task that has ended and was waited for. It is not the running one, or it is kDead.
void release_task(KernelState& kernel, Task& task);

/// What a report says of a task.
TaskRecord record_of(const KernelState& kernel, const Task& task);

/// The end of the run: nothing runs any more. The first process's status is the machine's.
void end_machine(KernelState& kernel);
/// Ends every process as by `signal` without asking any.
void kill_everything(KernelState& kernel, int signal);

/// do_notify_parent_cldstop(): SIGCHLD for a stop or a continuation (CLD_STOPPED, CLD_CONTINUED).
void notify_parent_stop(KernelState& kernel, SignalStruct& process, int code, int status);
/// is_orphaned_pgrp(): no member has a parent in another group of the session, who could continue it.
bool is_orphaned_pgrp(const KernelState& kernel, Pid pgrp, Pid without = 0);

/// The leader of a process: its Task lives as long as the process.
Task& leader_of(KernelState& kernel, const SignalStruct& process);
/// What a process has used so far, all its threads together.
Usage usage_of(KernelState& kernel, const SignalStruct& process);

}  // namespace kernel
