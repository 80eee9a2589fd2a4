// Purpose: futexes. See futex.h.
#include "kernel/futex.h"

#include <linux/futex.h>
#include <time.h>

#include "kernel/futex_internal.h"
#include "kernel/page_table.h"
#include "kernel/sched.h"
#include "kernel/time_values.h"

namespace kernel {

using namespace futexes;

using mmu::Expected;
using mmu::Unexpected;

namespace futexes {

Expected<FutexKey, int> get_futex_key(KernelState& kernel, Task& task, u64 address, bool is_private,
                                      KeyAccess access) {
    if (address % sizeof(u32)) return Unexpected{EINVAL};
    MmStruct& mm = kernel.mm_of(task);
    if (!access_ok(mm, address, sizeof(u32))) return Unexpected{EFAULT};
    const FutexKey own{task.mm, address};
    if (is_private) return own;
    // get_user_pages_fast(): the page must be there.
    u32 value = 0;
    if (get_user(kernel.system, mm, value, address)) return Unexpected{EFAULT};
    const VmAreaStruct* vma = mm.mm_mt.vma_lookup(address);
    if (!vma) return Unexpected{EFAULT};
    if (access == KeyAccess::kWrite && !(vma->vm_flags & VM_WRITE)) return Unexpected{EFAULT};
    if (!vma->vm_file || !(vma->vm_flags & VM_MAYSHARE)) return own;
    const AddressSpaceId space = kernel.system.page_cache.file(vma->vm_file).mapping;
    return FutexKey{u64{1} << 63 | space,
                    (vma->index_of(address) << mmu::kPageShift) + (address & mmu::kPageOffsetMask)};
}

void enqueue(KernelState& kernel, const FutexKey& key, const FutexWaiter& waiter) {
    kernel.futex.queues[key].push_back(waiter);
    kernel.futex.waiting.emplace(waiter.pid, key);
}

bool unqueue(KernelState& kernel, Pid pid) {
    auto [from, to] = kernel.futex.waiting.equal_range(pid);
    if (from == to) return false;
    for (auto it = from; it != to; ++it) {
        auto queue = kernel.futex.queues.find(it->second);
        if (queue == kernel.futex.queues.end()) continue;
        queue->second.remove_if([&](const FutexWaiter& waiter) { return waiter.pid == pid; });
        if (queue->second.empty()) kernel.futex.queues.erase(queue);
    }
    kernel.futex.waiting.erase(from, to);
    return true;
}

void wake_waiter(KernelState& kernel, const FutexWaiter& waiter) {
    if (waiter.index < 0)
        kernel.futex.waiting.erase(waiter.pid);
    else
        (void)unqueue(kernel, waiter.pid);
    Task& task = kernel.tasks.at(waiter.pid);
    task.blocked_call.progress = kWoken | static_cast<u64>(std::max(waiter.index, 0)) << kIndexShift;
    wake_task(kernel, task);
}

i64 wake(KernelState& kernel, const FutexKey& key, int count, u32 bitset) {
    std::vector<FutexWaiter> chosen;
    const auto queue = kernel.futex.queues.find(key);
    if (queue == kernel.futex.queues.end()) return 0;
    i64 error = 0;
    for (auto it = queue->second.begin();
         it != queue->second.end() && static_cast<int>(chosen.size()) < std::max(count, 1);) {
        if (it->lock || it->requeue_pi) {
            error = -EINVAL;
            break;
        }
        if (!(it->bitset & bitset)) {
            ++it;
            continue;
        }
        chosen.push_back(*it);
        it = queue->second.erase(it);
    }
    if (queue->second.empty()) kernel.futex.queues.erase(queue);
    for (const FutexWaiter& waiter : chosen) wake_waiter(kernel, waiter);
    return error ? error : static_cast<i64>(chosen.size());
}

TimeoutKind absolute_clock(const Syscall& call) {
    const bool realtime =
        (call.integer(1) & FUTEX_CLOCK_REALTIME) || (call.integer(1) & FUTEX_CMD_MASK) == FUTEX_LOCK_PI;
    return realtime ? TimeoutKind::kRealtime : TimeoutKind::kMonotonic;
}

i64 start_timeout(Syscall& call, u64 address, TimeoutKind kind) {
    if (!address || call.task.blocked_call.deadline_ns) return 0;
    timespec timeout{};
    if (call.get(timeout, address)) return -EFAULT;
    if (!valid(timeout)) return -EINVAL;
    u64 ns = ns_of(timeout);
    if (kind != TimeoutKind::kRelative) {
        const u64 zero = kind == TimeoutKind::kRealtime ? realtime_base_ns(call.kernel) : 0;
        const u64 now = call.kernel.clock.now_ns() + zero;
        ns = ns > now ? ns - now : 0;
    }
    call.start_timeout(ns);
    return 0;
}

i64 requeue(KernelState& kernel, const FutexKey& from, const FutexKey& to, int to_wake, int to_move) {
    i64 done = to_wake ? wake(kernel, from, to_wake, ~u32{0}) : 0;
    if (done < 0 || from == to) return done;
    auto queue = kernel.futex.queues.find(from);
    for (int moved = 0; moved < to_move && queue != kernel.futex.queues.end(); ++moved) {
        const FutexWaiter waiter = queue->second.front();
        if (waiter.lock || waiter.requeue_pi) return -EINVAL;
        queue->second.pop_front();
        if (queue->second.empty()) kernel.futex.queues.erase(queue);
        auto [first, last] = kernel.futex.waiting.equal_range(waiter.pid);
        for (auto it = first; it != last; ++it)
            if (it->second == from) {
                kernel.futex.waiting.erase(it);
                break;
            }
        enqueue(kernel, to, waiter);
        ++done;
        queue = kernel.futex.queues.find(from);
    }
    return done;
}

}  // namespace futexes

namespace {

/// futex_wait(). The first try compares and queues; the later ones see why they were woken.
i64 futex_wait(Syscall& call, u32 bitset, bool absolute) {
    if (!bitset) return -EINVAL;
    u64& progress = call.task.blocked_call.progress;
    if (const i64 error =
            start_timeout(call, call.args[3], absolute ? absolute_clock(call) : TimeoutKind::kRelative))
        return error;
    if (progress == kNotQueued) {
        const auto key =
            get_futex_key(call.kernel, call.task, call.args[0], is_private(call), KeyAccess::kRead);
        if (!key) return -key.error();
        u32 value = 0;
        if (call.get(value, call.args[0])) return -EFAULT;
        if (value != static_cast<u32>(call.args[2])) return -EWOULDBLOCK;
        enqueue(call.kernel, *key, {call.task.pid, bitset});
        progress = kQueued;
    }
    if (progress == kWoken) return 0;
    if (call.timed_out()) {
        unqueue(call.kernel, call.task.pid);
        return -ETIMEDOUT;
    }
    const i64 result = call.wait_on({}, call.args[3] ? kErestartBlock : kErestartSys);
    if (result != -kCallBlocked) unqueue(call.kernel, call.task.pid);
    return result;
}

i64 futex_wake(Syscall& call, u32 bitset) {
    if (!bitset) return -EINVAL;
    const auto key = get_futex_key(call.kernel, call.task, call.args[0], is_private(call), KeyAccess::kRead);
    return key ? wake(call.kernel, *key, call.integer(2), bitset) : -key.error();
}

/// futex_requeue(): wakes some, and lets others wait at a second place. `compare`: only if the word is still
/// val3.
i64 futex_requeue(Syscall& call, bool compare) {
    const int to_wake = call.integer(2), to_move = call.integer(3);
    if (to_wake < 0 || to_move < 0) return -EINVAL;
    KernelState& kernel = call.kernel;
    const auto from = get_futex_key(kernel, call.task, call.args[0], is_private(call), KeyAccess::kRead);
    if (!from) return -from.error();
    const auto to = get_futex_key(kernel, call.task, call.args[4], is_private(call), KeyAccess::kRead);
    if (!to) return -to.error();
    if (compare) {
        u32 value = 0;
        if (call.get(value, call.args[0])) return -EFAULT;
        if (value != static_cast<u32>(call.args[5])) return -EAGAIN;
    }
    return requeue(kernel, *from, *to, to_wake, to_move);
}

/// futex_atomic_op_inuser(): -errno, or whether the old value compares.
i64 wake_operation(Syscall& call) {
    const u32 encoded = static_cast<u32>(call.args[5]);
    const u32 op = (encoded & 0x70000000) >> 28, comparison = (encoded & 0x0f000000) >> 24;
    int operand = static_cast<int>(encoded << 8) >> 20;
    const int other = static_cast<int>(encoded << 20) >> 20;
    if (encoded & (u32{FUTEX_OP_OPARG_SHIFT} << 28)) operand = static_cast<int>(u32{1} << (operand & 31));
    u32 old = 0;
    if (call.get(old, call.args[4])) return -EFAULT;
    const u32 value = static_cast<u32>(operand);
    u32 fresh = 0;
    switch (op) {
        case FUTEX_OP_SET:
            fresh = value;
            break;
        case FUTEX_OP_ADD:
            fresh = old + value;
            break;
        case FUTEX_OP_OR:
            fresh = old | value;
            break;
        case FUTEX_OP_ANDN:
            fresh = old & ~value;
            break;
        case FUTEX_OP_XOR:
            fresh = old ^ value;
            break;
        default:
            return -ENOSYS;
    }
    if (call.put(fresh, call.args[4])) return -EFAULT;
    const int before = static_cast<int>(old);
    switch (comparison) {
        case FUTEX_OP_CMP_EQ:
            return before == other;
        case FUTEX_OP_CMP_NE:
            return before != other;
        case FUTEX_OP_CMP_LT:
            return before < other;
        case FUTEX_OP_CMP_GE:
            return before >= other;
        case FUTEX_OP_CMP_LE:
            return before <= other;
        case FUTEX_OP_CMP_GT:
            return before > other;
        default:
            return -ENOSYS;
    }
}

i64 futex_wake_op(Syscall& call) {
    KernelState& kernel = call.kernel;
    const auto first = get_futex_key(kernel, call.task, call.args[0], is_private(call), KeyAccess::kRead);
    if (!first) return -first.error();
    const auto second = get_futex_key(kernel, call.task, call.args[4], is_private(call), KeyAccess::kWrite);
    if (!second) return -second.error();
    const i64 compares = wake_operation(call);
    if (compares < 0) return compares;
    i64 woken = wake(kernel, *first, call.integer(2), ~u32{0});
    if (woken >= 0 && compares) {
        const i64 more = wake(kernel, *second, call.integer(3), ~u32{0});
        woken = more < 0 ? more : woken + more;
    }
    return woken;
}

/// handle_futex_death()
bool mark_owner_died(KernelState& kernel, Task& task, u64 address, bool pi) {
    if (address % sizeof(u32)) return false;
    MmStruct& mm = kernel.mm_of(task);
    u32 value = 0;
    if (get_user(kernel.system, mm, value, address)) return false;
    if ((value & FUTEX_TID_MASK) != static_cast<u32>(task.pid)) return true;
    if (put_user(kernel.system, mm, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, address)) return false;
    if (pi || !(value & FUTEX_WAITERS)) return true;
    for (const bool own : {true, false})
        if (const auto key = get_futex_key(kernel, task, address, own, KeyAccess::kRead))
            if (wake(kernel, *key, 1, ~u32{0})) break;
    return true;
}

}  // namespace

i64 do_futex(Syscall& call) {
    const int operation = call.integer(1) & FUTEX_CMD_MASK;
    if (call.integer(1) & FUTEX_CLOCK_REALTIME) {
        if (operation != FUTEX_WAIT_BITSET && operation != FUTEX_WAIT_REQUEUE_PI &&
            operation != FUTEX_LOCK_PI2)
            return -ENOSYS;
    }
    const u32 bitset = static_cast<u32>(call.args[5]);
    switch (operation) {
        case FUTEX_WAIT:
            return futex_wait(call, ~u32{0}, false);
        case FUTEX_WAIT_BITSET:
            return futex_wait(call, bitset, true);
        case FUTEX_WAKE:
            return futex_wake(call, ~u32{0});
        case FUTEX_WAKE_BITSET:
            return futex_wake(call, bitset);
        case FUTEX_REQUEUE:
            return futex_requeue(call, false);
        case FUTEX_CMP_REQUEUE:
            return futex_requeue(call, true);
        case FUTEX_WAKE_OP:
            return futex_wake_op(call);
        case FUTEX_LOCK_PI:
        case FUTEX_LOCK_PI2:
            return lock_pi(call, false);
        case FUTEX_TRYLOCK_PI:
            return lock_pi(call, true);
        case FUTEX_UNLOCK_PI:
            return unlock_pi(call);
        case FUTEX_WAIT_REQUEUE_PI:
            return wait_requeue_pi(call);
        case FUTEX_CMP_REQUEUE_PI:
            return cmp_requeue_pi(call);
        default:
            return -ENOSYS;
    }
}

void exit_robust_list(KernelState& kernel, Task& task) {
    const u64 head = std::exchange(task.robust_list, 0);
    if (!head) return;
    constexpr unsigned kLimit = 2048;  // ROBUST_LIST_LIMIT
    MmStruct& mm = kernel.mm_of(task);
    struct {
        u64 next, offset, pending;
    } list;
    if (get_user(kernel.system, mm, list, head)) return;
    const auto address_of = [&](u64 entry) { return (entry & ~u64{1}) + list.offset; };
    u64 entry = list.next;
    for (unsigned n = 0; n < kLimit && (entry & ~u64{1}) != head; ++n) {
        u64 next = 0;
        const bool more = get_user(kernel.system, mm, next, entry & ~u64{1}) == 0;
        if ((entry & ~u64{1}) != (list.pending & ~u64{1}) &&
            !mark_owner_died(kernel, task, address_of(entry), entry & 1))
            return;
        if (!more) return;
        entry = next;
    }
    if (list.pending & ~u64{1})
        (void)mark_owner_died(kernel, task, address_of(list.pending), list.pending & 1);
}

void futex_wake_exited(KernelState& kernel, Task& task, u64 address) {
    // glibc joins with a shared key, musl with either: both are the address space's own.
    const auto key = get_futex_key(kernel, task, address, false, KeyAccess::kRead);
    if (key) (void)wake(kernel, *key, 1, ~u32{0});
}

void futex_forget(KernelState& kernel, Pid pid) {
    (void)unqueue(kernel, pid);
}

}  // namespace kernel
