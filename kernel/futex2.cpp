// Purpose: the calls of "futex2": waiting for several words at once, and each operation as a call of its own.
// Linux: kernel/futex/syscalls.c, kernel/futex/waitwake.c futex_wait_multiple(). Words of 32 bits, as Linux
// has them.
#include <time.h>

#include "kernel/futex_internal.h"
#include "kernel/sched.h"

namespace kernel {

using namespace futexes;
using mmu::Expected;
using mmu::Unexpected;

namespace {

constexpr u32 kSizeMask = 3, kSize32 = 2, kPrivate = 128, kMostWaiters = 128;

bool flags_valid(u32 flags) {
    return !(flags & ~(kSizeMask | kPrivate)) && (flags & kSizeMask) == kSize32;
}
bool value_valid(u64 value) {
    return value <= ~u32{0};
}

/// struct futex_waitv.
struct UserWaiter {
    u64 value, address;
    u32 flags, reserved;
};

/// futex_parse_waitv(). EFAULT, EINVAL.
Expected<std::vector<UserWaiter>, int> parse(Syscall& call, u64 address, u32 count) {
    std::vector<UserWaiter> waiters(count);
    for (u32 i = 0; i < count; ++i) {
        if (call.get(waiters[i], address + i * sizeof(UserWaiter))) return Unexpected{EFAULT};
        if (waiters[i].reserved || !flags_valid(waiters[i].flags) || !value_valid(waiters[i].value))
            return Unexpected{EINVAL};
    }
    return waiters;
}

/// futex2_setup_timeout(): an absolute time on one of two clocks.
i64 setup_timeout(Syscall& call, u64 address, int clock) {
    if (!address) return 0;
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) return -EINVAL;
    return start_timeout(call, address,
                         clock == CLOCK_REALTIME ? TimeoutKind::kRealtime : TimeoutKind::kMonotonic);
}

/// futex_wait_multiple_setup(): queues on all words, unless one has changed.
i64 queue_on_all(Syscall& call, const std::vector<UserWaiter>& waiters) {
    std::vector<FutexKey> keys;
    for (const UserWaiter& waiter : waiters) {
        const auto key =
            get_futex_key(call.kernel, call.task, waiter.address, waiter.flags & kPrivate, KeyAccess::kRead);
        if (!key) return -key.error();
        keys.push_back(*key);
    }
    for (const UserWaiter& waiter : waiters) {
        u32 value = 0;
        if (call.get(value, waiter.address)) return -EFAULT;
        if (value != static_cast<u32>(waiter.value)) return -EWOULDBLOCK;
    }
    for (usize i = 0; i < keys.size(); ++i) {
        FutexWaiter entry{call.task.pid};
        entry.index = static_cast<int>(i);
        enqueue(call.kernel, keys[i], entry);
    }
    return 0;
}

/// Sleeps until one of the words that it is queued on wakes it: its index.
i64 sleep_on_all(Syscall& call) {
    const u64 progress = call.task.blocked_call.progress;
    if ((progress & kProgressMask) == kWoken) return static_cast<i64>(progress >> kIndexShift);
    if (call.timed_out()) {
        (void)unqueue(call.kernel, call.task.pid);
        return -ETIMEDOUT;
    }
    const i64 result = call.wait_on({}, kErestartSys);
    if (result != -kCallBlocked) (void)unqueue(call.kernel, call.task.pid);
    return result;
}

}  // namespace

i64 do_futex_waitv(Syscall& call) {
    const u32 count = static_cast<u32>(call.args[1]);
    u64& progress = call.task.blocked_call.progress;
    if (progress == kNotQueued) {
        if (call.args[2] & 0xffffffff) return -EINVAL;
        if (!count || count > kMostWaiters || !call.args[0]) return -EINVAL;
        if (const i64 error = setup_timeout(call, call.args[3], call.integer(4))) return error;
        const auto waiters = parse(call, call.args[0], count);
        if (!waiters) return -waiters.error();
        if (const i64 error = queue_on_all(call, *waiters)) return error;
        progress = kQueued;
    }
    return sleep_on_all(call);
}

i64 do_futex2_wait(Syscall& call) {
    const auto [address, value, mask, flags, timeout, clock] = call.args;
    u64& progress = call.task.blocked_call.progress;
    if (progress == kNotQueued) {
        if (!flags_valid(static_cast<u32>(flags))) return -EINVAL;
        if (!value_valid(value) || !value_valid(mask)) return -EINVAL;
        if (const i64 error = setup_timeout(call, timeout, call.integer(5))) return error;
        if (!mask) return -EINVAL;
        const auto key = get_futex_key(call.kernel, call.task, address, flags & kPrivate, KeyAccess::kRead);
        if (!key) return -key.error();
        u32 now = 0;
        if (call.get(now, address)) return -EFAULT;
        if (now != static_cast<u32>(value)) return -EWOULDBLOCK;
        enqueue(call.kernel, *key, {call.task.pid, static_cast<u32>(mask)});
        progress = kQueued;
    }
    return sleep_on_all(call);
}

i64 do_futex2_wake(Syscall& call) {
    const auto [address, mask, count, flags, unused4, unused5] = call.args;
    if (!flags_valid(static_cast<u32>(flags)) || !value_valid(mask) || !mask) return -EINVAL;
    const auto key = get_futex_key(call.kernel, call.task, address, flags & kPrivate, KeyAccess::kRead);
    if (!key) return -key.error();
    const int most = static_cast<int>(count);
    return most ? wake(call.kernel, *key, most, static_cast<u32>(mask)) : 0;  // FLAGS_STRICT
}

i64 do_futex2_requeue(Syscall& call) {
    if (call.args[1] & 0xffffffff) return -EINVAL;
    if (!call.args[0]) return -EINVAL;
    const auto words = parse(call, call.args[0], 2);
    if (!words) return -words.error();
    const UserWaiter &first = (*words)[0], &second = (*words)[1];
    const int to_wake = call.integer(2), to_move = call.integer(3);
    if (to_wake < 0 || to_move < 0) return -EINVAL;
    const auto from =
        get_futex_key(call.kernel, call.task, first.address, first.flags & kPrivate, KeyAccess::kRead);
    if (!from) return -from.error();
    const auto to =
        get_futex_key(call.kernel, call.task, second.address, second.flags & kPrivate, KeyAccess::kRead);
    if (!to) return -to.error();
    u32 value = 0;
    if (call.get(value, first.address)) return -EFAULT;
    if (value != static_cast<u32>(first.value)) return -EAGAIN;
    return requeue(call.kernel, *from, *to, to_wake, to_move);
}

}  // namespace kernel
