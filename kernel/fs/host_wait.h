// Waiting on the host for input, in such a way that a signal from outside (Ctrl-C) always ends the wait, also
// when it comes between the check and the wait.
#pragma once

#include <poll.h>

#include "kernel/state.h"

namespace kernel {

/// ppoll(2) on host descriptors. `timeout_ms` < 0: for ever. The number of ready ones; -EINTR.
int host_poll(KernelState& kernel, pollfd* entries, usize count, i64 timeout_ms);

}  // namespace kernel
