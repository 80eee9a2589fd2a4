// Capabilities, and the calls that take one. No guest process has any, whoever its user is: so these end in
// EPERM, after the checks that Linux makes before it looks. Linux: kernel/capability.c,
// security/commoncap.c cap_capset(), fs/namespace.c, kernel/time/time.c, arch/x86/kernel/ioport.c.
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/swap.h>
#include <sys/time.h>
#include <sys/timex.h>

#include <ctime>

#include "kernel/fs/files.h"
#include "kernel/syscalls/functions.h"
#include "kernel/time_values.h"

namespace kernel::calls {

namespace {

/// cap_validate_magic(): how many __user_cap_data_struct the version has, or the error. An unknown one is
/// answered with the one to use.
mmu::Expected<u32, int> cap_validate_magic(const Syscall& call, u64 header) {
    u32 version;
    if (call.get(version, header)) return mmu::Unexpected{-EFAULT};
    if (version == _LINUX_CAPABILITY_VERSION_1) return u32{_LINUX_CAPABILITY_U32S_1};
    if (version == _LINUX_CAPABILITY_VERSION_2 || version == _LINUX_CAPABILITY_VERSION_3)
        return u32{_LINUX_CAPABILITY_U32S_3};
    const u32 preferred = _LINUX_CAPABILITY_VERSION_3;
    return mmu::Unexpected{call.put(preferred, header) ? -EFAULT : -EINVAL};
}

struct CapabilitySets {
    __user_cap_data_struct word[_LINUX_CAPABILITY_U32S_3];
};

int pid_of_header(const Syscall& call, u64 header, int& pid) {
    return call.get(pid, header + offsetof(__user_cap_header_struct, pid));
}

bool settable(const timespec& time) {  // timespec64_valid_settod()
    constexpr i64 kLatest = ~u64{0} / 2 / kNsPerSecond - i64{30} * 365 * 24 * 3600;
    return time.tv_sec >= 0 && time.tv_sec < kLatest && static_cast<u64>(time.tv_nsec) < kNsPerSecond;
}

/// The clock is in nobody's hands: not disciplined, at its nominal frequency.
i64 read_timex(const Syscall& call, u64 address) {
    timex answer{};
    if (call.get(answer, address)) return -EFAULT;
    if (answer.modes) return -EPERM;
    answer = {};
    answer.maxerror = answer.esterror = 16'000'000;
    answer.status = STA_UNSYNC;
    answer.constant = 2;
    answer.precision = 1;
    answer.tolerance = 32'768'000;
    answer.tick = 10'000;
    answer.time = timeval_of(realtime_ns(call.kernel));
    return call.put(answer, address) ? -EFAULT : i64{TIME_ERROR};
}

}  // namespace

i64 capget(Syscall& call) {
    const auto [header, data, a2, a3, a4, a5] = call.args;
    const auto words = cap_validate_magic(call, header);
    if (!words) return !data && words.error() == -EINVAL ? 0 : words.error();
    if (!data) return 0;
    int pid;
    if (pid_of_header(call, header, pid)) return -EFAULT;
    if (pid < 0) return -EINVAL;
    if (pid && !call.kernel.find_task(pid)) return -ESRCH;
    const CapabilitySets none{};
    return copy_to_user(call.system(), call.mm(), data, &none, *words * sizeof none.word[0]) ? -EFAULT : 0;
}

i64 capset(Syscall& call) {
    const auto [header, data, a2, a3, a4, a5] = call.args;
    const auto words = cap_validate_magic(call, header);
    if (!words) return words.error();
    int pid;
    if (pid_of_header(call, header, pid)) return -EFAULT;
    if (pid && pid != call.task.pid) return -EPERM;
    CapabilitySets wanted{};
    if (copy_from_user(call.system(), call.mm(), &wanted, data, *words * sizeof wanted.word[0]))
        return -EFAULT;
    for (u32 n = 0; n < *words; ++n) {
        const auto& word = wanted.word[n];
        const u32 known = n ? (u32{1} << (CAP_LAST_CAP - 31)) - 1 : ~u32{0};  // CAP_VALID_MASK
        if ((word.effective | word.permitted | word.inheritable) & known) return -EPERM;
    }
    return 0;
}

i64 not_permitted(Syscall&) {
    return -EPERM;
}

i64 chroot(Syscall& call) {
    const auto path = call.path(0);
    if (!path) return -path.error();
    const auto node = lookup_path(call.kernel, call.task, AT_FDCWD, *path, Follow::kYes);
    if (!node) return -node.error();
    return node->is_directory() ? -EPERM : -ENOTDIR;
}

i64 mount(Syscall& call) {
    const auto [device, folder, type, flags, data, a5] = call.args;
    constexpr u64 kNoUser = u64{1} << 31;  // SB_NOUSER
    for (const unsigned text : {2u, 0u})
        if (call.args[text])
            if (const auto copied = call.path(text); !copied) return -copied.error();
    if (u8 byte; data && call.get(byte, data)) return -EFAULT;
    const auto path = call.path(1);
    if (!path) return -path.error();
    const auto node = lookup_path(call.kernel, call.task, AT_FDCWD, *path, Follow::kYes);
    if (!node) return -node.error();
    return flags & kNoUser ? -EINVAL : -EPERM;
}

i64 umount2(Syscall& call) {
    const int flags = call.integer(1);
    if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) return -EINVAL;
    const auto path = call.path(0);
    if (!path) return -path.error();
    const auto node = lookup_path(call.kernel, call.task, AT_FDCWD, *path,
                                  flags & UMOUNT_NOFOLLOW ? Follow::kNo : Follow::kYes);
    return node ? -EPERM : -node.error();
}

