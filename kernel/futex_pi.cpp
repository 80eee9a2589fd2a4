// Purpose: futexes that are locks, and moving waiters of a condition to one (pthread_cond_wait with a PI
// mutex). Linux: kernel/futex/pi.c, kernel/futex/requeue.c. Locks go by arrival, as among tasks
// that are not of real time (__waiter_prio()); the owner's priority is that of the best who waits, in what
// /proc tells. Deviation: priorities do not change who runs.
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

/// rt_mutex_adjust_prio_chain(): whether `owner`, through the PI locks it and others wait for, waits for
/// `pid`.
bool waits_for(const KernelState& kernel, Pid owner, Pid pid) {
    constexpr int kMaxSteps = 1024;  // max_lock_depth
    for (int step = 0; step < kMaxSteps && owner; ++step) {
        if (owner == pid) return true;
        const auto place = kernel.futex.waiting.find(owner);
        if (place == kernel.futex.waiting.end()) return false;
        Pid next = 0;
        for (const FutexWaiter& waiter : kernel.futex.queues.at(place->second))
            if (waiter.pid == owner && waiter.lock) next = waiter.owner;
        owner = next;
    }
    return false;
}

/// The others wait for the new owner.
void set_owner(KernelState& kernel, const FutexKey& key, Pid owner) {
    const auto queue = kernel.futex.queues.find(key);
    if (queue == kernel.futex.queues.end()) return;
    for (FutexWaiter& waiter : queue->second) waiter.owner = owner;
}

/// fixup_pi_state_owner() of a lock whose owner has ended: the word says whose it is now. 0 or -errno.
i64 take_inherited(Syscall& call, u64 address, const FutexKey& key) {
    call.kernel.futex.inherited.erase(key);
    u32 value = 0;
    if (call.get(value, address)) return -EFAULT;
    const u32 fresh = static_cast<u32>(call.task.pid) | FUTEX_WAITERS | FUTEX_OWNER_DIED;
    return call.put(fresh, address) ? -EFAULT : 0;
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
    if (progress == kInherits) return take_inherited(call, call.args[0], *key);
    if (progress == kNotQueued) {
        u32 value = 0;
        if (call.get(value, call.args[0])) return -EFAULT;
        const auto heir = call.kernel.futex.inherited.find(*key);
        const bool inherited = heir != call.kernel.futex.inherited.end();
        const u32 owner = inherited ? static_cast<u32>(heir->second) : value & FUTEX_TID_MASK;
        if (owner == own) return -EDEADLK;
        if (!owner) {
            const bool waiters = call.kernel.futex.queues.count(*key);
            const u32 fresh = own | (value & FUTEX_OWNER_DIED) | (waiters ? u32{FUTEX_WAITERS} : 0);
            return call.put(fresh, call.args[0]) ? -EFAULT : 0;
        }
        if (!owner_of(call.kernel, owner)) return -ESRCH;
        if (call.put(value | FUTEX_WAITERS, call.args[0])) return -EFAULT;
        if (only_try) return -EAGAIN;
        if (waits_for(call.kernel, static_cast<Pid>(owner), call.task.pid)) return -EDEADLK;
        FutexWaiter waiter{call.task.pid};
        waiter.lock = true;
        waiter.owner = static_cast<Pid>(owner);
        enqueue(call.kernel, *key, waiter);
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
    if (call.get(value, call.args[0])) return -EFAULT;
    if ((value & FUTEX_TID_MASK) != static_cast<u32>(call.task.pid)) return -EPERM;
    if (!key) return -key.error();
    const auto queue = call.kernel.futex.queues.find(*key);
    if (queue == call.kernel.futex.queues.end()) return call.put(u32{0}, call.args[0]) ? -EFAULT : 0;
    if (!queue->second.front().lock) return -EINVAL;
    const FutexWaiter waiter = queue->second.front();
    const Pid next = waiter.pid;
    // wake_futex_pi(): the bit stays, whether or not others wait.
    if (call.put(static_cast<u32>(next) | u32{FUTEX_WAITERS}, call.args[0])) return -EFAULT;
    (void)unqueue(call.kernel, next);
    set_owner(call.kernel, *key, next);
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
    if (progress == kInherits) {
        const auto lock = get_futex_key(kernel, call.task, call.args[4], is_private(call), KeyAccess::kWrite);
        return lock ? take_inherited(call, call.args[4], *lock) : -lock.error();
    }
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
        set_owner(kernel, *lock, first.pid);
        word = fresh;
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
        waiter.owner = static_cast<Pid>(word & FUTEX_TID_MASK);
        waiter.requeue_pi.reset();
        enqueue(kernel, *lock, waiter);
        ++done;
    }
    return done;
}

}  // namespace kernel::futexes

namespace kernel {

void exit_pi_state_list(KernelState& kernel, Task& task) {
    using namespace futexes;
    std::vector<std::pair<FutexKey, FutexWaiter>> heirs;
    for (const auto& [key, queue] : kernel.futex.queues)
        if (queue.front().lock && queue.front().owner == task.pid) heirs.emplace_back(key, queue.front());
    for (const auto& [key, waiter] : heirs) {
        (void)unqueue(kernel, waiter.pid);
        set_owner(kernel, key, waiter.pid);
        kernel.futex.inherited[key] = waiter.pid;
        Task& heir = kernel.tasks.at(waiter.pid);
        heir.blocked_call.progress = kInherits;
        wake_task(kernel, heir);
    }
    // What it was to have itself, and did not live to write.
    std::erase_if(kernel.futex.inherited, [&](const auto& entry) { return entry.second == task.pid; });
}

int proc_priority(const KernelState& kernel, const Task& task) {
    int nice = task.nice;
    for (const auto& [key, queue] : kernel.futex.queues)
        for (const FutexWaiter& waiter : queue)
            if (waiter.lock && waiter.owner == task.pid)
                nice = std::min(nice, kernel.tasks.at(waiter.pid).nice);
    return 20 + nice;
}

}  // namespace kernel
