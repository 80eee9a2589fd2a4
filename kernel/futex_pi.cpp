// Purpose: futexes that are locks, and moving waiters of a condition to one (pthread_cond_wait with a PI
// mutex). Linux: kernel/futex/pi.c, kernel/futex/requeue.c. Deviation: locks go by arrival; priorities do not
// change who runs.
#include <linux/futex.h>

#include "kernel/futex_internal.h"
#include "kernel/sched.h"

namespace kernel::futexes {

namespace {

/// The task that holds a lock. Null: ESRCH.
const Task* owner_of(const KernelState& kernel, u32 value) {
    const auto found = kernel.tasks.find(static_cast<Pid>(value & FUTEX_TID_MASK));
    return found == kernel.tasks.end() || found->second.state >= TaskState::kZombie ? nullptr
                                                                                    : &found->second;
}

}  // namespace

/// futex_lock_pi(): the word holds the owner's tid.
i64 lock_pi(Syscall& call, bool only_try) {
    u64& progress = call.task.blocked_call.progress;
    const u32 own = static_cast<u32>(call.task.pid);
    if (!only_try)
        if (const i64 error = start_timeout(call, call.args[3], absolute_clock(call))) return error;
    if (progress == kWoken) return 0;  // futex_unlock_pi() has made it the owner
    const auto key = get_futex_key(call.kernel, call.task, call.args[0], is_private(call), KeyAccess::kWrite);
    if (!key) return -key.error();
    if (progress == kNotQueued) {
        u32 value = 0;
        if (call.get(value, call.args[0])) return -EFAULT;
        const u32 owner = value & FUTEX_TID_MASK;
        if (owner == own) return -EDEADLK;
        if (!owner) {
            const bool waiters = call.kernel.futex.queues.count(*key);
            const u32 fresh = own | (value & FUTEX_OWNER_DIED) | (waiters ? u32{FUTEX_WAITERS} : 0);
            return call.put(fresh, call.args[0]) ? -EFAULT : 0;
        }
        if (only_try) return -EAGAIN;
        if (!owner_of(call.kernel, owner)) return -ESRCH;
        if (call.put(value | FUTEX_WAITERS, call.args[0])) return -EFAULT;
        enqueue(call.kernel, *key, {call.task.pid, ~u32{0}, true});
        progress = kQueued;
    }
    if (call.timed_out()) {
        (void)unqueue(call.kernel, call.task.pid);
        return -ETIMEDOUT;
    }
    const i64 result = call.wait_on({}, kErestartNoIntr);
    if (result != -kCallBlocked) (void)unqueue(call.kernel, call.task.pid);
    return result;
}

i64 unlock_pi(Syscall& call) {
    const auto key = get_futex_key(call.kernel, call.task, call.args[0], is_private(call), KeyAccess::kWrite);
    u32 value = 0;
    if (call.args[0] % sizeof value) return -EINVAL;
    if (call.get(value, call.args[0])) return -EFAULT;
    if ((value & FUTEX_TID_MASK) != static_cast<u32>(call.task.pid)) return -EPERM;
    if (!key) return -key.error();
    const auto queue = call.kernel.futex.queues.find(*key);
    if (queue == call.kernel.futex.queues.end()) return call.put(u32{0}, call.args[0]) ? -EFAULT : 0;
    if (!queue->second.front().lock) return -EINVAL;
    const FutexWaiter waiter = queue->second.front();
    const Pid next = waiter.pid;
    const u32 fresh = static_cast<u32>(next) | (queue->second.size() > 1 ? u32{FUTEX_WAITERS} : 0);
    if (call.put(fresh, call.args[0])) return -EFAULT;
    (void)unqueue(call.kernel, next);
    wake_waiter(call.kernel, waiter);
    return 0;
}

i64 wait_requeue_pi(Syscall& call) {
    KernelState& kernel = call.kernel;
    u64& progress = call.task.blocked_call.progress;
    if (call.args[0] == call.args[4]) return -EINVAL;
    if (const i64 error = start_timeout(call, call.args[3], absolute_clock(call))) return error;
    if (progress == kNotQueued) {
        const auto lock = get_futex_key(kernel, call.task, call.args[4], is_private(call), KeyAccess::kWrite);
        if (!lock) return -lock.error();
        const auto key = get_futex_key(kernel, call.task, call.args[0], is_private(call), KeyAccess::kRead);
        if (!key) return -key.error();
        u32 value = 0;
        if (call.get(value, call.args[0])) return -EFAULT;
        if (value != static_cast<u32>(call.args[2])) return -EWOULDBLOCK;
        if (*key == *lock) return -EINVAL;
        FutexWaiter waiter{call.task.pid};
        waiter.requeue_pi = *lock;
        enqueue(kernel, *key, waiter);
        progress = kQueued;
    }
    if (progress == kWoken) return 0;  // it has the lock
    const auto place = kernel.futex.waiting.find(call.task.pid);
    const bool moved = place != kernel.futex.waiting.end() && [&] {
        for (const FutexWaiter& waiter : kernel.futex.queues.at(place->second))
            if (waiter.pid == call.task.pid) return waiter.lock;
        return false;
    }();
    if (call.timed_out()) {
        (void)unqueue(kernel, call.task.pid);
        return -ETIMEDOUT;
    }
    const i64 result = call.wait_on({}, moved ? EWOULDBLOCK : kErestartNoIntr);
    if (result != -kCallBlocked) (void)unqueue(kernel, call.task.pid);
    return result;
}

namespace {

/// The waiters at the head of a condition's queue that are to have the lock. EINVAL: one of them waits for
/// another.
bool may_move(const FutexWaiter& waiter, const FutexKey& lock) {
    return waiter.requeue_pi && !waiter.lock && *waiter.requeue_pi == lock;
}

FutexWaiter take_first(KernelState& kernel, const FutexKey& key) {
    const FutexWaiter waiter = kernel.futex.queues.at(key).front();
    (void)unqueue(kernel, waiter.pid);
    return waiter;
}

}  // namespace

i64 cmp_requeue_pi(Syscall& call) {
    KernelState& kernel = call.kernel;
    const int to_wake = call.integer(2), to_move = call.integer(3);
    if (to_wake < 0 || to_move < 0) return -EINVAL;
    if (call.args[0] == call.args[4] || to_wake != 1) return -EINVAL;
    const auto from = get_futex_key(kernel, call.task, call.args[0], is_private(call), KeyAccess::kRead);
    if (!from) return -from.error();
    const auto lock = get_futex_key(kernel, call.task, call.args[4], is_private(call), KeyAccess::kWrite);
    if (!lock) return -lock.error();
    if (*from == *lock) return -EINVAL;
    u32 value = 0;
    if (call.get(value, call.args[0])) return -EFAULT;
    if (value != static_cast<u32>(call.args[5])) return -EAGAIN;
    const auto waiting = [&] { return kernel.futex.queues.find(*from); };
    if (waiting() == kernel.futex.queues.end()) return 0;
    if (!may_move(waiting()->second.front(), *lock)) return -EINVAL;

    // futex_proxy_trylock_atomic(): the first one gets a lock that is free.
    u32 word = 0;
    if (call.get(word, call.args[4])) return -EFAULT;
    i64 done = 0;
    if (!(word & FUTEX_TID_MASK)) {
        const FutexWaiter first = take_first(kernel, *from);
        const bool waiters = to_move || kernel.futex.queues.count(*lock);
        const u32 fresh =
            static_cast<u32>(first.pid) | (word & FUTEX_OWNER_DIED) | (waiters ? u32{FUTEX_WAITERS} : 0);
        if (call.put(fresh, call.args[4])) return -EFAULT;
        wake_waiter(kernel, first);
        done = 1;
    } else {
        if (static_cast<Pid>(word & FUTEX_TID_MASK) == waiting()->second.front().pid) return -EDEADLK;
        if (!owner_of(kernel, word)) return -ESRCH;
        if (call.put(word | FUTEX_WAITERS, call.args[4])) return -EFAULT;
    }
    while (waiting() != kernel.futex.queues.end() && done - to_wake < to_move) {
        if (!may_move(waiting()->second.front(), *lock)) return -EINVAL;
        FutexWaiter waiter = take_first(kernel, *from);
        waiter.lock = true;
        waiter.requeue_pi.reset();
        enqueue(kernel, *lock, waiter);
        ++done;
    }
    return done;
}

}  // namespace kernel::futexes
