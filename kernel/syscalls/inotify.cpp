// inotify's calls: what is watched, everything else in fs/inotify.h. Linux: fs/notify/inotify/inotify_user.c.
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "kernel/fs/files.h"
#include "kernel/fs/inotify.h"
#include "kernel/host/host.h"
#include "kernel/syscalls/functions.h"

namespace kernel::calls {

namespace {

constexpr usize kMaxInstances = 128;
constexpr u32 kValidMask = IN_ALL_EVENTS | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE |
                           IN_MASK_ADD | IN_ISDIR | IN_ONESHOT | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED;

i64 do_inotify_init(Syscall& call, int flags) {
    if (flags & ~(IN_CLOEXEC | IN_NONBLOCK)) return -EINVAL;
    usize instances = 0;
    for ([[maybe_unused]] const auto& entry : call.kernel.ipc.inotifies) ++instances;
    if (instances >= kMaxInstances) return -EMFILE;
    const u32 id = call.kernel.ipc.inotifies.add({});
    OpenFile file = anon_file(kInotifyOperations, id, O_RDONLY | (flags & O_NONBLOCK));
    return install_file(call.kernel, call.task, std::move(file), flags & IN_CLOEXEC);
}

/// inode_permission(MAY_READ) of what was found.
i64 may_read(const Node& node) {
    if (node.kind != Node::Kind::kHost || S_ISLNK(node.status.st_mode)) return 0;
    return host::faccessat(AT_FDCWD, descriptor_path(node.fd.get()).c_str(), R_OK, AT_EACCESS) == 0 ? 0
                                                                                                    : -errno;
}

}  // namespace

i64 inotify_init(Syscall& call) {
    return do_inotify_init(call, 0);
}
i64 inotify_init1(Syscall& call) {
    return do_inotify_init(call, call.integer(0));
}

i64 inotify_add_watch(Syscall& call) {
    const u32 mask = static_cast<u32>(call.args[2]);
    if (!(mask & kValidMask)) return -EINVAL;
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE)) return -EINVAL;
    if (!is_object(*file, kInotifyOperations)) return -EINVAL;
    const auto path = call.path(1);
    if (!path) return -path.error();
    const auto node = lookup_path(call.kernel, call.task, AT_FDCWD, *path,
                                  mask & IN_DONT_FOLLOW ? Follow::kNo : Follow::kYes);
    if (!node) return -node.error();
    struct ::stat status {};
    if (const int error = stat_node(call.kernel, call.task, *node, status)) return error;
    if ((mask & IN_ONLYDIR) && !S_ISDIR(status.st_mode)) return -ENOTDIR;
    if (const i64 error = may_read(*node)) return error;
    const int pinned = node->kind == Node::Kind::kHost ? node->fd.get() : -1;
    return inotify_watch(call.kernel, file->object, pinned, status, mask);
}

i64 inotify_rm_watch(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if (!is_object(*file, kInotifyOperations)) return -EINVAL;
    return inotify_unwatch(call.kernel, file->object, call.integer(1));
}

}  // namespace kernel::calls
