// Purpose: see host_clock.h.
#include "kernel/host_clock.h"

#include <ctime>

#include "kernel/host/host.h"

namespace kernel {

namespace {

constexpr u64 kSecond = 1'000'000'000;

}  // namespace

void start_host_clock(KernelState& kernel) {
    kernel.clock.from_host = kernel.config.host_time;
    if (!kernel.clock.from_host) return;
    // CLOCK_REALTIME is the epoch, in whole seconds, and the guest's clock: that begins with the rest of the
    // second.
    const u64 since_epoch = host::clock_ns(CLOCK_REALTIME) % kSecond;
    kernel.clock.host_base = host::clock_ns(CLOCK_MONOTONIC) - since_epoch;
    read_host_clock(kernel);
}

void read_host_clock(KernelState& kernel) {
    if (kernel.clock.from_host) [[unlikely]]
        kernel.clock.host_ns = host::clock_ns(CLOCK_MONOTONIC) - kernel.clock.host_base;
}

}  // namespace kernel
