// eventfd, timerfd, signalfd and epoll. Linux: fs/eventfd.c, fs/timerfd.c, fs/signalfd.c, fs/eventpoll.c.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <csignal>
#include <ctime>

#include "kernel/fs/epoll.h"
#include "kernel/fs/event_files.h"
#include "kernel/fs/files.h"
#include "kernel/signal.h"
#include "kernel/syscalls/functions.h"
#include "kernel/time_values.h"
#include "kernel/wait.h"

namespace kernel::calls {

namespace {

constexpr u64 kLongest = u64{1} << 62;

i64 install(Syscall& call, const FileOperations& ops, u32 id, int flags) {
    return install_file(call.kernel, call.task, anon_file(ops, id, O_RDWR | (flags & O_NONBLOCK)),
                        flags & O_CLOEXEC);
}

i64 make_eventfd(Syscall& call, int flags) {
    if (flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK)) return -EINVAL;
    EventFd event;
    event.count = static_cast<u32>(call.args[0]);
    event.semaphore = flags & EFD_SEMAPHORE;
    return install(call, kEventFdOperations, call.kernel.ipc.events.add(event), flags);
}

/// The date at virtual time 0, for timers of CLOCK_REALTIME.
u64 epoch_of(const Syscall& call, int clock) {
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM ? realtime_base_ns(call.kernel) : 0;
}

mmu::Expected<TimerFd*, int> timer_of(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return mmu::Unexpected{EBADF};
    if (!is_object(*file, kTimerFdOperations)) return mmu::Unexpected{EINVAL};
    run_timer_files(call.kernel);
    return &call.kernel.ipc.timers.at(file->object);
}

itimerspec setting_of(const Syscall& call, const TimerFd& timer) {
    const u64 now = call.kernel.clock.now_ns();
    itimerspec value{};
    value.it_interval = timespec_of(timer.interval);
    if (timer.expires) value.it_value = timespec_of(timer.expires > now ? timer.expires - now : 1);
    return value;
}

i64 make_signalfd(Syscall& call, int flags) {
    if (flags & ~(O_CLOEXEC | O_NONBLOCK)) return -EINVAL;
    if (call.args[2] != sizeof(u64)) return -EINVAL;
    u64 mask = 0;
    if (call.get(mask, call.args[1])) return -EFAULT;
    mask &= ~(sigmask_of(SIGKILL) | sigmask_of(SIGSTOP));
    if (call.integer(0) == -1)
        return install(call, kSignalFdOperations, call.kernel.ipc.signals.add({mask}), flags);
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if (!is_object(*file, kSignalFdOperations)) return -EINVAL;
    call.kernel.ipc.signals.at(file->object).mask = mask;
    wake_up(call.kernel, wait_key(WaitKind::kSignal, static_cast<u64>(call.task.pid)));
    return call.integer(0);
}

i64 make_epoll(Syscall& call, int flags) {
    if (flags & ~EPOLL_CLOEXEC) return -EINVAL;
    return install(call, kEpollOperations, call.kernel.ipc.epolls.add({}), flags);
}

/// do_epoll_wait()
i64 wait_for_events(Syscall& call, u64 timeout_ns) {
    const int limit = call.integer(2);
    if (limit <= 0 || static_cast<u64>(limit) > u64{0x7fffffff} / sizeof(epoll_event)) return -EINVAL;
    if (!access_ok(call.mm(), call.args[1], static_cast<u64>(limit) * sizeof(epoll_event))) return -EFAULT;
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if (!is_object(*file, kEpollOperations)) return -EINVAL;
    const u64 now = call.kernel.clock.now_ns();
    u64& deadline = call.task.blocked_call.deadline_ns;
    if (!deadline) deadline = timeout_ns < kNever - now ? std::max<u64>(now + timeout_ns, 1) : kNever;
    const auto events = epoll_collect(call.kernel, call.task, *file, static_cast<usize>(limit));
    if (!events.empty())
        return copy_to_user(call.system(), call.mm(), call.args[1], events.data(),
                            events.size() * sizeof(epoll_event))
                   ? -EFAULT
                   : static_cast<i64>(events.size());
    if (deadline <= now) return 0;
    WaitFor wait;
    wait.deadline_ns = deadline;
    wait.keys.push_back(file->ops->key(call.task, *file));
    file->ops->watch(call.kernel, call.task, *file, POLLIN, wait);
    const i64 result = block(call.kernel, call.task, wait);
    return result == -kErestartSys ? -EINTR : result;
}

/// The mask of epoll_pwait() holds while the call waits.
i64 wait_with_mask(Syscall& call, u64 timeout_ns) {
    SignalState& signals = call.task.signals;
    if (call.args[4] && !signals.saved_mask) {
        if (call.args[5] != sizeof(u64)) return -EINVAL;
        u64 mask = 0;
        if (call.get(mask, call.args[4])) return -EFAULT;
        signals.saved_mask = signals.blocked;
        set_blocked(call.task, mask);
    }
    const i64 result = wait_for_events(call, timeout_ns);
    if (result != -kCallBlocked && result != -EINTR && signals.saved_mask) {
        set_blocked(call.task, *signals.saved_mask);
        signals.saved_mask.reset();
    }
    return result;
}

u64 from_milliseconds(int ms) {
    return ms < 0 ? kNever : static_cast<u64>(ms) * 1'000'000;
}

}  // namespace

