#include "kernel/fs/host_wait.h"

#include <csignal>
#include <ctime>

#include "kernel/errno.h"
#include "kernel/signal.h"
#include "kernel/timer.h"
#include "mmu/base/log.h"

namespace kernel {

int host_poll(KernelState& kernel, pollfd* entries, usize count, i64 timeout_ms) {
    // Signals are held back between the look at the flag and the wait; ppoll lets them in again.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = -EINTR;
    if (!kernel.interrupt_flag || !*kernel.interrupt_flag) {
        const timespec timeout{timeout_ms / 1000, timeout_ms % 1000 * 1'000'000};
        result = ::ppoll(entries, count, timeout_ms < 0 ? nullptr : &timeout, &before);
        if (result < 0) result = -errno;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return result;
}

int wait_until_ready(KernelState& kernel, int fd, short events) {
    pollfd entry{fd, events, 0};
    const int result = host_poll(kernel, &entry, 1, -1);
    return result < 0 ? result : 0;
}

void wait_for_signal(KernelState& kernel, Task& task) {
    if (signal_pending(task)) return;
    if (const u64 expires = task.real_timer.expires) {
        const u64 now = kernel.clock.now_ns();
        (void)sleep_ns(kernel, task, expires > now ? expires - now : 1);
        if (signal_pending(task)) return;
    }
    if (!kernel.interrupt_flag) {
        LOG(error, "the guest waits for a signal that nobody can send: ended");
        do_exit(kernel, task, ExitStatus{0, SIGKILL});
        return;
    }
    (void)host_poll(kernel, nullptr, 0, -1);
}

}  // namespace kernel
