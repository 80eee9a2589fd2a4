// Signals: sending, choosing the next one, its default action, and restarting an interrupted system call.
// Linux: kernel/signal.c, arch/x86/kernel/signal.c arch_do_signal_or_restart(). The frame on the stack is
// signal_frame.h's.
#pragma once

#include "kernel/kernel.h"
#include "kernel/task.h"
#include "mmu/arch/registers.h"

namespace kernel {

struct KernelState;

inline constexpr u64 kSaNocldStop = 1, kSaNocldWait = 2, kSaSigInfo = 4, kSaRestorer = 0x04000000,
                     kSaOnStack = 0x08000000, kSaRestart = 0x10000000, kSaNoDefer = 0x40000000,
                     kSaResetHand = 0x80000000;
inline constexpr int kSiUser = 0, kSiKernel = 0x80, kSiQueue = -1, kSiTkill = -6;

/// Kernel-internal results of a call that a signal interrupted (include/linux/errno.h); the guest never sees
/// them. kErestartBlock: with a time-out that goes on (ERESTART_RESTARTBLOCK).
inline constexpr int kErestartSys = 512, kErestartNoIntr = 513, kErestartNoHand = 514, kErestartBlock = 516;

/// "SIGSEGV" for 11, "SIGRTMIN+1" for 33.
std::string signal_name(int signal);

/// send_signal() to one thread: queues it unless it is ignored, and wakes who is to take it. -EAGAIN when too
/// many real-time signals are queued.
int send_signal(KernelState& kernel, Task& task, const SigInfo& info);
/// What a task says of itself that sends a signal: kill(), tkill().
SigInfo from_self(const Task& task, int signal, int code);
/// SIGPIPE for a write that nobody will read. -EPIPE.
i64 broken_pipe(KernelState& kernel, Task& task);
/// The same for a write beyond RLIMIT_FSIZE: SIGXFSZ and -EFBIG.
i64 file_too_big(KernelState& kernel, Task& task);
/// The same to a process: any thread that does not block it takes it. `task` is one of its threads, or its
/// leader.
int send_group_signal(KernelState& kernel, Task& task, const SigInfo& info);
/// To all processes of a group. 0, or -ESRCH: there is none.
int kill_pgrp(KernelState& kernel, Pid pgrp, const SigInfo& info);
/// force_sig_info(): a fault's signal to the running task. When it is blocked or ignored its action becomes
/// the default, which ends the task.
void force_signal(KernelState& kernel, Task& task, const SigInfo& info);
void force_signal(KernelState& kernel, Task& task, int signal);

/// sigprocmask's last step: SIGKILL and SIGSTOP cannot be blocked.
void set_blocked(Task& task, u64 mask);
/// A signal is pending that is not blocked, or the thread is to end (signal_pending()).
bool signal_pending(const KernelState& kernel, const Task& task);
/// The thread is to end.
bool fatal_signal_pending(const KernelState& kernel, const Task& task);
/// dequeue_signal() for sigtimedwait and signalfd: the next of those in `set`.
std::optional<SigInfo> take_pending_signal(KernelState& kernel, Task& task, u64 set);
/// The set of those that are pending for the thread or its process.
u64 pending_signals(const KernelState& kernel, const Task& task);
/// The one that would be delivered next; null: none.
const SigInfo* first_due_signal(const KernelState& kernel, const Task& task);
/// Takes `signal` out of all queues of the process: it has become ignored.
void flush_signal(KernelState& kernel, const Task& task, int signal);

/// exit_to_user_mode_loop(): delivers what is pending to the running task, ends or stops it, or restarts the
/// interrupted call.
void do_signal(KernelState& kernel, Task& task, mmu::Registers& registers);

}  // namespace kernel
