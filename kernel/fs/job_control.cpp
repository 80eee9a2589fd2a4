// Purpose: see job_control.h.
#include "kernel/fs/job_control.h"

#include <sys/ioctl.h>

#include <csignal>

#include "kernel/errno.h"
#include "kernel/exit.h"
#include "kernel/fs/tty.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"

namespace kernel {

namespace {

bool blocked_or_ignored(KernelState& kernel, const Task& task, int signal) {
    return (task.signals.blocked & sigmask_of(signal)) ||
           kernel.sighand_of(task).action[static_cast<usize>(signal)].handler == kSigIgn;
}

bool is_session_leader(const Task& task) {
    return task.session == task.tgid;
}

void set_foreground(KernelState& kernel, u32 tty, Pid pgrp) {
    if (tty == kUserTerminal)
        kernel.foreground_pgrp = pgrp;
    else
        kernel.ipc.ttys.at(tty).foreground = pgrp;
}

/// __proc_set_tty()
void acquire(KernelState& kernel, Task& task, u32 tty) {
    kernel.process_of(task).tty = tty;
    Tty& own = kernel.ipc.ttys.at(tty);
    own.session = task.session;
    own.foreground = task.pgrp;
}

i64 set_controlling(KernelState& kernel, Task& task, u32 tty) {
    SignalStruct& process = kernel.process_of(task);
    if (process.tty == tty && is_session_leader(task)) return 0;
    if (!is_session_leader(task) || process.tty || tty == kUserTerminal) return -EPERM;
    if (kernel.ipc.ttys.at(tty).session) return -EPERM;
    acquire(kernel, task, tty);
    return 0;
}

/// session_of_pgrp()
Pid session_of_group(const KernelState& kernel, Pid pgrp) {
    for (const auto& [pid, task] : kernel.tasks)
        if (task.pgrp == pgrp && task.state < TaskState::kZombie) return task.session;
    return 0;
}

i64 set_group(KernelState& kernel, Task& task, u32 tty, u64 argument) {
    const SignalStruct& process = kernel.process_of(task);
    if (const i64 waiting = check_background(kernel, task, tty, SIGTTOU)) return waiting;
    if (process.tty != tty || session_of(kernel, tty) != task.session) return -ENOTTY;
    int pgrp = 0;
    if (get_user(kernel.system, kernel.mm_of(task), pgrp, argument)) return -EFAULT;
    if (pgrp < 0) return -EINVAL;
    const Pid session = session_of_group(kernel, pgrp);
    if (!session) return -ESRCH;
    if (session != task.session) return -EPERM;
    set_foreground(kernel, tty, pgrp);
    return 0;
}

}  // namespace

void signal_group(KernelState& kernel, Pid pgrp, int signal) {
    SigInfo info;
    info.signo = signal;
    info.code = kSiKernel;
    (void)kill_pgrp(kernel, pgrp, info);
}

Pid foreground_of(KernelState& kernel, u32 tty) {
    return tty == kUserTerminal ? kernel.foreground_pgrp : kernel.ipc.ttys.at(tty).foreground;
}
Pid session_of(KernelState& kernel, u32 tty) {
    return tty == kUserTerminal ? kFirstPid : kernel.ipc.ttys.at(tty).session;
}

i64 check_background(KernelState& kernel, Task& task, u32 tty, int signal) {
    if (kernel.process_of(task).tty != tty) return 0;
    const Pid foreground = foreground_of(kernel, tty);
    if (!foreground || foreground == task.pgrp) return 0;
    if (blocked_or_ignored(kernel, task, signal)) return signal == SIGTTIN ? -EIO : 0;
    if (is_orphaned_pgrp(kernel, task.pgrp)) return -EIO;
    signal_group(kernel, task.pgrp, signal);
    return -kErestartSys;
}

std::optional<i64> ioctl_job_control(KernelState& kernel, Task& task, u32 tty, u64 request, u64 argument) {
    MmStruct& mm = kernel.mm_of(task);
    const bool own = kernel.process_of(task).tty == tty;
    switch (request) {
        case TIOCGPGRP:
            if (!own) return -ENOTTY;
            return put_user(kernel.system, mm, foreground_of(kernel, tty), argument);
        case TIOCSPGRP:
            return set_group(kernel, task, tty, argument);
        case TIOCGSID:
            if (!own || !session_of(kernel, tty)) return -ENOTTY;
            return put_user(kernel.system, mm, session_of(kernel, tty), argument);
        case TIOCSCTTY:
            return set_controlling(kernel, task, tty);
        case TIOCNOTTY:
            if (!own) return -ENOTTY;
            if (is_session_leader(task))
                disassociate(kernel, task);
            else
                kernel.process_of(task).tty = 0;
            return 0;
        default:
            return std::nullopt;
    }
}

void maybe_acquire(KernelState& kernel, Task& task, u32 tty) {
    if (is_session_leader(task) && !kernel.process_of(task).tty && !kernel.ipc.ttys.at(tty).session)
        acquire(kernel, task, tty);
}

void disassociate(KernelState& kernel, Task& task) {
    const u32 tty = kernel.process_of(task).tty;
    if (!tty || !is_session_leader(task)) return;
    const bool ended = kernel.process_of(task).threads.empty();
    // Natively the first process is not the leader of the user's session: nobody loses that terminal with it.
    const Pid foreground = tty == kUserTerminal ? 0 : foreground_of(kernel, tty);
    if (foreground) signal_group(kernel, foreground, SIGHUP);
    if (foreground && !ended) signal_group(kernel, foreground, SIGCONT);
    for (auto& [tgid, process] : kernel.processes)
        if (process.tty == tty && leader_of(kernel, process).session == task.session) process.tty = 0;
    if (tty == kUserTerminal) return;
    Tty& own = kernel.ipc.ttys.at(tty);
    own.session = own.foreground = 0;
}

void hang_up(KernelState& kernel, u32 tty) {
    Tty& own = kernel.ipc.ttys.at(tty);
    const Pid session = std::exchange(own.session, 0);
    const Pid foreground = std::exchange(own.foreground, 0);
    if (!session) return;
    for (auto& [tgid, process] : kernel.processes)
        if (process.tty == tty) process.tty = 0;
    if (kernel.processes.count(session) && !kernel.processes.at(session).threads.empty()) {
        SigInfo info;
        info.signo = SIGHUP;
        info.code = kSiKernel;
        Task& leader = kernel.tasks.at(session);
        (void)send_group_signal(kernel, leader, info);
        info.signo = SIGCONT;
        (void)send_group_signal(kernel, leader, info);
    }
    if (foreground) signal_group(kernel, foreground, SIGHUP);
}

}  // namespace kernel