i64 swapon(Syscall& call) {
    constexpr int kKnown = SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK | SWAP_FLAG_DISCARD | 0x60000;
    return call.integer(1) & ~kKnown ? -EINVAL : -EPERM;
}

i64 iopl(Syscall& call) {
    const u32 level = static_cast<u32>(call.args[0]);
    if (level > 3) return -EINVAL;
    return level ? -EPERM : 0;
}

i64 ioperm(Syscall& call) {
    constexpr u64 kPorts = 65536;
    const auto [from, count, on, a3, a4, a5] = call.args;
    if (from + count <= from || from + count > kPorts) return -EINVAL;
    return call.integer(2) ? -EPERM : 0;
}

i64 settimeofday(Syscall& call) {
    timespec time{};
    if (call.args[0]) {
        timeval wanted;
        if (call.get(wanted, call.args[0])) return -EFAULT;
        if (wanted.tv_usec > 1'000'000 || wanted.tv_usec < 0) return -EINVAL;
        time = {wanted.tv_sec, wanted.tv_usec * 1000};
    }
    if (struct timezone zone; call.args[1] && call.get(zone, call.args[1])) return -EFAULT;
    return call.args[0] && !settable(time) ? -EINVAL : -EPERM;
}

i64 clock_settime(Syscall& call) {
    timespec time;
    if (call.integer(0) != CLOCK_REALTIME) return -EINVAL;  // others are read alone
    if (call.get(time, call.args[1])) return -EFAULT;
    return settable(time) ? -EPERM : -EINVAL;
}

i64 adjtimex(Syscall& call) {
    return read_timex(call, call.args[0]);
}

i64 clock_adjtime(Syscall& call) {
    const int clock = call.integer(0);
    if (clock == CLOCK_REALTIME) return read_timex(call, call.args[1]);
    constexpr int kKindMask = 7, kOfDescriptor = 3;  // CLOCKFD_MASK, CLOCKFD
    const bool of_descriptor = clock < 0 && (clock & kKindMask) == kOfDescriptor;
    timex unused{};
    if (call.get(unused, call.args[1])) return -EFAULT;
    return clock <= CLOCK_TAI && !of_descriptor ? -EOPNOTSUPP : -EINVAL;
}

}  // namespace kernel::calls
