// Calls of what this system does not have, answered as a Linux without it answers: a file system without
// extended attributes and without handles. Programs ask and go on; so there is no log line.
#include <fcntl.h>
#include <sys/xattr.h>

#include "kernel/fs/files.h"
#include "kernel/syscalls/functions.h"

namespace kernel::calls {

namespace {

/// The errors of the look-up come first.
i64 of_path(Syscall& call, Follow follow, i64 answer) {
    const auto path = call.path(0);
    if (!path) return -path.error();
    const auto node = lookup_path(call.kernel, call.task, AT_FDCWD, *path, follow);
    return node ? answer : -node.error();
}

i64 of_file(Syscall& call, i64 answer) {
    return file_of(call.kernel, call.task, call.integer(0)) ? answer : -EBADF;
}

}  // namespace

i64 getxattr(Syscall& call) {
    return of_path(call, Follow::kYes, -EOPNOTSUPP);
}
i64 lgetxattr(Syscall& call) {
    return of_path(call, Follow::kNo, -EOPNOTSUPP);
}
i64 fgetxattr(Syscall& call) {
    return of_file(call, -EOPNOTSUPP);
}
i64 listxattr(Syscall& call) {
    return of_path(call, Follow::kYes, 0);
}
i64 llistxattr(Syscall& call) {
    return of_path(call, Follow::kNo, 0);
}
i64 flistxattr(Syscall& call) {
    return of_file(call, 0);
}
i64 setxattr(Syscall& call) {
    return of_path(call, Follow::kYes, -EOPNOTSUPP);
}
i64 lsetxattr(Syscall& call) {
    return of_path(call, Follow::kNo, -EOPNOTSUPP);
}
i64 fsetxattr(Syscall& call) {
    return of_file(call, -EOPNOTSUPP);
}

i64 removexattr(Syscall& call) {
    return of_path(call, Follow::kYes, -EOPNOTSUPP);
}
i64 lremovexattr(Syscall& call) {
    return of_path(call, Follow::kNo, -EOPNOTSUPP);
}
i64 fremovexattr(Syscall& call) {
    return of_file(call, -EOPNOTSUPP);
}

// CONFIG_NUMA=n: mbind, get_mempolicy, move_pages and their kin; libnuma takes it for a machine of one node.
i64 numa_policy(Syscall&) {
    return -ENOSYS;
}

/// secretmem.enable=0
i64 memfd_secret(Syscall&) {
    return -ENOSYS;
}

/// As on a file system without export operations.
i64 name_to_handle_at(Syscall& call) {
    constexpr int kKnown = AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | 0x200 | 1;  // AT_HANDLE_FID, _MNT_ID_UNIQUE
    const int flags = call.integer(4);
    if (flags & ~kKnown) return -EINVAL;
    const auto path = call.path(1);
    if (!path) return -path.error();
    if (path->empty() && (flags & AT_EMPTY_PATH))
        return file_of(call.kernel, call.task, call.integer(0), FileUse::kAnyFile) ? -EOPNOTSUPP : -EBADF;
    const auto node = lookup_path(call.kernel, call.task, call.integer(0), *path,
                                  flags & AT_SYMLINK_FOLLOW ? Follow::kYes : Follow::kNo);
    return node ? -EOPNOTSUPP : -node.error();
}

/// What a handle names lies where no path policy looks: nobody has CAP_DAC_READ_SEARCH.
i64 open_by_handle_at(Syscall&) {
    return -EPERM;
}

}  // namespace kernel::calls
