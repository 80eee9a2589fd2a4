// ITIMER_REAL in virtual time. Linux: kernel/time/itimer.c.
#pragma once

#include "kernel/state.h"

namespace kernel {

/// Sends SIGALRM if the timer has expired, and arms it again if it has an interval.
void run_timers(KernelState& kernel, Task& task);

/// Lets virtual time pass without instructions: nobody waits for real. Stops early at a timer whose signal is
/// not blocked; returns the nanoseconds that were left.
u64 sleep_ns(KernelState& kernel, Task& task, u64 nanoseconds);

}  // namespace kernel
