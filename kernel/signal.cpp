#include "kernel/signal.h"

#include <csignal>

#include "kernel/errno.h"
#include "kernel/fs/files.h"
#include "kernel/rseq.h"
#include "kernel/signal_frame.h"
#include "kernel/state.h"
#include "mmu/base/log.h"

namespace kernel {

using mmu::Registers;

namespace {

constexpr u64 kUnblockable = sigmask_of(SIGKILL) | sigmask_of(SIGSTOP);
/// include/linux/signal.h: those that a fault raises are taken first.
constexpr u64 kSynchronousMask = sigmask_of(SIGSEGV) | sigmask_of(SIGBUS) | sigmask_of(SIGILL) |
                                 sigmask_of(SIGTRAP) | sigmask_of(SIGFPE) | sigmask_of(SIGSYS);
constexpr size_t kMaxQueued = 1024;  ///< RLIMIT_SIGPENDING

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

bool ignored(const Task& task, int signal) {
    const u64 handler = task.signals.action[signal].handler;
    return handler == kSigIgn || (handler == kSigDfl && default_action(signal) == Default::kIgnore);
}

/// dequeue_signal(): the lowest number of `mask`, those of faults first.
std::optional<SigInfo> dequeue(Task& task, u64 mask) {
    auto& pending = task.signals.pending;
    size_t best = pending.size();
    const auto rank = [](const SigInfo& info) {
        return (kSynchronousMask & sigmask_of(info.signo) ? 0 : kSignals) + info.signo;
    };
    for (size_t i = 0; i < pending.size(); ++i) {
        if (!(mask & sigmask_of(pending[i].signo))) continue;
        if (best == pending.size() || rank(pending[i]) < rank(pending[best])) best = i;
    }
    if (best == pending.size()) return std::nullopt;
    const SigInfo info = pending[best];
    pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(best));
    return info;
}

struct KernelSignal {
    SigInfo info;
    SigAction action;
};

/// get_signal(): the next one that has a handler. Ends the task when its action is to.
std::optional<KernelSignal> get_signal(KernelState& kernel, Task& task) {
    while (!kernel.exit_status) {
        const auto info = dequeue(task, ~task.signals.blocked);
        if (!info) return std::nullopt;
        SigAction& action = task.signals.action[info->signo];
        if (action.handler == kSigIgn) continue;
        if (action.handler != kSigDfl) {
            const KernelSignal result{*info, action};
            if (action.flags & kSaResetHand) action.handler = kSigDfl;
            return result;
        }
        switch (default_action(info->signo)) {
            case Default::kIgnore:
                break;
            case Default::kStop:
                LOG(warn, "the guest would be stopped by {}: ignored, there is no job control",
                    signal_name(info->signo));
                break;
            case Default::kTerminate:
                do_exit(kernel, task, ExitStatus{0, info->signo});
                break;
        }
    }
    return std::nullopt;
}

/// Puts the instruction pointer back on SYSCALL (two bytes) with the call's number in place.
void restart_call(Task& task, Registers& registers) {
    registers.rip -= 2;
    registers.gpr[mmu::kRax] = task.interrupted.number;
    task.interrupted_rip = registers.rip;
}

/// A handler is to run: does the call it interrupted fail with EINTR or start again after it?
/// (handle_signal())
void settle_call(Task& task, Registers& registers, const SigAction& action) {
    if (!task.interrupted.error) return;
    const bool rewound = task.interrupted_rip != 0;  // no signal was there when the call came back
    if (rewound && registers.rip != task.interrupted_rip) return;
    const bool again = task.interrupted.error == kErestartNoIntr ||
                       (task.interrupted.error == kErestartSys && (action.flags & kSaRestart));
    if (again && !rewound) restart_call(task, registers);
    if (!again && rewound) registers.rip += 2;
    if (!again) registers.gpr[mmu::kRax] = static_cast<u64>(-i64{EINTR});
    task.interrupted = {};
    task.interrupted_rip = 0;
}

/// handle_signal(): builds the frame and blocks what sa_mask says.
void handle_signal(KernelState& kernel, Task& task, const KernelSignal& signal, Registers& registers) {
    settle_call(task, registers, signal.action);
    if (!rseq_signal_deliver(kernel, task, registers)) {
        force_signal(task, SIGSEGV);
        task.signals.action[SIGSEGV].handler = kSigDfl;
        return;
    }
    const u64 mask = task.signals.saved_mask.value_or(task.signals.blocked);
    if (!setup_rt_frame(kernel, task, signal.info, signal.action, mask, registers)) {
        // force_sigsegv()
        if (signal.info.signo == SIGSEGV) task.signals.action[SIGSEGV].handler = kSigDfl;
        force_signal(task, SIGSEGV);
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

int send_signal(Task& task, const SigInfo& info) {
    SignalState& signals = task.signals;
    const u64 stops = sigmask_of(SIGSTOP) | sigmask_of(SIGTSTP) | sigmask_of(SIGTTIN) | sigmask_of(SIGTTOU);
    const u64 cancelled = info.signo == SIGCONT            ? stops
                          : stops & sigmask_of(info.signo) ? sigmask_of(SIGCONT)
                                                           : 0;
    std::erase_if(signals.pending, [&](const SigInfo& p) { return cancelled & sigmask_of(p.signo); });
    if (!(signals.blocked & sigmask_of(info.signo)) && ignored(task, info.signo)) return 0;
    if (info.signo < 32) {  // a standard signal is pending once
        for (const SigInfo& waiting : signals.pending)
            if (waiting.signo == info.signo) return 0;
    } else if (signals.pending.size() >= kMaxQueued) {
        return -EAGAIN;
    }
    signals.pending.push_back(info);
    return 0;
}

void force_signal(Task& task, const SigInfo& info) {
    SignalState& signals = task.signals;
    SigAction& action = signals.action[info.signo];
    const bool blocked = signals.blocked & sigmask_of(info.signo);
    if (blocked || action.handler == kSigIgn) {
        action.handler = kSigDfl;
        signals.blocked &= ~sigmask_of(info.signo);
    }
    std::erase_if(signals.pending, [&](const SigInfo& p) { return p.signo == info.signo; });
    signals.pending.push_back(info);
}

void force_signal(Task& task, int signal) {
    SigInfo info;
    info.signo = signal;
    info.code = kSiKernel;
    force_signal(task, info);
}

void set_blocked(Task& task, u64 mask) {
    task.signals.blocked = mask & ~kUnblockable;
}

u64 pending_signals(KernelState&, const Task& task) {
    u64 set = 0;
    for (const SigInfo& info : task.signals.pending) set |= sigmask_of(info.signo);
    return set;
}

std::optional<SigInfo> take_pending_signal(KernelState&, Task& task, u64 mask) {
    return dequeue(task, mask);
}

const SigInfo* first_due_signal(const Task& task) {
    for (const SigInfo& info : task.signals.pending)
        if (!(task.signals.blocked & sigmask_of(info.signo))) return &info;
    return nullptr;
}

bool signal_pending(const Task& task) {
    for (const SigInfo& info : task.signals.pending)
        if (!(task.signals.blocked & sigmask_of(info.signo))) return true;
    return false;
}

void do_exit(KernelState& kernel, Task& task, ExitStatus status) {
    if (kernel.exit_status) return;
    kernel.exit_status = status;
    // Deviation: exit_mmap() is left out. This is the last task, its memory goes with the machine, and what a
    // guest ended with is what a state hash and a debugger look at. Files get what was written to them.
    kernel.system.page_cache.writeback_all(kernel.system);
    kernel.stats.memory = memory_stats(kernel.system, kernel.mm_of(task));
    close_all_files(kernel, task);
}

void do_signal(KernelState& kernel, Task& task, Registers& registers) {
    if (kernel.hold_signals && signal_pending(task)) return;
    bool handled = false;
    while (auto signal = get_signal(kernel, task)) {
        handle_signal(kernel, task, *signal, registers);
        handled = true;
    }
    if (kernel.exit_status) return;
    if (!handled && task.interrupted.error && !task.interrupted_rip) restart_call(task, registers);
    if (task.signals.saved_mask) {
        set_blocked(task, *task.signals.saved_mask);
        task.signals.saved_mask.reset();
    }
}

}  // namespace kernel
