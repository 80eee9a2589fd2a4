// Calls of what this system does not have, answered as a Linux without it answers: no networks (CONFIG_NET=n
// has no sockets to give) and a file system without extended attributes. Programs ask and go on; so there is
// no log line.
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

i64 socket(Syscall&) {
    return -EAFNOSUPPORT;
}
i64 socketpair(Syscall&) {
    return -EAFNOSUPPORT;
}
i64 connect(Syscall& call) {
    return of_file(call, -ENOTSOCK);
}
i64 getsockname(Syscall& call) {
    return of_file(call, -ENOTSOCK);
}
i64 getpeername(Syscall& call) {
    return of_file(call, -ENOTSOCK);
}
i64 getsockopt(Syscall& call) {
    return of_file(call, -ENOTSOCK);
}
i64 setsockopt(Syscall& call) {
    return of_file(call, -ENOTSOCK);
}
i64 shutdown(Syscall& call) {
    return of_file(call, -ENOTSOCK);
}

}  // namespace kernel::calls
