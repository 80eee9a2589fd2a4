#include "kernel/timer.h"

#include <csignal>

#include "kernel/cpu_timer.h"
#include "kernel/exit.h"
#include "kernel/sched.h"
#include "kernel/signal.h"

namespace kernel {

void set_real_timer(KernelState& kernel, SignalStruct& process, const RealTimer& timer) {
    const auto deadline = [&] {
        return Deadline{process.real_timer.expires, Deadline::Kind::kRealTimer, process.tgid, 0};
    };
    if (process.real_timer.expires) cancel_deadline(kernel, deadline());
    process.real_timer = timer;
    if (timer.expires) arm_deadline(kernel, deadline());
}

namespace {

CpuTimer cpu_timer_of(const SignalStruct& process, int id, const PosixTimer& timer) {
    return {timer.expires, timer.cpu, timer.cpu_thread, CpuTimer::Kind::kPosix, process.tgid, id};
}
Deadline deadline_of(const SignalStruct& process, int id, const PosixTimer& timer) {
    return {timer.expires, Deadline::Kind::kPosixTimer, process.tgid, id};
}

}  // namespace

void arm_posix_timer(KernelState& kernel, const SignalStruct& process, int id, const PosixTimer& timer) {
    if (!timer.expires) return;
    if (timer.cpu)
        arm_cpu_timer(kernel, cpu_timer_of(process, id, timer));
    else
        arm_deadline(kernel, deadline_of(process, id, timer));
}

void disarm_posix_timer(KernelState& kernel, const SignalStruct& process, int id, const PosixTimer& timer) {
    if (!timer.expires) return;
    if (timer.cpu)
        cancel_cpu_timer(kernel, cpu_timer_of(process, id, timer));
    else
        cancel_deadline(kernel, deadline_of(process, id, timer));
}

/// One signal is queued at a time; what comes meanwhile is counted.
void posix_timer_expired(KernelState& kernel, SignalStruct& process, int id, u64 now) {
    const auto found = process.posix_timers.find(id);
    if (found == process.posix_timers.end() || process.threads.empty()) return;
    PosixTimer& timer = found->second;
    u64 missed = 0;
    if (timer.interval) {
        missed = (now - timer.expires) / timer.interval;
        timer.expires += (missed + 1) * timer.interval;
        arm_posix_timer(kernel, process, id, timer);
    } else {
        timer.expires = 0;
    }
    if (timer.notify == SIGEV_NONE) return;
    SigInfo info;
    info.signo = timer.signal;
    info.code = SI_TIMER;
    info.layout = SigInfo::Layout::kTimer;
    info.timer = id;
    info.value = timer.value;
    Task* thread = timer.thread ? kernel.find_task(timer.thread) : nullptr;
    if (timer.thread && !thread) return;
    const auto queued = [&](const SigPending& pending) {
        for (const SigInfo& waiting : pending)
            if (waiting.code == SI_TIMER && waiting.timer == id) return true;
        return false;
    };
    if (queued(thread ? thread->signals.pending : process.shared_pending)) {
        timer.overrun += static_cast<int>(missed) + 1;
        return;
    }
    timer.last_overrun = timer.overrun + static_cast<int>(missed);
    timer.overrun = 0;
    info.overrun = timer.last_overrun;
    if (thread)
        (void)send_signal(kernel, *thread, info);
    else
        (void)send_group_signal(kernel, leader_of(kernel, process), info);
}

void timer_expired(KernelState& kernel, const Deadline& due) {
    SignalStruct& process = kernel.processes.at(due.pid);
    if (due.kind == Deadline::Kind::kPosixTimer)
        return posix_timer_expired(kernel, process, due.timer, kernel.clock.now_ns());
    RealTimer timer = process.real_timer;
    const u64 now = kernel.clock.now_ns();
    if (timer.interval) {
        const u64 missed = (now - timer.expires) / timer.interval;
        timer.expires += (missed + 1) * timer.interval;
    } else {
        timer.expires = 0;
    }
    process.real_timer = {};
    set_real_timer(kernel, process, timer);
    SigInfo info;
    info.signo = SIGALRM;
    info.code = kSiKernel;
    (void)send_group_signal(kernel, leader_of(kernel, process), info);
}

}  // namespace kernel