i64 eventfd(Syscall& call) {
    return make_eventfd(call, 0);
}
i64 eventfd2(Syscall& call) {
    return make_eventfd(call, call.integer(1));
}

i64 timerfd_create(Syscall& call) {
    const int clock = call.integer(0), flags = call.integer(1);
    if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)) return -EINVAL;
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME &&
        clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM)
        return -EINVAL;
    if (clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM) return -EPERM;  // CAP_WAKE_ALARM
    TimerFd timer;
    timer.clock = clock;
    return install(call, kTimerFdOperations, call.kernel.ipc.timers.add(timer), flags);
}

i64 timerfd_settime(Syscall& call) {
    constexpr int kAbsolute = TFD_TIMER_ABSTIME, kCancelOnSet = 2;
    itimerspec value{};
    if (call.get(value, call.args[2])) return -EFAULT;
    if ((call.integer(1) & ~(kAbsolute | kCancelOnSet)) || !valid(value.it_value) ||
        !valid(value.it_interval))
        return -EINVAL;
    const auto timer = timer_of(call);
    if (!timer) return -timer.error();
    const itimerspec old = setting_of(call, **timer);
    const u64 now = call.kernel.clock.now_ns(), when = ns_of(value.it_value);
    (*timer)->ticks = 0;
    (*timer)->interval = ns_of(value.it_interval);
    (*timer)->flags = call.integer(1);
    if (!when) {
        (*timer)->expires = 0;
    } else if (call.integer(1) & kAbsolute) {
        const u64 epoch = epoch_of(call, (*timer)->clock);
        (*timer)->expires = std::max<u64>(when > epoch ? when - epoch : 0, 1);
    } else {
        (*timer)->expires = now + when;
    }
    run_timer_files(call.kernel);
    return call.args[3] ? call.put(old, call.args[3]) : 0;
}

i64 timerfd_gettime(Syscall& call) {
    const auto timer = timer_of(call);
    return timer ? call.put(setting_of(call, **timer), call.args[1]) : -timer.error();
}

i64 signalfd(Syscall& call) {
    return make_signalfd(call, 0);
}
i64 signalfd4(Syscall& call) {
    return make_signalfd(call, call.integer(3));
}

i64 epoll_create(Syscall& call) {
    return call.integer(0) <= 0 ? -EINVAL : make_epoll(call, 0);
}
i64 epoll_create1(Syscall& call) {
    return make_epoll(call, call.integer(0));
}

i64 epoll_ctl(Syscall& call) {
    epoll_event event{};
    if (call.integer(1) != EPOLL_CTL_DEL && call.get(event, call.args[3])) return -EFAULT;
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    OpenFile* target = file_of(call.kernel, call.task, call.integer(2));
    if (!file || !target) return -EBADF;
    return epoll_control(call.kernel, call.task, *file, call.integer(1), call.integer(2), *target, event);
}

i64 epoll_wait(Syscall& call) {
    return wait_for_events(call, from_milliseconds(call.integer(3)));
}
i64 epoll_pwait(Syscall& call) {
    return wait_with_mask(call, from_milliseconds(call.integer(3)));
}
i64 epoll_pwait2(Syscall& call) {
    u64 timeout = kNever;
    if (call.args[3]) {
        timespec t{};
        if (call.get(t, call.args[3])) return -EFAULT;
        if (!valid(t)) return -EINVAL;
        timeout = ns_of(t);
    }
    return wait_with_mask(call, timeout);
}

}  // namespace kernel::calls
