// Signal calls. Linux: kernel/signal.c.
#include <csignal>
#include <cstring>

#include "kernel/signal.h"
#include "kernel/signal_frame.h"
#include "kernel/syscalls/functions.h"
#include "kernel/syscalls/queued_info.h"
#include "mmu/base/log.h"

namespace kernel::calls {

namespace {

constexpr u64 kSigsetSize = 8;
constexpr u64 kKnownFlags = kSaNocldStop | kSaNocldWait | kSaSigInfo | kSaRestorer | kSaOnStack | kSaRestart |
                            kSaNoDefer | kSaResetHand;  ///< UAPI_SA_FLAGS; others are cleared when stored

/// Sleeps until a signal comes, with `mask` blocked meanwhile.
i64 wait_with_mask(Syscall& call, u64 mask) {
    SignalState& signals = call.task.signals;
    if (!std::exchange(call.task.blocked_call.progress, 1)) {
        signals.saved_mask = signals.blocked;
        set_blocked(call.task, mask);
    }
    return call.wait_on({}, kErestartNoHand);
}

}  // namespace

i64 rt_sigaction(Syscall& call) {
    const int signal = call.integer(0);
    if (call.args[3] != kSigsetSize) return -EINVAL;
    SigAction action;
    if (call.args[1] && call.get(action, call.args[1])) return -EFAULT;
    const bool fixed = signal == SIGKILL || signal == SIGSTOP;
    if (signal < 1 || signal > kSignals || (call.args[1] && fixed)) return -EINVAL;
    SigAction& current = call.kernel.sighand_of(call.task).action[static_cast<usize>(signal)];
    const SigAction old = current;
    if (call.args[1]) {
        action.flags &= kKnownFlags;
        action.mask &= ~(sigmask_of(SIGKILL) | sigmask_of(SIGSTOP));
        current = action;
        const bool now_ignored = action.handler == kSigIgn ||
                                 (action.handler == kSigDfl && (signal == SIGCHLD || signal == SIGCONT ||
                                                                signal == SIGURG || signal == SIGWINCH));
        if (now_ignored) flush_signal(call.kernel, call.task, signal);
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
        force_signal(call.kernel, call.task, SIGSEGV);
        return 0;
    }
    return static_cast<i64>(call.registers.gpr[mmu::kRax]);
}

i64 restart_syscall(Syscall& call) {
    const RestartBlock block = std::exchange(call.task.restart, {});
    const SyscallRow* row = find_syscall(block.number);
    if (!block.deadline_ns || !row || !row->function) return -EINTR;  // do_no_restart_syscall()
    call.task.call.number = block.number;
    call.task.blocked_call.deadline_ns = block.deadline_ns;
    return row->function(call);
}

i64 rt_sigpending(Syscall& call) {
    if (call.args[1] > kSigsetSize) return -EINVAL;
    const u64 set = pending_signals(call.kernel, call.task) & call.task.signals.blocked;
    return copy_to_user(call.system(), call.mm(), call.args[0], &set, call.args[1]) ? -EFAULT : 0;
}

i64 rt_sigsuspend(Syscall& call) {
    if (call.args[1] != kSigsetSize) return -EINVAL;
    u64 mask = 0;
    if (call.get(mask, call.args[0])) return -EFAULT;
    return wait_with_mask(call, mask);
}

i64 pause(Syscall& call) {
    return call.wait_on({}, kErestartNoHand);
}

i64 rt_sigtimedwait(Syscall& call) {
    if (call.args[3] != kSigsetSize) return -EINVAL;
    u64 set = 0;
    if (call.get(set, call.args[0])) return -EFAULT;
    timespec timeout{};
    if (call.args[2] && call.get(timeout, call.args[2])) return -EFAULT;
    if (timeout.tv_sec < 0 || timeout.tv_nsec < 0 || timeout.tv_nsec >= 1'000'000'000) return -EINVAL;
    set &= ~(sigmask_of(SIGKILL) | sigmask_of(SIGSTOP));
    if (const auto info = take_pending_signal(call.kernel, call.task, set)) {
        const SiginfoBytes bytes = siginfo_bytes(*info);
        return call.args[1] && call.put(bytes, call.args[1]) ? -EFAULT : info->signo;
    }
    constexpr u64 kMaxSeconds = u64{1} << 32;
    if (call.args[2])
        call.start_timeout(std::min<u64>(static_cast<u64>(timeout.tv_sec), kMaxSeconds) * 1'000'000'000 +
                           static_cast<u64>(timeout.tv_nsec));
    if (call.timed_out()) return -EAGAIN;
    return call.wait_on({wait_key(WaitKind::kSignal, static_cast<u64>(call.task.pid))}, EINTR);
}

namespace {

struct UserSiginfo {
    int signo, error, code, padding;
    Pid pid;
    u32 uid;
    u64 value;
    u8 rest[96];
};
static_assert(sizeof(UserSiginfo) == 128);

bool valid_signal(int signal) {
    return signal >= 0 && signal <= kSignals;
}

}  // namespace

bool queued_info(Syscall& call, int signal, u64 address, SigInfo& info) {
    UserSiginfo user;
    if (call.get(user, address)) return false;
    info.signo = signal;
    info.code = user.code;
    info.layout = SigInfo::Layout::kRt;
    info.pid = user.pid;
    info.uid = user.uid;
    info.value = user.value;
    return true;
}

bool may_claim(const Syscall& call, const SigInfo& info, Pid pid) {
    return !((info.code >= 0 || info.code == kSiTkill) && pid != call.task.tgid);
}

i64 rt_sigqueueinfo(Syscall& call) {
    const Pid pid = call.integer(0);
    const int signal = call.integer(1);
    SigInfo info;
    if (!queued_info(call, signal, call.args[2], info)) return -EFAULT;
    if (!may_claim(call, info, pid)) return -EPERM;
    Task* target = call.kernel.find_task(pid);
    if (!target) return -ESRCH;
    if (!valid_signal(signal)) return -EINVAL;
    return signal ? send_group_signal(call.kernel, *target, info) : 0;
}

i64 rt_tgsigqueueinfo(Syscall& call) {
    const Pid tgid = call.integer(0), pid = call.integer(1);
    const int signal = call.integer(2);
    SigInfo info;
    if (!queued_info(call, signal, call.args[3], info)) return -EFAULT;
    if (tgid <= 0 || pid <= 0) return -EINVAL;
    if (!may_claim(call, info, pid)) return -EPERM;
    Task* target = call.kernel.find_task(pid);
    if (!target || target->tgid != tgid) return -ESRCH;
    if (!valid_signal(signal)) return -EINVAL;
    return signal ? send_signal(call.kernel, *target, info) : 0;
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
    KernelState& kernel = call.kernel;
    const Pid pid = call.integer(0);
    const int signal = call.integer(1);
    if (pid == INT32_MIN) return -ESRCH;
    const SigInfo info = from_self(call.task, signal, kSiUser);
    if (pid > 0) {
        Task* target = kernel.find_task(pid);
        if (!target) return -ESRCH;
        if (!valid_signal(signal)) return -EINVAL;
        return signal ? send_group_signal(kernel, *target, info) : 0;
    }
    if (pid == -1) {  // every process but oneself
        std::vector<Pid> others;
        for (const auto& [tgid, process] : kernel.processes)
            if (tgid != call.task.tgid) others.push_back(tgid);
        if (!valid_signal(signal)) return others.empty() ? -ESRCH : -EINVAL;
        for (const Pid other : others)
            if (signal) (void)send_group_signal(kernel, kernel.tasks.at(other), info);
        return others.empty() ? -ESRCH : 0;
    }
    const Pid pgrp = pid == 0 ? call.task.pgrp : -pid;
    if (!valid_signal(signal)) {
        SigInfo probe = info;
        probe.signo = 0;
        const int error = kill_pgrp(kernel, pgrp, probe);
        return error ? error : -EINVAL;
    }
    return kill_pgrp(kernel, pgrp, info);
}

i64 tkill(Syscall& call) {
    const Pid pid = call.integer(0);
    const int signal = call.integer(1);
    if (pid <= 0) return -EINVAL;
    Task* target = call.kernel.find_task(pid);
    if (!target || target->state == TaskState::kDead) return -ESRCH;
    if (!valid_signal(signal)) return -EINVAL;
    return signal ? send_signal(call.kernel, *target, from_self(call.task, signal, kSiTkill)) : 0;
}

i64 tgkill(Syscall& call) {
    const Pid tgid = call.integer(0), pid = call.integer(1);
    const int signal = call.integer(2);
    if (tgid <= 0 || pid <= 0) return -EINVAL;
    Task* target = call.kernel.find_task(pid);
    if (!target || target->tgid != tgid || target->state == TaskState::kDead) return -ESRCH;
    if (!valid_signal(signal)) return -EINVAL;
    return signal ? send_signal(call.kernel, *target, from_self(call.task, signal, kSiTkill)) : 0;
}

}  // namespace kernel::calls
