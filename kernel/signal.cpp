#include "kernel/signal.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "kernel/errno.h"
#include "kernel/exit.h"
#include "kernel/host/host.h"
#include "kernel/rseq.h"
#include "kernel/sched.h"
#include "kernel/signal_frame.h"
#include "kernel/state.h"
#include "kernel/wait.h"
#include "mmu/base/log.h"

namespace kernel {

using mmu::Registers;

namespace {

constexpr u64 kUnblockable = sigmask_of(SIGKILL) | sigmask_of(SIGSTOP);
/// include/linux/signal.h: those that a fault raises are taken first.
constexpr u64 kSynchronousMask = sigmask_of(SIGSEGV) | sigmask_of(SIGBUS) | sigmask_of(SIGILL) |
                                 sigmask_of(SIGTRAP) | sigmask_of(SIGFPE) | sigmask_of(SIGSYS);
constexpr u64 kStopMask =
    sigmask_of(SIGSTOP) | sigmask_of(SIGTSTP) | sigmask_of(SIGTTIN) | sigmask_of(SIGTTOU);
/// sig_kernel_coredump()
constexpr u64 kCoreMask = sigmask_of(SIGQUIT) | sigmask_of(SIGILL) | sigmask_of(SIGTRAP) |
                          sigmask_of(SIGABRT) | sigmask_of(SIGFPE) | sigmask_of(SIGSEGV) |
                          sigmask_of(SIGBUS) | sigmask_of(SIGSYS) | sigmask_of(SIGXCPU) | sigmask_of(SIGXFSZ);

enum class Default : u8 { kTerminate, kIgnore, kStop };

Default default_action(int signal) {
    switch (signal) {
        case SIGCHLD:
        case SIGCONT:
        case SIGURG:
        case SIGWINCH:
            return Default::kIgnore;
        case SIGSTOP:
        case SIGTSTP:
        case SIGTTIN:
        case SIGTTOU:
            return Default::kStop;
        default:
            return Default::kTerminate;
    }
}

bool ignored(KernelState& kernel, const Task& task, int signal) {
    const u64 handler = kernel.sighand_of(task).action[signal].handler;
    return handler == kSigIgn || (handler == kSigDfl && default_action(signal) == Default::kIgnore);
}

/// next_signal(): the lowest number of `set`, those of faults first; the end: there is none.
SigPending::const_iterator next_signal(const SigPending& pending, u64 set) {
    const auto rank = [](const SigInfo& info) {
        return (kSynchronousMask & sigmask_of(info.signo) ? 0 : kSignals) + info.signo;
    };
    auto best = pending.end();
    for (auto each = pending.begin(); each != pending.end(); ++each) {
        if (!(set & sigmask_of(each->signo))) continue;
        if (best == pending.end() || rank(*each) < rank(*best)) best = each;
    }
    return best;
}

std::optional<SigInfo> dequeue(SigPending& pending, u64 set) {
    const auto next = next_signal(pending, set);
    if (next == pending.end()) return std::nullopt;
    const SigInfo info = *next;
    pending.erase(next);
    return info;
}

struct KernelSignal {
    SigInfo info;
    SigAction action;
};

/// do_signal_stop(): no thread of the process runs until SIGCONT.
void stop_process(KernelState& kernel, Task& task, int signal) {
    SignalStruct& process = kernel.process_of(task);
    if (task.tgid == kFirstPid && task.ppid == kInitPid) {
        if (!kernel.interrupt_flag) {
            LOG(warn, "the guest would be stopped by {}: ignored, nobody could continue it",
                signal_name(signal));
            return;
        }
        // Its parent is the user's shell, which stops and continues all of us.
        host::stop_self();
        return;
    }
    process.stopped = true;
    process.stop_signal = signal;
    process.continued = false;
    for (const Pid thread : process.threads) dequeue_task(kernel, kernel.tasks.at(thread));
    kernel.sched.need_resched = true;
    notify_parent_stop(kernel, process, CLD_STOPPED, signal);
}

/// do_coredump(), of which only the status is told.
bool dumps_core(KernelState& kernel, const Task& task, int signal) {
    return (kCoreMask & sigmask_of(signal)) && task.dumpable &&
           kernel.mm_of(task).rlimit(kRlimitCore) >= mmu::kPageSize;
}

/// get_signal(): the next one that has a handler. Ends or stops the task when its action is to.
std::optional<KernelSignal> get_signal(KernelState& kernel, Task& task) {
    while (true) {
        SignalStruct& process = kernel.process_of(task);
        if (fatal_signal_pending(kernel, task)) {
            do_exit(kernel, task, process.group_exiting ? process.group_exit : TaskExit{0, SIGKILL});
            return std::nullopt;
        }
        if (process.stopped || kernel.signal_hold == KernelState::SignalHold::kHeld) return std::nullopt;
        if (kernel.signal_hold == KernelState::SignalHold::kOneGoes)
            kernel.signal_hold = KernelState::SignalHold::kHeld;
        const auto info = take_pending_signal(kernel, task, ~task.signals.blocked);
        if (!info) return std::nullopt;
        SigAction& action = kernel.sighand_of(task).action[info->signo];
        if (action.handler == kSigIgn) continue;
        if (kernel.trace) kernel.trace->on_signal(kernel, task, *info);
        if (action.handler != kSigDfl) {
            const KernelSignal result{*info, action};
            if (action.flags & kSaResetHand) action.handler = kSigDfl;
            return result;
        }
        switch (default_action(info->signo)) {
            case Default::kIgnore:
                break;
            case Default::kStop:
                if (info->signo == SIGSTOP || task.tgid == kFirstPid || !is_orphaned_pgrp(kernel, task.pgrp))
                    stop_process(kernel, task, info->signo);
                break;
            case Default::kTerminate:
                do_group_exit(kernel, task, TaskExit{0, info->signo, dumps_core(kernel, task, info->signo)});
                return std::nullopt;
        }
    }
}

constexpr u64 kRestartSyscall = 219;

/// Puts the instruction pointer back on SYSCALL (two bytes) with the call's number in place.
void restart_call(Task& task, Registers& registers) {
    registers.rip -= 2;
    registers.gpr[mmu::kRax] =
        task.interrupted.error == kErestartBlock ? kRestartSyscall : task.interrupted.number;
    task.interrupted = {};
}

/// A handler is to run: does the call it interrupted fail with EINTR or start again after it?
/// (handle_signal())
void settle_call(Task& task, Registers& registers, const SigAction& action) {
    if (!task.interrupted.error) return;
    const bool again = task.interrupted.error == kErestartNoIntr ||
                       (task.interrupted.error == kErestartSys && (action.flags & kSaRestart));
    if (again) return restart_call(task, registers);
    registers.gpr[mmu::kRax] = static_cast<u64>(-i64{EINTR});
    task.interrupted = {};
}

/// handle_signal(): builds the frame and blocks what sa_mask says.
void handle_signal(KernelState& kernel, Task& task, const KernelSignal& signal, Registers& registers) {
    settle_call(task, registers, signal.action);
    if (!rseq_signal_deliver(kernel, task, registers)) {
        force_signal(kernel, task, SIGSEGV);
        kernel.sighand_of(task).action[SIGSEGV].handler = kSigDfl;
        return;
    }
    const u64 mask = task.signals.saved_mask.value_or(task.signals.blocked);
    if (!setup_rt_frame(kernel, task, signal.info, signal.action, mask, registers)) {
        // force_sigsegv()
        if (signal.info.signo == SIGSEGV) kernel.sighand_of(task).action[SIGSEGV].handler = kSigDfl;
        force_signal(kernel, task, SIGSEGV);
        return;
    }
    task.signals.saved_mask.reset();
    u64 blocked = task.signals.blocked | signal.action.mask;
    if (!(signal.action.flags & kSaNoDefer)) blocked |= sigmask_of(signal.info.signo);
    set_blocked(task, blocked);
    kernel.stats.signals_delivered++;
}

}  // namespace

std::string signal_name(int signal) {
    static constexpr const char* kNames[] = {
        "0",         "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
        "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
        "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
        "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};
    if (signal >= 0 && signal < 32) return kNames[signal];
    return signal == 32 ? "SIGRTMIN" : "SIGRTMIN+" + std::to_string(signal - 32);
}

namespace {

/// prepare_signal(): SIGCONT and the stop signals cancel each other, and SIGCONT continues the process
/// whoever may block it.
void prepare_signal(KernelState& kernel, SignalStruct& process, int signal) {
    const u64 cancelled = signal == SIGCONT                ? kStopMask
                          : kStopMask & sigmask_of(signal) ? sigmask_of(SIGCONT)
                                                           : 0;
    if (!cancelled) return;
    const auto cancel = [&](SigPending& pending) {
        std::erase_if(pending, [&](const SigInfo& p) { return cancelled & sigmask_of(p.signo); });
    };
    cancel(process.shared_pending);
    for (const Pid thread : process.threads) cancel(kernel.tasks.at(thread).signals.pending);
    if (signal != SIGCONT || !process.stopped) return;
    process.stopped = false;
    process.stop_signal = 0;
    process.continued = true;
    for (const Pid thread : process.threads) enqueue_task(kernel, kernel.tasks.at(thread));
    notify_parent_stop(kernel, process, CLD_CONTINUED, SIGCONT);
}

/// complete_signal(): SIGKILL takes hold of all threads at once.
void kill_process(KernelState& kernel, SignalStruct& process) {
    if (!process.group_exiting) {
        process.group_exiting = true;
        process.group_exit = {0, SIGKILL};
    }
    process.stopped = false;
    for (const Pid thread : process.threads) {
        Task& task = kernel.tasks.at(thread);
        signal_wake_up(kernel, task, true);
        if (task.pid != kernel.current) enqueue_task(kernel, task);
    }
}

enum class Target : u8 { kThread, kProcess };

/// wants_signal()
bool wants_signal(const Task& task, int signal) {
    return !(task.signals.blocked & sigmask_of(signal));
}

int queue_signal(KernelState& kernel, Task& task, const SigInfo& info, Target target) {
    SignalStruct& process = kernel.process_of(task);
    if (process.threads.empty() || task.state == TaskState::kDead) return 0;
    if (target == Target::kThread && task.state == TaskState::kZombie) return 0;
    Task& first = task.state == TaskState::kZombie ? kernel.tasks.at(process.threads.front()) : task;
    prepare_signal(kernel, process, info.signo);
    if (info.signo == SIGKILL) {
        kill_process(kernel, process);
        return 0;
    }
    if (!(first.signals.blocked & sigmask_of(info.signo)) && ignored(kernel, first, info.signo)) return 0;
    SigPending& pending = target == Target::kThread ? task.signals.pending : process.shared_pending;
    const auto is_pending = [&] {
        return std::any_of(pending.begin(), pending.end(),
                           [&](const SigInfo& waiting) { return waiting.signo == info.signo; });
    };
    SigInfo queued_info = info;
    if (info.signo < 32) {  // a standard signal is pending once
        if (is_pending()) return 0;
    } else {
        size_t queued = process.shared_pending.size();
        for (const Pid thread : process.threads) queued += kernel.tasks.at(thread).signals.pending.size();
        const bool timer = info.layout == SigInfo::Layout::kTimer;  // has its place in advance
        if (!timer && queued >= kernel.mm_of(first).rlimit(kRlimitSigpending)) {
            if (info.code != kSiUser) return -EAGAIN;
            // What kill() sends is pending even so, but once, and says no more than its number.
            if (is_pending()) return 0;
            queued_info = SigInfo{};
            queued_info.signo = info.signo;
        }
    }
    pending.push_back(queued_info);
    const auto tell = [&](Pid pid) { wake_up(kernel, wait_key(WaitKind::kSignal, static_cast<u64>(pid))); };
    if (target == Target::kThread) tell(task.pid);
    if (target == Target::kProcess)
        for (const Pid thread : process.threads) tell(thread);
    if (target == Target::kThread || wants_signal(first, info.signo)) {
        if (wants_signal(first, info.signo)) signal_wake_up(kernel, first, false);
        return 0;
    }
    for (const Pid thread : process.threads) {
        Task& other = kernel.tasks.at(thread);
        if (!wants_signal(other, info.signo)) continue;
        signal_wake_up(kernel, other, false);
        break;
    }
    return 0;
}

}  // namespace

int send_signal(KernelState& kernel, Task& task, const SigInfo& info) {
    return queue_signal(kernel, task, info, Target::kThread);
}

SigInfo from_self(const Task& task, int signal, int code) {
    SigInfo info;
    info.signo = signal;
    info.code = code;
    info.pid = task.tgid;
    info.uid = host::getuid();
    return info;
}

i64 broken_pipe(KernelState& kernel, Task& task) {
    (void)send_signal(kernel, task, from_self(task, SIGPIPE, kSiUser));
    return -EPIPE;
}

i64 file_too_big(KernelState& kernel, Task& task) {
    (void)send_signal(kernel, task, from_self(task, SIGXFSZ, kSiUser));
    return -EFBIG;
}

int send_group_signal(KernelState& kernel, Task& task, const SigInfo& info) {
    return queue_signal(kernel, leader_of(kernel, kernel.process_of(task)), info, Target::kProcess);
}

int kill_pgrp(KernelState& kernel, Pid pgrp, const SigInfo& info) {
    std::vector<Pid> members;
    for (const auto& [tgid, process] : kernel.processes)
        if (leader_of(kernel, process).pgrp == pgrp) members.push_back(tgid);
    for (const Pid member : members)
        if (info.signo) (void)send_group_signal(kernel, kernel.tasks.at(member), info);
    return members.empty() ? -ESRCH : 0;
}

void force_signal(KernelState& kernel, Task& task, const SigInfo& info) {
    SignalState& signals = task.signals;
    SigAction& action = kernel.sighand_of(task).action[info.signo];
    const bool blocked = signals.blocked & sigmask_of(info.signo);
    if (blocked || action.handler == kSigIgn) {
        action.handler = kSigDfl;
        signals.blocked &= ~sigmask_of(info.signo);
    }
    std::erase_if(signals.pending, [&](const SigInfo& p) { return p.signo == info.signo; });
    signals.pending.push_back(info);
}

void force_signal(KernelState& kernel, Task& task, int signal) {
    SigInfo info;
    info.signo = signal;
    info.code = kSiKernel;
    force_signal(kernel, task, info);
}

void set_blocked(Task& task, u64 mask) {
    task.signals.blocked = mask & ~kUnblockable;
}

bool fatal_signal_pending(const KernelState& kernel, const Task& task) {
    const SignalStruct& process = kernel.processes.at(task.tgid);
    return process.group_exiting || (process.group_exec_task && process.group_exec_task != task.pid);
}

u64 pending_signals(const KernelState& kernel, const Task& task) {
    u64 set = 0;
    for (const SigInfo& info : task.signals.pending) set |= sigmask_of(info.signo);
    for (const SigInfo& info : kernel.processes.at(task.tgid).shared_pending) set |= sigmask_of(info.signo);
    return set;
}

bool signal_pending(const KernelState& kernel, const Task& task) {
    return (pending_signals(kernel, task) & ~task.signals.blocked) || fatal_signal_pending(kernel, task);
}

const SigInfo* first_due_signal(const KernelState& kernel, const Task& task) {
    for (const SigPending* pending : {&task.signals.pending, &kernel.processes.at(task.tgid).shared_pending})
        if (const auto next = next_signal(*pending, ~task.signals.blocked); next != pending->end())
            return &*next;
    return nullptr;
}

std::optional<SigInfo> take_pending_signal(KernelState& kernel, Task& task, u64 set) {
    if (auto info = dequeue(task.signals.pending, set)) return info;
    auto info = dequeue(kernel.process_of(task).shared_pending, set);
    return info;
}

void flush_signal(KernelState& kernel, const Task& task, int signal) {
    const auto flush = [&](SigPending& pending) {
        std::erase_if(pending, [&](const SigInfo& info) { return info.signo == signal; });
    };
    SignalStruct& process = kernel.process_of(task);
    flush(process.shared_pending);
    for (const Pid thread : process.threads) flush(kernel.tasks.at(thread).signals.pending);
}

void do_signal(KernelState& kernel, Task& task, Registers& registers) {
    bool handled = false;
    while (auto signal = get_signal(kernel, task)) {
        handle_signal(kernel, task, *signal, registers);
        handled = true;
    }
    if (task.state != TaskState::kRunning || kernel.exit_status) return;
    if (kernel.process_of(task).stopped) return;  // the rest when it is continued
    if (kernel.signal_hold == KernelState::SignalHold::kHeld && first_due_signal(kernel, task)) return;
    if (!handled && task.interrupted.error) restart_call(task, registers);
    if (task.signals.saved_mask) {
        set_blocked(task, *task.signals.saved_mask);
        task.signals.saved_mask.reset();
    }
}

}  // namespace kernel
