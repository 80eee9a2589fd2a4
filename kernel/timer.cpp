#include "kernel/timer.h"

#include <algorithm>
#include <csignal>

#include "kernel/signal.h"

namespace kernel {

void run_timers(KernelState& kernel, Task& task) {
    RealTimer& timer = task.real_timer;
    const u64 now = kernel.clock.now_ns();
    if (!timer.expires || timer.expires > now) return;
    if (timer.interval) {
        const u64 missed = (now - timer.expires) / timer.interval;
        timer.expires += (missed + 1) * timer.interval;
    } else {
        timer.expires = 0;
    }
    SigInfo info;
    info.signo = SIGALRM;
    info.code = kSiKernel;
    (void)send_signal(task, info);
}

u64 sleep_ns(KernelState& kernel, Task& task, u64 nanoseconds) {
    constexpr u64 kMax = u64{1} << 62;
    VirtualClock& clock = kernel.clock;
    const auto pass = [&](u64 step) {
        clock.slept_ns = std::min(clock.slept_ns + std::min(step, kMax), kMax);
    };
    if (signal_pending(task)) return nanoseconds;
    const u64 expires = task.real_timer.expires, now = clock.now_ns();
    if (expires > now && expires - now < nanoseconds) {
        pass(expires - now);
        nanoseconds -= expires - now;
        run_timers(kernel, task);
        if (signal_pending(task)) return nanoseconds;
    }
    pass(nanoseconds);  // a timer whose signal is blocked or ignored wakes nobody
    run_timers(kernel, task);
    return 0;
}

}  // namespace kernel
