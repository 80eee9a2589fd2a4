// Signal calls. Linux: kernel/signal.c.
#include <csignal>
#include <cstring>

#include "kernel/fs/host_wait.h"
#include "kernel/signal.h"
#include "kernel/signal_frame.h"
#include "kernel/syscalls/functions.h"
#include "kernel/timer.h"
#include "mmu/base/log.h"

namespace kernel::calls {

namespace {

constexpr u64 kSigsetSize = 8;
constexpr u64 kKnownFlags = kSaNocldStop | kSaNocldWait | kSaSigInfo | kSaRestorer | kSaOnStack | kSaRestart |
                            kSaNoDefer | kSaResetHand;  ///< UAPI_SA_FLAGS; others are cleared when stored

/// kill(), tkill(): the sender is the guest itself.
SigInfo from_self(const Task& task, int signal, int code) {
    SigInfo info;
    info.signo = signal;
    info.code = code;
    info.pid = task.tgid;
    info.uid = ::getuid();
    return info;
}

i64 send_to_self(Syscall& call, int signal, int code) {
    if (signal < 0 || signal > kSignals) return -EINVAL;
    return signal == 0 ? 0 : send_signal(call.task, from_self(call.task, signal, code));
}

/// Sleeps until a signal comes, with `mask` blocked meanwhile.
i64 wait_with_mask(Syscall& call, u64 mask) {
    SignalState& signals = call.task.signals;
    signals.saved_mask = signals.blocked;
    set_blocked(call.task, mask);
    wait_for_signal(call.kernel, call.task);
    return -kErestartNoHand;
}

}  // namespace

i64 rt_sigaction(Syscall& call) {
    const int signal = call.integer(0);
    if (call.args[3] != kSigsetSize) return -EINVAL;
    SigAction action;
    if (call.args[1] && call.get(action, call.args[1])) return -EFAULT;
    const bool fixed = signal == SIGKILL || signal == SIGSTOP;
    if (signal < 1 || signal > kSignals || (call.args[1] && fixed)) return -EINVAL;
    SigAction& current = call.task.signals.action[signal];
    const SigAction old = current;
    if (call.args[1]) {
        action.flags &= kKnownFlags;
        action.mask &= ~(sigmask_of(SIGKILL) | sigmask_of(SIGSTOP));
        current = action;
        const bool now_ignored = action.handler == kSigIgn ||
                                 (action.handler == kSigDfl && (signal == SIGCHLD || signal == SIGCONT ||
                                                                signal == SIGURG || signal == SIGWINCH));
        if (now_ignored)
            std::erase_if(call.task.signals.pending,
                          [&](const SigInfo& info) { return info.signo == signal; });
    }
    return call.args[2] ? call.put(old, call.args[2]) : 0;
}

i64 rt_sigprocmask(Syscall& call) {
    const int how = call.integer(0);
    if (call.args[3] != kSigsetSize) return -EINVAL;
    const u64 old = call.task.signals.blocked;
    if (call.args[1]) {
        u64 set = 0;
        if (call.get(set, call.args[1])) return -EFAULT;
        switch (how) {
            case SIG_BLOCK:
                set_blocked(call.task, old | set);
                break;
            case SIG_UNBLOCK:
                set_blocked(call.task, old & ~set);
                break;
            case SIG_SETMASK:
                set_blocked(call.task, set);
                break;
            default:
                return -EINVAL;
        }
    }
    return call.args[2] ? call.put(old, call.args[2]) : 0;
}

i64 rt_sigreturn(Syscall& call) {
    if (!restore_rt_frame(call.kernel, call.task, call.registers)) {
        LOG(debug, "rt_sigreturn: the frame cannot be read");
        force_signal(call.task, SIGSEGV);
        return 0;
    }
    return static_cast<i64>(call.registers.gpr[mmu::kRax]);
}

i64 rt_sigpending(Syscall& call) {
    if (call.args[1] > kSigsetSize) return -EINVAL;
    u64 set = 0;
    for (const SigInfo& info : call.task.signals.pending) set |= sigmask_of(info.signo);
    set &= call.task.signals.blocked;
    return copy_to_user(call.system(), call.mm(), call.args[0], &set, call.args[1]) ? -EFAULT : 0;
}

i64 rt_sigsuspend(Syscall& call) {
    if (call.args[1] != kSigsetSize) return -EINVAL;
    u64 mask = 0;
    if (call.get(mask, call.args[0])) return -EFAULT;
    return wait_with_mask(call, mask);
}

i64 pause(Syscall& call) {
    wait_for_signal(call.kernel, call.task);
    return -kErestartNoHand;
}

i64 rt_sigtimedwait(Syscall& call) {
    if (call.args[3] != kSigsetSize) return -EINVAL;
    u64 set = 0;
    if (call.get(set, call.args[0])) return -EFAULT;
    timespec timeout{};
    if (call.args[2] && call.get(timeout, call.args[2])) return -EFAULT;
    if (timeout.tv_sec < 0 || timeout.tv_nsec < 0 || timeout.tv_nsec >= 1'000'000'000) return -EINVAL;
    auto& pending = call.task.signals.pending;
    const auto take = [&]() -> i64 {
        for (usize i = 0; i < pending.size(); ++i) {
            if (!(set & sigmask_of(pending[i].signo))) continue;
            const SigInfo info = pending[i];
            pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(i));
            const SiginfoBytes bytes = siginfo_bytes(info);
            if (call.args[1] && call.put(bytes, call.args[1])) return -EFAULT;
            return info.signo;
        }
        return -EAGAIN;
    };
    if (const i64 found = take(); found != -EAGAIN) return found;
    const u64 blocked = call.task.signals.blocked;
    set_blocked(call.task, blocked & ~set);  // so that they end the wait
    if (call.args[2]) {
        constexpr u64 kMaxSeconds = u64{1} << 32;
        (void)sleep_ns(call.kernel, call.task,
                       std::min<u64>(static_cast<u64>(timeout.tv_sec), kMaxSeconds) * 1'000'000'000 +
                           static_cast<u64>(timeout.tv_nsec));
    } else {
        wait_for_signal(call.kernel, call.task);
    }
    set_blocked(call.task, blocked);
    const i64 found = take();
    return found == -EAGAIN && signal_pending(call.task) ? -EINTR : found;
}

i64 rt_sigqueueinfo(Syscall& call) {
    struct {
        int signo, error, code, padding;
        Pid pid;
        u32 uid;
        u64 value;
        u8 rest[96];
    } user;
    static_assert(sizeof user == 128);
    if (call.get(user, call.args[2])) return -EFAULT;
    if (call.integer(0) != call.task.tgid) return -ESRCH;
    const int signal = call.integer(1);
    if (signal < 0 || signal > kSignals) return -EINVAL;
    if (signal == 0) return 0;
    SigInfo info = from_self(call.task, signal, user.code);
    info.layout = SigInfo::Layout::kRt;
    info.pid = user.pid;
    info.uid = user.uid;
    info.value = user.value;
    return send_signal(call.task, info);
}

i64 sigaltstack(Syscall& call) {
    struct Stack {
        u64 sp;
        u32 flags, padding;
        u64 size;
    };
    const u64 pointer = call.registers.gpr[mmu::kRsp];
    const AltStack old = call.task.signals.alt_stack;
    if (call.args[0]) {
        Stack stack;
        if (call.get(stack, call.args[0])) return -EFAULT;
        const int error =
            set_alt_stack(call.task, AltStack{stack.sp, stack.size, stack.flags}, pointer, kMinSigStackSize);
        if (error) return error;
    }
    if (!call.args[1]) return 0;
    const Stack result{old.sp, alt_stack_flags(old, pointer) | (old.flags & AltStack::kAutoDisarm), 0,
                       old.size};
    return call.put(result, call.args[1]);
}

i64 kill(Syscall& call) {
    const Pid pid = call.integer(0);
    const int signal = call.integer(1);
    if (signal < 0 || signal > kSignals) return -EINVAL;
    const bool self = pid == call.task.tgid || pid == 0 || pid == -call.task.pgrp;
    if (pid == -1) return -ESRCH;  // every process but oneself
    return self ? send_to_self(call, signal, kSiUser) : -ESRCH;
}

i64 tkill(Syscall& call) {
    if (call.integer(0) <= 0) return -EINVAL;
    if (call.integer(0) != call.task.pid) return -ESRCH;
    return send_to_self(call, call.integer(1), kSiTkill);
}

i64 tgkill(Syscall& call) {
    if (call.integer(0) <= 0 || call.integer(1) <= 0) return -EINVAL;
    if (call.integer(0) != call.task.tgid || call.integer(1) != call.task.pid) return -ESRCH;
    return send_to_self(call, call.integer(2), kSiTkill);
}

}  // namespace kernel::calls
