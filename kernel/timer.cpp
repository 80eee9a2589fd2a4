#include "kernel/timer.h"

#include <csignal>

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

/// posix_timer_fn(): one signal is queued at a time; what comes meanwhile is counted.
void posix_timer_expired(KernelState& kernel, SignalStruct& process, const Deadline& due) {
    const auto found = process.posix_timers.find(due.timer);
    if (found == process.posix_timers.end() || process.threads.empty()) return;
    PosixTimer& timer = found->second;
    const u64 now = kernel.clock.now_ns();
    u64 missed = 0;
    if (timer.interval) {
        missed = (now - timer.expires) / timer.interval;
        timer.expires += (missed + 1) * timer.interval;
        arm_deadline(kernel, {timer.expires, due.kind, due.pid, due.timer});
    } else {
        timer.expires = 0;
    }
    if (timer.notify == SIGEV_NONE) return;
    SigInfo info;
    info.signo = timer.signal;
    info.code = SI_TIMER;
    info.layout = SigInfo::Layout::kTimer;
    info.timer = due.timer;
    info.value = timer.value;
    Task* thread = timer.thread ? kernel.find_task(timer.thread) : nullptr;
    if (timer.thread && !thread) return;
    const auto queued = [&](const SigPending& pending) {
        for (const SigInfo& waiting : pending)
            if (waiting.code == SI_TIMER && waiting.timer == due.timer) return true;
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

}  // namespace

void timer_expired(KernelState& kernel, const Deadline& due) {
    SignalStruct& process = kernel.processes.at(due.pid);
    if (due.kind == Deadline::Kind::kPosixTimer) return posix_timer_expired(kernel, process, due);
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
