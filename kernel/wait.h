// Blocking: how a call that cannot go on yet says what it waits for, and how those who change that wake it.
// A blocked call has done nothing that it would do twice: it returns block()'s value, and is made again from
// its start once one of the keys was woken, a host descriptor got ready, the deadline passed or a signal
// came. What it must remember in between (bytes already moved, the deadline) is in Task::blocked_call.
// Linux: include/linux/wait.h, kernel/sched/wait.c.
#pragma once

#include <poll.h>

#include <vector>

#include "kernel/task.h"

namespace kernel {

struct KernelState;

/// A WaitKey names one thing that can be waited for (wait_queue_head_t): a kind in the upper half, an id in
/// the lower.
enum class WaitKind : u32 {
    kPipe = 1,
    kEventFd,
    kTimerFd,
    kSignal,  ///< id: pid. A signal was queued for that task, blocked or not (signalfd)
    kPidFd,   ///< id: of the pidfd. Its process has ended, or was waited for
    kEpoll,
    kSocket,
    kLock,  ///< id: 0. A record lock or flock was given up
    kFutex,
    kChild,    ///< id: pid of the parent
    kVfork,    ///< id: pid of the child, which has left its parent's address space
    kTty,      ///< id: 2 * pty, or one more for its master's side
    kMsg,      ///< id: of a System V queue. There may be room in it
    kMqueue,   ///< id: of a POSIX queue
    kInotify,  ///< id: of the inotify
    kOther,
};
constexpr WaitKey wait_key(WaitKind kind, u64 id) {
    return static_cast<u64>(kind) << 32 | (id & 0xffffffff);
}

/// Internal result of a call that is to be made again when it is woken; the guest never sees it.
inline constexpr int kCallBlocked = 600;

/// The running task waits; the caller returns this value: -kCallBlocked, or -ERESTARTSYS when a signal is
/// pending.
i64 block(KernelState& kernel, Task& task, const WaitFor& wait);
/// The same with another value than -ERESTARTSYS.
i64 block_or(KernelState& kernel, Task& task, const WaitFor& wait, int interrupted);

/// Every task that waits for `key` makes its call again. `events`: what poll() may say now that it did not
/// (the wake-up's poll key, for epoll's items); 0: anything.
void wake_up(KernelState& kernel, WaitKey key, short events = 0);

}  // namespace kernel
