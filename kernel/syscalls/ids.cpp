// User and group ids, and changing them. Deviation: the guest is the user who runs it and stays so; a call
// that asks for the ids it has succeeds, any other is EPERM. Linux: kernel/sys.c.
#include <unistd.h>

#include "kernel/host/host.h"
#include "kernel/syscalls/functions.h"

namespace kernel::calls {

namespace {

/// Each of the first `count` arguments is -1 or the id that the guest has.
i64 keep(const Syscall& call, unsigned count, u32 id) {
    for (unsigned i = 0; i < count; ++i) {
        const u32 wanted = static_cast<u32>(call.args[i]);
        if (wanted != ~0u && wanted != id) return -EPERM;
    }
    return 0;
}

}  // namespace

i64 getuid(Syscall&) {
    return host::getuid();
}
i64 geteuid(Syscall&) {
    return host::geteuid();
}
i64 getgid(Syscall&) {
    return host::getgid();
}
i64 getegid(Syscall&) {
    return host::getegid();
}

i64 getresuid(Syscall& call) {
    const u32 ids[] = {host::getuid(), host::geteuid(), host::geteuid()};
    for (unsigned i = 0; i < 3; ++i)
        if (call.put(ids[i], call.args[i])) return -EFAULT;
    return 0;
}

i64 getresgid(Syscall& call) {
    const u32 ids[] = {host::getgid(), host::getegid(), host::getegid()};
    for (unsigned i = 0; i < 3; ++i)
        if (call.put(ids[i], call.args[i])) return -EFAULT;
    return 0;
}

i64 getgroups(Syscall& call) {
    const int size = call.integer(0);
    if (size < 0) return -EINVAL;
    const int count = host::getgroups(0, nullptr);
    if (count < 0) return -errno;
    if (size == 0) return count;
    if (size < count) return -EINVAL;
    std::vector<gid_t> groups(static_cast<usize>(count));
    if (count && host::getgroups(count, groups.data()) != count) return -EINVAL;
    const usize bytes = groups.size() * sizeof(gid_t);
    return copy_to_user(call.system(), call.mm(), call.args[1], groups.data(), bytes) ? -EFAULT : count;
}

i64 setuid(Syscall& call) {
    return static_cast<u32>(call.args[0]) == ~0u ? -EINVAL : keep(call, 1, host::geteuid());
}
i64 setgid(Syscall& call) {
    return static_cast<u32>(call.args[0]) == ~0u ? -EINVAL : keep(call, 1, host::getegid());
}
i64 setreuid(Syscall& call) {
    return keep(call, 2, host::geteuid());
}
i64 setregid(Syscall& call) {
    return keep(call, 2, host::getegid());
}
i64 setresuid(Syscall& call) {
    return keep(call, 3, host::geteuid());
}
i64 setresgid(Syscall& call) {
    return keep(call, 3, host::getegid());
}
i64 setfsuid(Syscall&) {
    return static_cast<i64>(host::geteuid());  // it tells the old one, whatever came of it
}
i64 setfsgid(Syscall&) {
    return static_cast<i64>(host::getegid());
}
i64 setgroups(Syscall&) {
    return -EPERM;
}

}  // namespace kernel::calls
