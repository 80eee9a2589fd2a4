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
/// them.
inline constexpr int kErestartSys = 512, kErestartNoIntr = 513, kErestartNoHand = 514;

/// "SIGSEGV" for 11, "SIGRTMIN+1" for 33.
std::string signal_name(int signal);

/// send_signal(): queues it unless it is ignored. -EAGAIN when too many real-time signals are queued.
int send_signal(Task& task, const SigInfo& info);
/// force_sig_info(): a fault's signal. When it is blocked or ignored its action becomes the default, which
/// ends the task.
void force_signal(Task& task, const SigInfo& info);
void force_signal(Task& task, int signal);

/// sigprocmask's last step: SIGKILL and SIGSTOP cannot be blocked.
void set_blocked(Task& task, u64 mask);
/// A signal is pending that is not blocked (signal_pending()).
bool signal_pending(const Task& task);

/// The set of signals that are queued for the task, blocked ones too.
u64 pending_signals(KernelState& kernel, const Task& task);
/// dequeue_signal(): takes the first queued one of `mask`, whatever is blocked.
std::optional<SigInfo> take_pending_signal(KernelState& kernel, Task& task, u64 mask);
/// The one that would be delivered next; null: none.
const SigInfo* first_due_signal(const Task& task);

/// exit_to_user_mode_loop(): delivers what is pending, ends the guest, or restarts the interrupted call.
void do_signal(KernelState& kernel, Task& task, mmu::Registers& registers);

/// The end of a task: closes its files and its address space. Called once.
void do_exit(KernelState& kernel, Task& task, ExitStatus status);

}  // namespace kernel
