// Who has the CPU: sleeping, waking, slices and context switches. One emulated CPU; the order is round robin
// by instruction count, with slices whose lengths come from the seed, so that two runs of the same guest
// switch at the same instructions. Linux: kernel/sched/core.c schedule(), try_to_wake_up(),
// kernel/sched/wait.c. Deviation: nice values and policies are answered but do not change the order.
#pragma once

#include "kernel/state.h"

namespace kernel {

/// wake_up_process(): ends the task's sleep, whatever it waits for.
void wake_task(KernelState& kernel, Task& task);
/// A signal is there: ends the sleep if signals may.
void signal_wake_up(KernelState& kernel, Task& task, bool fatal);

/// The running task's call has returned -kCallBlocked: it sleeps until what Task::wait says (block()).
void sleep_current(KernelState& kernel);

/// Puts a task that can run at the end of the run queue, unless its process is stopped.
void enqueue_task(KernelState& kernel, Task& task);
void dequeue_task(KernelState& kernel, Task& task);
/// Has the CPU next, if it can run: the one that runs gives way at its next return to user mode.
void run_next(KernelState& kernel, Task& task);
/// sched_yield(): the others first.
void yield_task(KernelState& kernel);

void arm_deadline(KernelState& kernel, const Deadline& deadline);
void cancel_deadline(KernelState& kernel, const Deadline& deadline);
/// Does what is due by now: ends sleeps, fires timers.
void run_deadlines(KernelState& kernel);

/// Gives the CPU to the next task: saves the registers of the running one and loads the others'. False when
/// nobody can run and something outside has to happen: a signal that waits for Kernel::post_signal().
bool schedule(KernelState& kernel, mmu::Registers& registers);

/// The instruction count at which somebody else is due.
std::optional<u64> next_event(const KernelState& kernel);
/// The slice of the running task has ended (or there is input for somebody).
void scheduler_tick(KernelState& kernel);

/// Brings Task::usage of the running task up to date.
void account_running(KernelState& kernel);

}  // namespace kernel
