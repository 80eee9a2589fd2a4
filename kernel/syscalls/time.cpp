// Clocks and sleeping, all in virtual time: one nanosecond an instruction from a fixed date. Linux:
// kernel/time/.
#include <sys/time.h>
#include <sys/times.h>

#include <ctime>

#include "kernel/cpu_timer.h"
#include "kernel/exit.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/syscalls/functions.h"
#include "kernel/time_values.h"
#include "kernel/timer.h"

namespace kernel::calls {

namespace {

/// The clock's reading; nothing: no such clock.
std::optional<u64> read_clock(KernelState& kernel, int clock) {
    switch (clock) {
        case CLOCK_REALTIME:
        case CLOCK_REALTIME_COARSE:
        case CLOCK_TAI:
            return realtime_ns(kernel);
        case CLOCK_MONOTONIC:
        case CLOCK_MONOTONIC_RAW:
        case CLOCK_MONOTONIC_COARSE:
        case CLOCK_BOOTTIME:
            return kernel.clock.now_ns();
        default:
            break;
    }
    if (const auto cpu = cpu_clock(kernel, clock)) return read_cpu_clock(kernel, *cpu);
    return std::nullopt;
}

/// hrtimer_nanosleep(): a relative sleep that a signal without a handler interrupts goes on
/// (restart_syscall).
i64 sleep_until(Syscall& call, int clock, bool absolute, u64 request, u64 remaining) {
    u64 duration = request;
    if (absolute) {
        const u64 now = *read_clock(call.kernel, clock);
        duration = request > now ? request - now : 0;
    }
    call.start_timeout(duration);
    if (call.timed_out()) return 0;
    const u64 deadline = call.task.blocked_call.deadline_ns;
    const i64 result = call.wait_on({}, absolute ? kErestartNoHand : kErestartBlock);
    if (result == -kCallBlocked || absolute || !remaining) return result;
    return call.put(timespec_of(deadline - call.kernel.clock.now_ns()), remaining) ? -EFAULT : result;
}

/// do_cpu_nanosleep(): until the clock's task has used so much time.
i64 sleep_on_cpu_clock(Syscall& call, const CpuClock& clock, bool absolute, u64 request, u64 remaining) {
    KernelState& kernel = call.kernel;
    u64& expires = call.task.blocked_call.progress;
    const u64 now = read_cpu_clock(kernel, clock);
    if (!expires) expires = std::max<u64>(absolute ? request : now + request, 1);
    if (expires <= now) return 0;
    const i64 result = call.wait_on({}, absolute ? kErestartNoHand : EINTR);
    cancel_cpu_sleep(kernel, call.task.pid);
    if (result == -kCallBlocked) {
        arm_cpu_timer(kernel,
                      {expires, clock.target, clock.thread, CpuTimer::Kind::kSleep, call.task.pid, 0});
        return result;
    }
    if (absolute || !remaining) return result;
    return call.put(timespec_of(expires - now), remaining) ? -EFAULT : result;
}

}  // namespace

i64 time(Syscall& call) {
    const i64 now = static_cast<i64>(*read_clock(call.kernel, CLOCK_REALTIME) / kNsPerSecond);
    if (call.args[0] && call.put(now, call.args[0])) return -EFAULT;
    return now;
}

i64 gettimeofday(Syscall& call) {
    if (call.args[0] && call.put(timeval_of(*read_clock(call.kernel, CLOCK_REALTIME)), call.args[0]))
        return -EFAULT;
    const struct timezone zone {};
    return call.args[1] ? call.put(zone, call.args[1]) : 0;
}

i64 clock_gettime(Syscall& call) {
    const auto now = read_clock(call.kernel, call.integer(0));
    return now ? call.put(timespec_of(*now), call.args[1]) : -EINVAL;
}

i64 clock_getres(Syscall& call) {
    if (!read_clock(call.kernel, call.integer(0))) return -EINVAL;
    const bool coarse = call.integer(0) == CLOCK_REALTIME_COARSE || call.integer(0) == CLOCK_MONOTONIC_COARSE;
    return call.args[1] ? call.put(timespec_of(coarse ? 4'000'000 : 1), call.args[1]) : 0;
}

i64 clock_nanosleep(Syscall& call) {
    const int clock = call.integer(0);
    if (!read_clock(call.kernel, clock)) return -EINVAL;
    if (clock == CLOCK_THREAD_CPUTIME_ID) return -EINVAL;
    timespec request;
    if (call.get(request, call.args[2])) return -EFAULT;
    if (!valid(request)) return -EINVAL;
    const bool absolute = call.integer(1) & TIMER_ABSTIME;
    if (const auto cpu = cpu_clock(call.kernel, clock)) {
        if (cpu->thread && cpu->target == call.task.pid) return -EINVAL;
        return sleep_on_cpu_clock(call, *cpu, absolute, ns_of(request), call.args[3]);
    }
    return sleep_until(call, clock, absolute, ns_of(request), call.args[3]);
}

i64 nanosleep(Syscall& call) {
    timespec request;
    if (call.get(request, call.args[0])) return -EFAULT;
    if (!valid(request)) return -EINVAL;
    return sleep_until(call, CLOCK_MONOTONIC, false, ns_of(request), call.args[1]);
}

i64 times(Syscall& call) {
    constexpr u64 kTick = 10'000'000;
    account_running(call.kernel);
    const SignalStruct& process = call.kernel.process_of(call.task);
    const Usage own = usage_of(call.kernel, process);
    const auto ticks = [](u64 ns) { return static_cast<clock_t>(ns / kTick); };
    const tms result{ticks(own.user_ns()), ticks(own.system_ns), ticks(process.children.user_ns()),
                     ticks(process.children.system_ns)};
    if (call.args[0] && call.put(result, call.args[0])) return -EFAULT;
    return static_cast<i64>(call.kernel.clock.now_ns() / kTick);
}

namespace {

/// The clock that an interval timer of the running process follows.
u64 itimer_clock(KernelState& kernel, int which) {
    return which == ITIMER_REAL ? kernel.clock.now_ns() : read_cpu_clock(kernel, {kernel.task().tgid, false});
}
const RealTimer& itimer_of(const SignalStruct& process, int which) {
    return which == ITIMER_REAL ? process.real_timer
                                : process.cpu_timers[static_cast<usize>(which - ITIMER_VIRTUAL)];
}

/// get_cpu_itimer(): a microsecond at least while it runs.
itimerval timer_value(const RealTimer& timer, u64 now) {
    u64 left = 0;
    if (timer.expires) left = std::max<u64>(timer.expires > now ? timer.expires - now : 0, 1000);
    return {timeval_of(timer.interval), timeval_of(left)};
}

bool valid(const timeval& t) {
    return t.tv_sec >= 0 && t.tv_usec >= 0 && t.tv_usec < 1'000'000;
}

}  // namespace

i64 getitimer(Syscall& call) {
    const int which = call.integer(0);
    if (which < ITIMER_REAL || which > ITIMER_PROF) return -EINVAL;
    const RealTimer& timer = itimer_of(call.kernel.process_of(call.task), which);
    const itimerval value = timer_value(timer, itimer_clock(call.kernel, which));
    return call.put(value, call.args[1]);
}

i64 setitimer(Syscall& call) {
    const int which = call.integer(0);
    itimerval request{};
    if (call.args[1] && call.get(request, call.args[1])) return -EFAULT;
    if (!valid(request.it_value) || !valid(request.it_interval)) return -EINVAL;
    if (which < ITIMER_REAL || which > ITIMER_PROF) return -EINVAL;
    SignalStruct& process = call.kernel.process_of(call.task);
    const u64 now = itimer_clock(call.kernel, which);
    const itimerval old = timer_value(itimer_of(process, which), now);
    const auto ns = [](const timeval& t) { return ns_of({t.tv_sec, t.tv_usec * 1000}); };
    RealTimer timer;
    timer.interval = ns(request.it_interval);
    timer.expires = ns(request.it_value) ? now + ns(request.it_value) : 0;
    if (which == ITIMER_REAL)
        set_real_timer(call.kernel, process, timer);
    else
        set_cpu_itimer(call.kernel, process, static_cast<CpuItimer>(which - ITIMER_VIRTUAL), timer);
    return call.args[2] ? call.put(old, call.args[2]) : 0;
}

i64 alarm(Syscall& call) {
    SignalStruct& process = call.kernel.process_of(call.task);
    const u64 now = call.kernel.clock.now_ns();
    const u64 expires = process.real_timer.expires;
    const u64 left = expires > now ? expires - now : 0;
    const u64 seconds = call.args[0] & 0xffffffff;
    set_real_timer(call.kernel, process, {seconds ? now + seconds * kNsPerSecond : 0, 0});
    // alarm_setitimer(): at least one second is reported while the timer runs.
    return static_cast<i64>(left && left < kNsPerSecond ? 1 : (left + kNsPerSecond / 2) / kNsPerSecond);
}

}  // namespace kernel::calls
