// Waiting on the host for input, in such a way that a signal from outside (Ctrl-C) always ends the wait, also
// when it comes between the check and the wait.
#pragma once

#include <poll.h>

#include "kernel/state.h"

namespace kernel {

/// ppoll(2) on host descriptors. `timeout_ms` < 0: for ever. The number of ready ones; -EINTR.
int host_poll(KernelState& kernel, pollfd* entries, usize count, i64 timeout_ms);

/// Waits until `fd` can be read (POLLIN) or written (POLLOUT). 0, or -EINTR.
int wait_until_ready(KernelState& kernel, int fd, short events);

/// Waits for a signal: a timer's, in virtual time, or one from outside.
void wait_for_signal(KernelState& kernel, Task& task);

}  // namespace kernel
