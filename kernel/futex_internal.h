// What the files of futexes share among themselves; nobody else includes it. Linux: kernel/futex/futex.h.
#pragma once

#include "kernel/futex.h"
#include "kernel/syscall_table.h"

namespace kernel::futexes {

/// What a waiter's `blocked_call.progress` says; a woken one's has the index of futex_waitv's word above it.
enum Progress : u64 { kNotQueued = 0, kQueued = 1, kWoken = 2, kInherits = 3, kProgressMask = 0xff };
inline constexpr unsigned kIndexShift = 8;

enum class KeyAccess : u8 { kRead, kWrite };

/// get_futex_key(). EINVAL, EFAULT.
mmu::Expected<FutexKey, int> get_futex_key(KernelState& kernel, Task& task, u64 address, bool is_private,
                                           KeyAccess access);
void enqueue(KernelState& kernel, const FutexKey& key, const FutexWaiter& waiter);
/// futex_unqueue(). False: somebody has woken it, and it is in no queue.
bool unqueue(KernelState& kernel, Pid pid);
/// It has been taken out of its queue, and is out of those of its other words too after this.
void wake_waiter(KernelState& kernel, const FutexWaiter& waiter);
/// futex_wake(): at most `count` whose bits meet `bitset`. The number woken; -EINVAL among PI waiters.
i64 wake(KernelState& kernel, const FutexKey& key, int count, u32 bitset);
/// futex_requeue() without PI: wakes some, and lets others wait at a second place.
i64 requeue(KernelState& kernel, const FutexKey& from, const FutexKey& to, int to_wake, int to_move);

/// The time-out at `address` (0: none), once for all tries of the call. 0, -EFAULT, -EINVAL.
enum class TimeoutKind : u8 { kRelative, kMonotonic, kRealtime };
i64 start_timeout(Syscall& call, u64 address, TimeoutKind kind);

inline bool is_private(const Syscall& call) {
    constexpr int kPrivate = 128;  // FUTEX_PRIVATE_FLAG
    return call.integer(1) & kPrivate;
}
/// Of a call with an absolute time-out.
TimeoutKind absolute_clock(const Syscall& call);

// futex_pi.cpp
i64 lock_pi(Syscall& call, bool only_try);
i64 unlock_pi(Syscall& call);
i64 wait_requeue_pi(Syscall& call);
i64 cmp_requeue_pi(Syscall& call);

}  // namespace kernel::futexes
