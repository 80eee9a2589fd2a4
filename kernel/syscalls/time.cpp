// Clocks and sleeping, all in virtual time: one nanosecond an instruction from a fixed date. Linux:
// kernel/time/.
#include <sys/time.h>
#include <sys/times.h>

#include <ctime>

#include "kernel/signal.h"
#include "kernel/syscalls/functions.h"
#include "kernel/timer.h"
#include "mmu/base/log.h"

namespace kernel::calls {

namespace {

constexpr u64 kSecond = 1'000'000'000;

timespec timespec_of(u64 ns) {
    return {static_cast<time_t>(ns / kSecond), static_cast<long>(ns % kSecond)};
}
timeval timeval_of(u64 ns) {
    return {static_cast<time_t>(ns / kSecond), static_cast<long>(ns % kSecond / 1000)};
}

bool valid(const timespec& t) {
    return t.tv_sec >= 0 && t.tv_nsec >= 0 && t.tv_nsec < static_cast<long>(kSecond);
}
/// Saturates at about 146 years.
u64 ns_of(const timespec& t) {
    constexpr u64 kMaxSeconds = (u64{1} << 62) / kSecond;
    return std::min(static_cast<u64>(t.tv_sec), kMaxSeconds) * kSecond + static_cast<u64>(t.tv_nsec);
}

/// The clock's reading; nothing: no such clock.
std::optional<u64> read_clock(const KernelState& kernel, int clock) {
    switch (clock) {
        case CLOCK_REALTIME:
        case CLOCK_REALTIME_COARSE:
        case CLOCK_TAI:
            return kernel.config.epoch * kSecond + kernel.clock.now_ns();
        case CLOCK_MONOTONIC:
        case CLOCK_MONOTONIC_RAW:
        case CLOCK_MONOTONIC_COARSE:
        case CLOCK_BOOTTIME:
            return kernel.clock.now_ns();
        case CLOCK_PROCESS_CPUTIME_ID:
        case CLOCK_THREAD_CPUTIME_ID:
            return kernel.clock.instructions;
        default:
            break;
    }
    if (clock < 0 && (clock & 3) <= 2 && (~(clock >> 3) == 0 || ~(clock >> 3) == kernel.current))
        return kernel.clock.instructions;  // clock_getcpuclockid(): a process's or thread's CPU time
    return std::nullopt;
}

i64 sleep_until(Syscall& call, int clock, bool absolute, u64 request, u64 remaining) {
    u64 duration = request;
    if (absolute) {
        const u64 now = *read_clock(call.kernel, clock);
        duration = request > now ? request - now : 0;
    }
    const u64 left = sleep_ns(call.kernel, call.task, duration);
    if (!left) return 0;
    if (!absolute && remaining && call.put(timespec_of(left), remaining)) return -EFAULT;
    return absolute ? -kErestartNoHand : -EINTR;
}

}  // namespace

i64 time(Syscall& call) {
    const i64 now = static_cast<i64>(*read_clock(call.kernel, CLOCK_REALTIME) / kSecond);
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
    return sleep_until(call, clock, call.integer(1) & TIMER_ABSTIME, ns_of(request), call.args[3]);
}

i64 nanosleep(Syscall& call) {
    timespec request;
    if (call.get(request, call.args[0])) return -EFAULT;
    if (!valid(request)) return -EINVAL;
    return sleep_until(call, CLOCK_MONOTONIC, false, ns_of(request), call.args[1]);
}

i64 times(Syscall& call) {
    const i64 ticks = static_cast<i64>(call.kernel.clock.instructions / 10'000'000);
    const tms result{ticks, 0, 0, 0};
    if (call.args[0] && call.put(result, call.args[0])) return -EFAULT;
    return static_cast<i64>(call.kernel.clock.now_ns() / 10'000'000);
}

namespace {

itimerval timer_value(const KernelState& kernel, const RealTimer& timer) {
    const u64 now = kernel.clock.now_ns();
    return {timeval_of(timer.interval), timeval_of(timer.expires > now ? timer.expires - now : 0)};
}

bool valid(const timeval& t) {
    return t.tv_sec >= 0 && t.tv_usec >= 0 && t.tv_usec < 1'000'000;
}

}  // namespace

i64 getitimer(Syscall& call) {
    const int which = call.integer(0);
    if (which < ITIMER_REAL || which > ITIMER_PROF) return -EINVAL;
    const itimerval value =
        which == ITIMER_REAL ? timer_value(call.kernel, call.task.real_timer) : itimerval{};
    return call.put(value, call.args[1]);
}

i64 setitimer(Syscall& call) {
    const int which = call.integer(0);
    itimerval request{};
    if (call.args[1] && call.get(request, call.args[1])) return -EFAULT;
    if (!valid(request.it_value) || !valid(request.it_interval)) return -EINVAL;
    if (which < ITIMER_REAL || which > ITIMER_PROF) return -EINVAL;
    if (which != ITIMER_REAL) {  // Deviation: CPU-time timers are not supported
        LOG(warn, "setitimer: only ITIMER_REAL is supported: EINVAL");
        return -EINVAL;
    }
    RealTimer& timer = call.task.real_timer;
    const itimerval old = timer_value(call.kernel, timer);
    const auto ns = [](const timeval& t) { return ns_of({t.tv_sec, t.tv_usec * 1000}); };
    timer.interval = ns(request.it_interval);
    timer.expires = ns(request.it_value) ? call.kernel.clock.now_ns() + ns(request.it_value) : 0;
    return call.args[2] ? call.put(old, call.args[2]) : 0;
}

i64 alarm(Syscall& call) {
    RealTimer& timer = call.task.real_timer;
    const u64 now = call.kernel.clock.now_ns();
    const u64 left = timer.expires > now ? timer.expires - now : 0;
    const u64 seconds = call.args[0] & 0xffffffff;
    timer = {seconds ? now + seconds * kSecond : 0, 0};
    // alarm_setitimer(): at least one second is reported while the timer runs.
    return static_cast<i64>(left && left < kSecond ? 1 : (left + kSecond / 2) / kSecond);
}

}  // namespace kernel::calls
