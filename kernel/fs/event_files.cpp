#include "kernel/fs/event_files.h"

#include <sys/signalfd.h>

#include <cstring>

#include "kernel/errno.h"
#include "kernel/fs/proc_table.h"
#include "kernel/fs/user_stream.h"
#include "kernel/signal.h"
#include "kernel/state.h"

namespace kernel {

namespace {

// eventfd

WaitKey event_key(const Task&, const OpenFile& file) {
    return wait_key(WaitKind::kEventFd, file.object);
}

i64 read_event(FileCall& call, UserStream& to, u64 size) {
    if (size < 8) return -EINVAL;
    EventFd& event = call.kernel.ipc.events.at(call.file.object);
    if (!event.count) return -EAGAIN;
    const u64 value = event.semaphore ? 1 : event.count;
    event.count -= value;
    wake_up(call.kernel, event_key(call.task, call.file), POLLOUT);
    return to.put(reinterpret_cast<const u8*>(&value), 8) == 8 ? 8 : -EFAULT;
}

i64 write_event(FileCall& call, UserStream& from, u64 size) {
    if (size != 8) return -EINVAL;  // since 6.10
    u64 value = 0;
    if (from.take(reinterpret_cast<u8*>(&value), 8) != 8) return -EFAULT;
    if (value == ~u64{0}) return -EINVAL;
    EventFd& event = call.kernel.ipc.events.at(call.file.object);
    if (~u64{0} - event.count <= value) return -EAGAIN;
    event.count += value;
    wake_up(call.kernel, event_key(call.task, call.file), POLLIN);
    return 8;
}

short poll_event(KernelState& kernel, Task&, const OpenFile& file) {
    const EventFd& event = kernel.ipc.events.at(file.object);
    int mask = 0;
    if (event.count) mask |= POLLIN;
    if (event.count == ~u64{0}) mask |= POLLERR;
    if (~u64{0} - 1 > event.count) mask |= POLLOUT;
    return static_cast<short>(mask);
}

void release_event(KernelState& kernel, OpenFile& file) {
    kernel.ipc.events.erase(file.object);
}

// timerfd

WaitKey timer_key(const Task&, const OpenFile& file) {
    return wait_key(WaitKind::kTimerFd, file.object);
}

i64 read_timer(FileCall& call, UserStream& to, u64 size) {
    if (size < 8) return -EINVAL;
    run_timer_files(call.kernel);
    TimerFd& timer = call.kernel.ipc.timers.at(call.file.object);
    if (!timer.ticks) return -EAGAIN;
    const u64 ticks = std::exchange(timer.ticks, 0);
    return to.put(reinterpret_cast<const u8*>(&ticks), 8) == 8 ? 8 : -EFAULT;
}

/// timerfd_ioctl(): TFD_IOC_SET_TICKS, of checkpointing.
i64 timer_ioctl(FileCall& call, u64 request, u64 argument) {
    constexpr u64 kSetTicks = 0x40085400;
    if (request != kSetTicks) return -ENOTTY;
    u64 ticks = 0;
    if (get_user(call.kernel.system, call.kernel.mm_of(call.task), ticks, argument)) return -EFAULT;
    if (!ticks) return -EINVAL;
    call.kernel.ipc.timers.at(call.file.object).ticks = ticks;
    wake_up(call.kernel, timer_key(call.task, call.file), POLLIN);
    return 0;
}

short poll_timer(KernelState& kernel, Task&, const OpenFile& file) {
    run_timer_files(kernel);
    return kernel.ipc.timers.at(file.object).ticks ? POLLIN : short{0};
}

void watch_timer(KernelState& kernel, Task&, const OpenFile& file, short, WaitFor& wait) {
    const TimerFd& timer = kernel.ipc.timers.at(file.object);
    if (timer.expires) wait.deadline_ns = std::min(wait.deadline_ns, timer.expires);
}

void release_timer(KernelState& kernel, OpenFile& file) {
    kernel.ipc.timers.erase(file.object);
}

// signalfd

WaitKey signal_key(const Task& task, const OpenFile&) {
    return wait_key(WaitKind::kSignal, static_cast<u64>(task.pid));
}

/// signalfd_copyinfo()
signalfd_siginfo describe(const SigInfo& info) {
    signalfd_siginfo out{};
    out.ssi_signo = static_cast<u32>(info.signo);
    out.ssi_code = info.code;
    switch (info.layout) {
        case SigInfo::Layout::kFault:
            out.ssi_addr = info.address;
            break;
        case SigInfo::Layout::kPoll:
            out.ssi_band = static_cast<u32>(info.value);
            out.ssi_fd = info.status;
            break;
        case SigInfo::Layout::kTimer:
            out.ssi_tid = static_cast<u32>(info.timer);
            out.ssi_overrun = static_cast<u32>(info.overrun);
            out.ssi_ptr = info.value;
            out.ssi_int = static_cast<int>(info.value);
            break;
        case SigInfo::Layout::kChild:
            out.ssi_pid = static_cast<u32>(info.pid);
            out.ssi_uid = info.uid;
            out.ssi_status = info.status;
            out.ssi_utime = static_cast<u64>(info.utime);
            out.ssi_stime = static_cast<u64>(info.stime);
            break;
        case SigInfo::Layout::kRt:
            out.ssi_ptr = info.value;
            out.ssi_int = static_cast<int>(info.value);
            [[fallthrough]];
        default:
            out.ssi_pid = static_cast<u32>(info.pid);
            out.ssi_uid = info.uid;
            break;
    }
    return out;
}

i64 read_signal(FileCall& call, UserStream& to, u64 size) {
    const u64 mask = call.kernel.ipc.signals.at(call.file.object).mask;
    u64 done = 0;
    if (size < sizeof(signalfd_siginfo)) return -EINVAL;
    while (size - done >= sizeof(signalfd_siginfo)) {
        const auto taken = take_pending_signal(call.kernel, call.task, mask);
        if (!taken) break;
        const signalfd_siginfo out = describe(*taken);
        if (to.put(reinterpret_cast<const u8*>(&out), sizeof out) != sizeof out)
            return done ? static_cast<i64>(done) : -EFAULT;
        done += sizeof out;
    }
    return done ? static_cast<i64>(done) : -EAGAIN;
}

short poll_signal(KernelState& kernel, Task& task, const OpenFile& file) {
    return pending_signals(kernel, task) & kernel.ipc.signals.at(file.object).mask ? POLLIN : short{0};
}

void release_signal(KernelState& kernel, OpenFile& file) {
    kernel.ipc.signals.erase(file.object);
}

// /proc/PID/fdinfo

std::string event_info(KernelState& kernel, const OpenFile& file) {
    const EventFd& event = kernel.ipc.events.at(file.object);
    return proc_format("eventfd-count: %16llx\neventfd-id: %u\neventfd-semaphore: %d\n",
                       proc_number(event.count), file.object - 1, event.semaphore);
}

std::string timer_info(KernelState& kernel, const OpenFile& file) {
    run_timer_files(kernel);
    const TimerFd& timer = kernel.ipc.timers.at(file.object);
    constexpr u64 kSecond = 1'000'000'000;
    const u64 now = kernel.clock.now_ns(), left = timer.expires > now ? timer.expires - now : 0;
    return proc_format("clockid: %d\nticks: %llu\nsettime flags: 0%o\nit_value: (%llu, %llu)\n", timer.clock,
                       proc_number(timer.ticks), timer.flags, proc_number(left / kSecond),
                       proc_number(left % kSecond)) +
           proc_format("it_interval: (%llu, %llu)\n", proc_number(timer.interval / kSecond),
                       proc_number(timer.interval % kSecond));
}

std::string signal_info(KernelState& kernel, const OpenFile& file) {
    return proc_format("sigmask:\t%016llx\n", proc_number(kernel.ipc.signals.at(file.object).mask));
}

}  // namespace

void run_timer_files(KernelState& kernel) {
    if (kernel.ipc.timers.empty()) return;
    const u64 now = kernel.clock.now_ns();
    for (auto& [id, timer] : kernel.ipc.timers) {
        if (!timer.expires || timer.expires > now) continue;
        u64 ticks = 1;
        if (timer.interval) {
            ticks += (now - timer.expires) / timer.interval;
            timer.expires += ticks * timer.interval;
        } else {
            timer.expires = 0;
        }
        timer.ticks += ticks;
        wake_up(kernel, wait_key(WaitKind::kTimerFd, id), POLLIN);
    }
}

u64 next_timer_file(KernelState& kernel) {
    u64 next = kNever;
    for (const auto& [id, timer] : kernel.ipc.timers)
        if (timer.expires) next = std::min(next, timer.expires);
    return next;
}

const FileOperations kEventFdOperations = {.name = "anon_inode:[eventfd]",
                                           .read = read_event,
                                           .write = write_event,
                                           .poll = poll_event,
                                           .key = event_key,
                                           .release = release_event,
                                           .info = event_info};
const FileOperations kTimerFdOperations = {.name = "anon_inode:[timerfd]",
                                           .read = read_timer,
                                           .poll = poll_timer,
                                           .key = timer_key,
                                           .release = release_timer,
                                           .ioctl = timer_ioctl,
                                           .watch = watch_timer,
                                           .info = timer_info};
const FileOperations kSignalFdOperations = {.name = "anon_inode:[signalfd]",
                                            .read = read_signal,
                                            .poll = poll_signal,
                                            .key = signal_key,
                                            .release = release_signal,
                                            .info = signal_info};

}  // namespace kernel
