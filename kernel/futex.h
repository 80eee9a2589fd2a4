// Futexes: tasks that sleep on a word of user memory. Linux: kernel/futex/ (core.c, waitwake.c, requeue.c,
// pi.c). Deviation: PI futexes hand their lock over in order of arrival and lend no priority, because
// priorities do not change who runs. FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI and futex_waitv are ENOSYS.
#pragma once

#include <list>
#include <map>

#include "mmu/base/ints.h"

namespace kernel {

struct KernelState;
struct Task;
struct Syscall;
using Pid = int;
using mmu::i64;
using mmu::u32;
using mmu::u64;

/// union futex_key: private to an address space, or a place in a file or in shared memory.
struct FutexKey {
    u64 space = 0;     ///< mm id, or an AddressSpace's id with bit 63 set
    u64 position = 0;  ///< address, or offset in bytes
    friend constexpr auto operator<=>(const FutexKey&, const FutexKey&) = default;
};

/// struct futex_q: one who waits.
struct FutexWaiter {
    Pid pid = 0;
    u32 bitset = ~u32{0};
    bool lock = false;  ///< waits for a PI lock (FUTEX_LOCK_PI)
};

struct FutexState {
    std::map<FutexKey, std::list<FutexWaiter>> queues;
    std::map<Pid, FutexKey> waiting;  ///< who is in which queue
};

/// futex(2).
i64 do_futex(Syscall& call);

/// exit_robust_list(): marks the locks that a thread held when it ended, and wakes one waiter of each.
void exit_robust_list(KernelState& kernel, Task& task);
/// mm_release(): the word at clear_child_tid has become 0; wakes one who joins the thread.
void futex_wake_exited(KernelState& kernel, Task& task, u64 address);
/// A task that ended is in no queue any more.
void futex_forget(KernelState& kernel, Pid pid);

}  // namespace kernel
