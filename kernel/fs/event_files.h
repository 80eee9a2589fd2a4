// eventfd, timerfd and signalfd: events that are read from a descriptor. Linux: fs/eventfd.c,
// fs/timerfd.c, fs/signalfd.c.
#pragma once

#include "kernel/fs/anon_inode.h"

namespace kernel {

/// eventfd_ctx.
struct EventFd {
    u64 count = 0;
    bool semaphore = false;
};

/// timerfd_ctx, in virtual nanoseconds of CLOCK_MONOTONIC.
struct TimerFd {
    int clock = 0;
    u64 expires = 0;  ///< 0: not armed
    u64 interval = 0;
    u64 ticks = 0;  ///< expirations that were not read yet
    int flags = 0;  ///< of the last timerfd_settime()
};

/// signalfd_ctx: the mask of what can be read.
struct SignalFd {
    u64 mask = 0;
};

extern const FileOperations kEventFdOperations, kTimerFdOperations, kSignalFdOperations;

/// Lets timers expire that are due; their readers wake.
void run_timer_files(KernelState& kernel);
/// When the next one is due; kNever.
u64 next_timer_file(KernelState& kernel);

}  // namespace kernel
