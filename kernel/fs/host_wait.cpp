#include "kernel/fs/host_wait.h"

#include "kernel/host/host.h"

namespace kernel {

int host_poll(KernelState& kernel, pollfd* entries, usize count, i64 timeout_ms) {
    return host::poll_unless(kernel.interrupt_flag, entries, count, timeout_ms);
}

}  // namespace kernel
