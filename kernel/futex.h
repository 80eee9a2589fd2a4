// Futexes: tasks that sleep on a word of user memory. Linux: kernel/futex/ (core.c, waitwake.c, requeue.c,
// pi.c). Deviation: PI futexes hand their lock over in order of arrival and lend no priority, because
// priorities do not change who runs.
#pragma once

#include <list>
#include <map>
#include <optional>

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
    bool lock = false;                     ///< waits for a PI lock (FUTEX_LOCK_PI)
    int index = -1;                        ///< of futex_waitv: which of its words
    std::optional<FutexKey> requeue_pi{};  ///< FUTEX_WAIT_REQUEUE_PI: the only lock it may be moved to
    Pid owner = 0;                         ///< of `lock`: who holds it (pi_state->owner)
};

struct FutexState {
    std::map<FutexKey, std::list<FutexWaiter>> queues;
    std::multimap<Pid, FutexKey> waiting;  ///< who is in which queues
    /// PI locks of tasks that have ended, and who has them now but has not written so into the word yet.
    std::map<FutexKey, Pid> inherited;
};

/// A task has ended: the first of those who wait for a PI lock of its has it. Linux: exit_pi_state_list().
void exit_pi_state_list(KernelState& kernel, Task& task);
/// task_prio(), as /proc/PID/stat has it: 20 + nice, or the better one of who waits for a PI lock of its.
int proc_priority(const KernelState& kernel, const Task& task);

/// futex(2).
i64 do_futex(Syscall& call);
/// futex_waitv(2), futex_wait(2), futex_wake(2), futex_requeue(2).
i64 do_futex_waitv(Syscall& call);
i64 do_futex2_wait(Syscall& call);
i64 do_futex2_wake(Syscall& call);
i64 do_futex2_requeue(Syscall& call);

/// exit_robust_list(): marks the locks that a thread held when it ended, and wakes one waiter of each.
void exit_robust_list(KernelState& kernel, Task& task);
/// mm_release(): the word at clear_child_tid has become 0; wakes one who joins the thread.
void futex_wake_exited(KernelState& kernel, Task& task, u64 address);
/// A task that ended is in no queue any more.
void futex_forget(KernelState& kernel, Pid pid);

}  // namespace kernel
