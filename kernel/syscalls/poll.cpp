// poll and select. Time-outs are in virtual time; where a descriptor is the host's, they wait for real,
// because input comes from outside. Linux: fs/select.c.
#include <poll.h>
#include <sys/select.h>

#include "kernel/fs/file_io.h"
#include "kernel/fs/files.h"
#include "kernel/signal.h"
#include "kernel/syscalls/functions.h"
#include "kernel/time_values.h"
#include "kernel/wait.h"

namespace kernel::calls {

namespace {

/// One look at guest descriptors, whose entries get their revents; when nothing is ready the task waits.
/// The number of ready ones, or what block() says.
i64 wait_for_files(Syscall& call, std::vector<pollfd>& entries, u64 timeout_ns) {
    WaitFor wait;
    i64 ready = 0;
    for (pollfd& entry : entries) {
        entry.revents = 0;
        if (entry.fd < 0) continue;
        const OpenFile* file = file_of(call.kernel, call.task, entry.fd);
        entry.revents = file ? poll_file(call.kernel, call.task, *file, entry.events) : short{POLLNVAL};
        ready += entry.revents != 0;
        if (!ready) wait_on_file(call.kernel, call.task, *file, entry.events, wait);
    }
    const u64 now = call.kernel.clock.now_ns();
    u64& deadline = call.task.blocked_call.deadline_ns;
    if (!deadline) deadline = timeout_ns < kNever - now ? std::max<u64>(now + timeout_ns, 1) : kNever;
    if (ready || deadline <= now) return ready;
    wait.deadline_ns = deadline;
    return block(call.kernel, call.task, wait);
}

/// poll_select_finish(): what is left of the time-out goes back to the guest.
template <class T>
void put_time_left(Syscall& call, u64 address, u64 timeout_ns, u64 unit_ns) {
    if (!address || timeout_ns == kNever || !timeout_ns) return;
    const u64 now = call.kernel.clock.now_ns(), deadline = call.task.blocked_call.deadline_ns;
    const u64 left = deadline > now ? deadline - now : 0;
    T value{};
    const u64 words[2] = {left / 1'000'000'000, left % 1'000'000'000 / unit_ns};
    static_assert(sizeof value == sizeof words);
    __builtin_memcpy(&value, words, sizeof value);
    (void)call.put(value, address);
}

i64 do_poll(Syscall& call, u64 timeout_ns) {
    const u64 count = call.args[1] & 0xffffffff;
    if (count > call.mm().rlimit(kRlimitNofile)) return -EINVAL;
    std::vector<pollfd> entries(count);
    if (!access_ok(call.mm(), call.args[0], count * sizeof(pollfd))) return -EFAULT;
    if (copy_from_user(call.system(), call.mm(), entries.data(), call.args[0], count * sizeof(pollfd)))
        return -EFAULT;
    const i64 ready = wait_for_files(call, entries, timeout_ns);
    if (ready < 0) return ready;
    for (u64 i = 0; i < count; ++i)
        if (call.put(entries[i].revents, call.args[0] + i * sizeof(pollfd) + offsetof(pollfd, revents)))
            return -EFAULT;
    return ready;
}

/// The time-out of ppoll and pselect6; null: none. -EFAULT, -EINVAL.
i64 get_timeout(Syscall& call, u64 address, u64& ns) {
    ns = kNever;
    if (!address) return 0;
    timespec t;
    if (call.get(t, address)) return -EFAULT;
    if (!valid(t)) return -EINVAL;
    ns = ns_of(t);
    return 0;
}

/// set_user_sigmask(): in force during the call.
i64 use_mask(Syscall& call, u64 address, u64 size) {
    if (!address) return 0;
    if (size != sizeof(u64)) return -EINVAL;
    u64 mask = 0;
    if (call.get(mask, address)) return -EFAULT;
    if (call.task.signals.saved_mask) return 0;  // made again after a wait
    call.task.signals.saved_mask = call.task.signals.blocked;
    set_blocked(call.task, mask);
    return 0;
}

/// A call that was not interrupted has its mask back before signals are looked at.
i64 with_mask_restored(Syscall& call, i64 result) {
    SignalState& signals = call.task.signals;
    if (result == -kErestartSys) return -kErestartNoHand;
    if (result != -kCallBlocked && signals.saved_mask) {
        set_blocked(call.task, *signals.saved_mask);
        signals.saved_mask.reset();
    }
    return result;
}

constexpr short kReadEvents = POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR;
constexpr short kWriteEvents = POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR;
constexpr short kExceptEvents = POLLPRI;

/// core_sys_select(): three bit sets of `count` descriptors each.
i64 do_select(Syscall& call, u64 timeout_ns) {
    const int wanted = call.integer(0);
    if (wanted < 0) return -EINVAL;
    const int count = std::min(wanted, std::max(call.files().size(), 64));
    const usize words = (static_cast<usize>(count) + 63) / 64;
    std::vector<u64> sets[3];
    for (unsigned s = 0; s < 3; ++s) {
        sets[s].resize(words);
        const u64 address = call.args[1 + s];
        if (address && copy_from_user(call.system(), call.mm(), sets[s].data(), address, words * 8))
            return -EFAULT;
    }
    const auto has = [&](unsigned s, int fd) {
        return sets[s][static_cast<usize>(fd) / 64] >> (fd % 64) & 1;
    };
    std::vector<pollfd> entries;
    for (int fd = 0; fd < count; ++fd) {
        const short events = static_cast<short>((has(0, fd) ? POLLIN : 0) | (has(1, fd) ? POLLOUT : 0) |
                                                (has(2, fd) ? POLLPRI : 0));
        if (!events) continue;
        if (!file_of(call.kernel, call.task, fd)) return -EBADF;
        entries.push_back({fd, events, 0});
    }
    const i64 ready = wait_for_files(call, entries, timeout_ns);
    if (ready < 0) return ready;
    std::vector<u64> results[3] = {std::vector<u64>(words), std::vector<u64>(words), std::vector<u64>(words)};
    constexpr short kMasks[3] = {kReadEvents, kWriteEvents, kExceptEvents};
    i64 bits = 0;
    for (const pollfd& entry : entries) {
        for (unsigned s = 0; s < 3; ++s) {
            if (!has(s, entry.fd) || !(entry.revents & kMasks[s])) continue;
            results[s][static_cast<usize>(entry.fd) / 64] |= u64{1} << (entry.fd % 64);
            bits++;
        }
    }
    for (unsigned s = 0; s < 3; ++s) {
        const u64 address = call.args[1 + s];
        if (address && copy_to_user(call.system(), call.mm(), address, results[s].data(), words * 8))
            return -EFAULT;
    }
    return bits;
}

}  // namespace

i64 poll(Syscall& call) {
    const int ms = call.integer(2);
    const i64 result = do_poll(call, ms < 0 ? kNever : static_cast<u64>(ms) * 1'000'000);
    return result == -kErestartSys ? -kErestartNoHand : result;  // Deviation: its time-out starts again
}

i64 ppoll(Syscall& call) {
    u64 timeout = 0;
    if (const i64 error = get_timeout(call, call.args[2], timeout)) return error;
    if (const i64 error = use_mask(call, call.args[3], call.args[4])) return error;
    const i64 result = do_poll(call, timeout);
    if (result != -kCallBlocked) put_time_left<timespec>(call, call.args[2], timeout, 1);
    return with_mask_restored(call, result);
}

i64 select(Syscall& call) {
    u64 timeout = kNever;
    if (call.args[4]) {
        timeval t;
        if (call.get(t, call.args[4])) return -EFAULT;
        if (t.tv_sec < 0 || t.tv_usec < 0) return -EINVAL;
        timeout = ns_of({t.tv_sec, 0}) + std::min<u64>(static_cast<u64>(t.tv_usec), u64{1} << 40) * 1000;
    }
    const i64 result = do_select(call, timeout);
    if (result != -kCallBlocked) put_time_left<timeval>(call, call.args[4], timeout, 1000);
    return result == -kErestartSys ? -kErestartNoHand : result;
}

i64 pselect6(Syscall& call) {
    struct {
        u64 mask, size;
    } packed{};
    if (call.args[5] && call.get(packed, call.args[5])) return -EFAULT;
    u64 timeout = 0;
    if (const i64 error = get_timeout(call, call.args[4], timeout)) return error;
    if (const i64 error = use_mask(call, packed.mask, packed.size)) return error;
    const i64 result = do_select(call, timeout);
    if (result != -kCallBlocked) put_time_left<timespec>(call, call.args[4], timeout, 1);
    return with_mask_restored(call, result);
}

}  // namespace kernel::calls
