// ITIMER_REAL and the timers of timer_create(). Linux: kernel/time/itimer.c, kernel/time/posix-timers.c.
#pragma once

#include "kernel/state.h"

namespace kernel {

/// A timer of kernel.sched.deadlines is due: sends its signal, and arms it again if it has an interval.
void timer_expired(KernelState& kernel, const Deadline& due);

/// posix_timer_fn(): a timer of timer_create(), on whatever clock, whose time is now `now`: sends its signal,
/// and arms it again if it has an interval.
void posix_timer_expired(KernelState& kernel, SignalStruct& process, int id, u64 now);
/// Puts a timer into the list of its clock, and takes it out. `expires` 0: it is in none.
void arm_posix_timer(KernelState& kernel, const SignalStruct& process, int id, const PosixTimer& timer);
void disarm_posix_timer(KernelState& kernel, const SignalStruct& process, int id, const PosixTimer& timer);

/// Sets ITIMER_REAL of the running process; `expires` 0 disarms it.
void set_real_timer(KernelState& kernel, SignalStruct& process, const RealTimer& timer);

}  // namespace kernel
