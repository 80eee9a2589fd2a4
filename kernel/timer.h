// ITIMER_REAL in virtual time. Linux: kernel/time/itimer.c.
#pragma once

#include "kernel/state.h"

namespace kernel {

/// A timer of kernel.sched.deadlines is due: sends its signal, and arms it again if it has an interval.
void timer_expired(KernelState& kernel, const Deadline& due);

/// Sets ITIMER_REAL of the running process; `expires` 0 disarms it.
void set_real_timer(KernelState& kernel, SignalStruct& process, const RealTimer& timer);

}  // namespace kernel
