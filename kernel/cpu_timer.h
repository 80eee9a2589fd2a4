// Timers that count the CPU time of a process or thread: ITIMER_VIRTUAL, ITIMER_PROF, timer_create() and
// clock_nanosleep() on CPU clocks, RLIMIT_CPU. A CPU clock goes a nanosecond an instruction while its task
// runs, so when the next timer is due is known when a task is given the CPU. Linux:
// kernel/time/posix-cpu-timers.c. Deviation: timers are exact instead of to the tick; the kernel's own work
// costs no time, so all of it is user time.
#pragma once

#include "kernel/state.h"

namespace kernel {

/// A CPU clock: whose time.
struct CpuClock {
    Pid target = 0;  ///< a thread, or a process by its leader
    bool thread = false;
};
/// clockid_to_pid: of CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID and clock_getcpuclockid()'s. Nothing:
/// it is no CPU clock, or there is no such task that the caller may ask about.
std::optional<CpuClock> cpu_clock(KernelState& kernel, int clock);
/// Its reading, in nanoseconds.
u64 read_cpu_clock(KernelState& kernel, const CpuClock& clock);

/// Each change has the running task's next event computed again.
void arm_cpu_timer(KernelState& kernel, const CpuTimer& timer);
void cancel_cpu_timer(KernelState& kernel, const CpuTimer& timer);

/// setitimer(ITIMER_VIRTUAL, ITIMER_PROF) of the running process; `expires` is on its CPU clock, 0 disarms.
void set_cpu_itimer(KernelState& kernel, SignalStruct& process, CpuItimer which, const RealTimer& timer);

/// A task has got the CPU, or RLIMIT_CPU was changed: when is it due?
void update_cpu_event(KernelState& kernel);
/// Fires what the running task's time has reached.
void run_cpu_timers(KernelState& kernel);
/// A thread that sleeps on a CPU clock has ended, or its sleep was interrupted.
void cancel_cpu_sleep(KernelState& kernel, Pid pid);
/// posix_cpu_timers_exit(): takes away what belongs to a process that has ended.
void exit_cpu_timers(KernelState& kernel, SignalStruct& process);

}  // namespace kernel
