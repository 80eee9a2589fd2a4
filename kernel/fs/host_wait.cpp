#include "kernel/fs/host_wait.h"

#include <csignal>
#include <ctime>

#include "kernel/errno.h"

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

}  // namespace kernel
