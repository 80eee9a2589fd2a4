// timer_create(2) and its kin, in virtual time. Linux: kernel/time/posix-timers.c, posix-cpu-timers.c.
#include <csignal>
#include <ctime>

#include "kernel/cpu_timer.h"
#include "kernel/sched.h"
#include "kernel/syscalls/functions.h"
#include "kernel/time_values.h"
#include "kernel/timer.h"

namespace kernel::calls {

namespace {

constexpr usize kMaxTimers = 1024;

/// struct sigevent, 64 bytes.
struct UserSigevent {
    u64 value;
    int signo, notify, thread;
    u8 rest[44];
};
static_assert(sizeof(UserSigevent) == 64);

PosixTimer* find_timer(Syscall& call) {
    auto& timers = call.kernel.process_of(call.task).posix_timers;
    const auto found = timers.find(call.integer(0));
    return found == timers.end() ? nullptr : &found->second;
}

/// The timer's clock, now.
u64 clock_of(const Syscall& call, const PosixTimer& timer) {
    return timer.cpu ? read_cpu_clock(call.kernel, {timer.cpu, timer.cpu_thread})
                     : call.kernel.clock.now_ns();
}

itimerspec value_of(const Syscall& call, const PosixTimer& timer) {
    const u64 now = clock_of(call, timer);
    u64 left = 0;
    if (timer.expires) left = timer.expires > now ? timer.expires - now : 1;
    return {timespec_of(timer.interval), timespec_of(left)};
}

}  // namespace

i64 timer_create(Syscall& call) {
    PosixTimer timer;
    timer.clock = call.integer(0);
    switch (timer.clock) {
        case CLOCK_REALTIME:
        case CLOCK_MONOTONIC:
        case CLOCK_BOOTTIME:
        case CLOCK_TAI:
            break;
        case CLOCK_MONOTONIC_RAW:
        case CLOCK_REALTIME_COARSE:
        case CLOCK_MONOTONIC_COARSE:
            return -EOPNOTSUPP;
        default: {
            const auto cpu = cpu_clock(call.kernel, timer.clock);
            if (!cpu) return -EINVAL;
            timer.cpu = cpu->target;
            timer.cpu_thread = cpu->thread;
            break;
        }
    }
    SignalStruct& process = call.kernel.process_of(call.task);
    if (process.posix_timers.size() >= kMaxTimers) return -EAGAIN;
    const int id = process.next_timer;
    timer.notify = SIGEV_SIGNAL;
    timer.signal = SIGALRM;
    timer.value = static_cast<u64>(id);
    if (call.args[1]) {
        UserSigevent event;
        if (call.get(event, call.args[1])) return -EFAULT;
        timer.notify = event.notify;
        timer.signal = event.signo;
        timer.value = event.value;
        timer.thread = event.thread;
        const bool to_thread = event.notify == (SIGEV_SIGNAL | SIGEV_THREAD_ID);
        if (event.notify != SIGEV_SIGNAL && event.notify != SIGEV_NONE && event.notify != SIGEV_THREAD &&
            !to_thread)
            return -EINVAL;
        if (event.notify != SIGEV_NONE && (event.signo <= 0 || event.signo > kSignals)) return -EINVAL;
        if (to_thread) {
            const Task* thread = call.kernel.find_task(event.thread);
            if (!thread || thread->tgid != call.task.tgid) return -EINVAL;
        }
    }
    if (call.put(id, call.args[2])) return -EFAULT;
    process.next_timer = (id + 1) & 0x7fffffff;
    process.posix_timers[id] = timer;
    return 0;
}

i64 timer_settime(Syscall& call) {
    itimerspec request{};
    if (!call.args[2]) return -EINVAL;
    if (call.get(request, call.args[2])) return -EFAULT;
    if (!valid(request.it_value) || !valid(request.it_interval)) return -EINVAL;
    PosixTimer* timer = find_timer(call);
    if (!timer) return -EINVAL;
    const itimerspec old = value_of(call, *timer);
    const SignalStruct& process = call.kernel.process_of(call.task);
    if (timer->cpu && !call.kernel.find_task(timer->cpu)) return -ESRCH;
    disarm_posix_timer(call.kernel, process, call.integer(0), *timer);
    const u64 now = clock_of(call, *timer);
    u64 when = ns_of(request.it_value);
    timer->interval = ns_of(request.it_interval);
    timer->expires = 0;
    timer->overrun = timer->last_overrun = 0;
    if (when) {
        const bool absolute = call.integer(1) & TIMER_ABSTIME;
        const bool realtime = timer->clock == CLOCK_REALTIME || timer->clock == CLOCK_TAI;
        const u64 zero = realtime ? realtime_base_ns(call.kernel) : 0;
        when = absolute ? when - std::min(when, zero) : now + when;
        timer->expires = std::max<u64>(when, 1);
        arm_posix_timer(call.kernel, process, call.integer(0), *timer);
    }
    return call.args[3] && call.put(old, call.args[3]) ? -EFAULT : 0;
}

i64 timer_gettime(Syscall& call) {
    const PosixTimer* timer = find_timer(call);
    return timer ? call.put(value_of(call, *timer), call.args[1]) : -EINVAL;
}

i64 timer_getoverrun(Syscall& call) {
    const PosixTimer* timer = find_timer(call);
    return timer ? timer->last_overrun : -EINVAL;
}

i64 timer_delete(Syscall& call) {
    PosixTimer* timer = find_timer(call);
    if (!timer) return -EINVAL;
    disarm_posix_timer(call.kernel, call.kernel.process_of(call.task), call.integer(0), *timer);
    call.kernel.process_of(call.task).posix_timers.erase(call.integer(0));
    return 0;
}

}  // namespace kernel::calls
