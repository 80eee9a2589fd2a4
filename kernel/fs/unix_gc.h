// Descriptors in flight in a ring: a unix socket whose only references are messages that wait in sockets
// which nobody else has either is closed. Linux: net/unix/garbage.c.
#pragma once

#include "kernel/state.h"

namespace kernel {

/// unix_gc(): to be called when a socket has lost a reference and lives on.
void unix_gc(KernelState& kernel);

}  // namespace kernel
