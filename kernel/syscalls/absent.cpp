// Calls of what this system does not have, answered as a Linux without it answers: a file system without
// extended attributes, and no inotify. Programs ask and go on; so there is no log line.
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
// CONFIG_INOTIFY_USER=n: programs fall back to looking at the files themselves.
i64 inotify_init(Syscall&) {
    return -ENOSYS;
}
i64 inotify_init1(Syscall&) {
    return -ENOSYS;
}
i64 inotify_add_watch(Syscall&) {
    return -ENOSYS;
}
i64 inotify_rm_watch(Syscall&) {
    return -ENOSYS;
}

}  // namespace kernel::calls
