#include "kernel/wait.h"

#include "kernel/fs/epoll.h"
#include "kernel/fs/host_wait.h"
#include "kernel/signal.h"
#include "kernel/state.h"
#include "kernel/timer.h"

namespace kernel {

namespace {

/// Waits on the host until a descriptor is ready; virtual time then passes as if the wait had been complete.
i64 wait_on_host(KernelState& kernel, Task& task, std::vector<pollfd> host, u64 left_ns) {
    constexpr u64 kMillisecond = 1'000'000;
    const i64 ms = left_ns == kNever ? -1 : static_cast<i64>(left_ns / kMillisecond + 1);
    const int found = host_poll(kernel, host.data(), host.size(), ms);
    if (found < 0) return -kErestartSys;
    if (found == 0 && left_ns != kNever) (void)sleep_ns(kernel, task, left_ns);
    return signal_pending(task) ? -kErestartSys : -kCallBlocked;
}

}  // namespace

i64 block(KernelState& kernel, Task& task, const WaitFor& wait) {
    if (signal_pending(task)) return -kErestartSys;
    const u64 now = kernel.clock.now_ns();
    const u64 left = wait.deadline_ns == kNever ? kNever
                     : wait.deadline_ns > now   ? wait.deadline_ns - now
                                                : 0;
    if (!wait.host.empty()) return wait_on_host(kernel, task, wait.host, left);
    if (left == kNever) {
        wait_for_signal(kernel, task);
        return -kErestartSys;
    }
    return sleep_ns(kernel, task, left) ? -kErestartSys : -kCallBlocked;
}

void wake_up(KernelState& kernel, WaitKey key) {
    epoll_notify(kernel, key);
}

}  // namespace kernel
