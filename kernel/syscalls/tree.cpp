// Changing the tree: create, remove, rename, link, modes, owners, times. Only --rw folders can be changed;
// elsewhere it is as on a read-only file system (EROFS, in Linux's order of checks). Linux: fs/namei.c,
// fs/attr.c, fs/utimes.c.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#include <cstdio>

#include "kernel/fs/files.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/shmem_file.h"
#include "kernel/host/host.h"
#include "kernel/syscalls/functions.h"
#include "kernel/syscalls/sockets.h"

namespace kernel::calls {

namespace {

using mmu::Expected;

Expected<Parent, int> parent_of(Syscall& call, int dirfd, const std::string& path) {
    return lookup_parent_path(call.kernel, call.task, dirfd, path);
}

std::string without_slashes(std::string name) {
    while (!name.empty() && name.back() == '/') name.pop_back();
    return name;
}

enum class Created : u8 { kDirectory, kOther };  ///< only a directory's name may end in '/'

/// filename_create(): EEXIST comes before EROFS. 0: the name may be made.
i64 may_create(const Parent& parent, Created what = Created::kOther) {
    if (parent.is_root) return -EEXIST;
    if (!parent.fd) return -EROFS;
    struct ::stat status {};
    const std::string name = without_slashes(parent.name);
    if (host::fstatat(parent.fd.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return -EEXIST;
    if (errno != ENOENT) return -errno;
    if (what == Created::kOther && name.size() != parent.name.size()) return -ENOENT;
    return parent.writable ? 0 : -EROFS;
}

mode_t masked(const Syscall& call, u64 mode, mode_t allowed) {
    return static_cast<mode_t>(mode) & allowed & ~call.kernel.fs_of(call.task).umask;
}

i64 make_directory(Syscall& call, int dirfd, unsigned first) {
    const auto path = call.path(first);
    if (!path) return -path.error();
    const auto parent = parent_of(call, dirfd, *path);
    if (!parent) return -parent.error();
    if (const i64 error = may_create(*parent, Created::kDirectory)) return error;
    const mode_t mode = masked(call, call.args[first + 1], 01777);
    if (host::mkdirat(parent->fd.get(), parent->name.c_str(), mode) != 0) return -errno;
    fsnotify_name(call.kernel, parent->fd.get(), parent->name, IN_CREATE | IN_ISDIR);
    const std::string name = without_slashes(parent->name);  // the host's umask is not the guest's
    struct ::stat status {};
    if (host::fstatat(parent->fd.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(status.st_mode) && (status.st_mode & 01777) != mode) {
        const UniqueFd made{
            host::openat(parent->fd.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
        if (made) (void)host::chmod(descriptor_path(made.get()).c_str(), mode | (status.st_mode & 06000));
    }
    return 0;
}

/// do_unlinkat(), do_rmdir(): EROFS comes before the name is looked up.
i64 remove_name(Syscall& call, int dirfd, unsigned path_argument, int flags) {
    const auto path = call.path(path_argument);
    if (!path) return -path.error();
    const auto parent = parent_of(call, dirfd, *path);
    if (!parent) return -parent.error();
    if (parent->is_root) return flags & AT_REMOVEDIR ? -EBUSY : -EISDIR;
    if (parent->name == "." || parent->name == "./") return flags & AT_REMOVEDIR ? -EINVAL : -EISDIR;
    if (parent->name == ".." || parent->name == "../") return flags & AT_REMOVEDIR ? -ENOTEMPTY : -EISDIR;
    if (!parent->writable) return -EROFS;
    const NotifyVictim victim = notify_victim(call.kernel, parent->fd.get(), parent->name);
    const auto shmem = shmem_victim(call.kernel, parent->fd.get(), parent->name);
    if (host::unlinkat(parent->fd.get(), parent->name.c_str(), flags) != 0) return -errno;
    if (shmem) call.system().page_cache.evict_unlinked(call.system(), *shmem);
    fsnotify_removed(call.kernel, parent->fd.get(), parent->name, victim);
    return 0;
}

i64 move_name(Syscall& call, int from_fd, unsigned from_argument, int to_fd, unsigned to_argument,
              unsigned flags) {
    if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) return -EINVAL;
    if ((flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) && (flags & RENAME_EXCHANGE)) return -EINVAL;
    const auto from_path = call.path(from_argument);
    if (!from_path) return -from_path.error();
    const auto from = parent_of(call, from_fd, *from_path);
    if (!from) return -from.error();
    const auto to_path = call.path(to_argument);
    if (!to_path) return -to_path.error();
    const auto to = parent_of(call, to_fd, *to_path);
    if (!to) return -to.error();
    if (from->is_root || to->is_root) return -EBUSY;
    if (!from->writable || !to->writable) return -EROFS;
    const bool exchange = flags & RENAME_EXCHANGE;
    const NotifyVictim moved = notify_victim(call.kernel, from->fd.get(), from->name);
    const NotifyVictim there = notify_victim(call.kernel, to->fd.get(), to->name);
    if (call.kernel.paths->is_shm(from->fd.get()) != call.kernel.paths->is_shm(to->fd.get())) return -EXDEV;
    const auto shmem = exchange ? std::nullopt : shmem_victim(call.kernel, to->fd.get(), to->name);
    if (host::renameat2(from->fd.get(), from->name.c_str(), to->fd.get(), to->name.c_str(), flags) != 0)
        return -errno;
    if (shmem) call.system().page_cache.evict_unlinked(call.system(), *shmem);
    fsnotify_moved(call.kernel, from->fd.get(), from->name, to->fd.get(), to->name, moved,
                   exchange ? NotifyVictim{} : there);
    if (exchange) fsnotify_moved(call.kernel, to->fd.get(), to->name, from->fd.get(), from->name, there, {});
    return 0;
}

/// The object that gets a second name; with AT_EMPTY_PATH and "" that of a descriptor.
Expected<Node, int> link_source(Syscall& call, int dirfd, const std::string& path, int flags) {
    const bool itself = path.empty() && (flags & AT_EMPTY_PATH);
    if (!itself || dirfd == AT_FDCWD)
        return lookup_path(call.kernel, call.task, dirfd, itself ? "." : path,
                           flags & AT_SYMLINK_FOLLOW ? Follow::kYes : Follow::kNo);
    const OpenFile* file = file_of(call.kernel, call.task, dirfd, FileUse::kAnyFile);
    if (!file) return mmu::Unexpected{EBADF};
    Node node;
    if (file->kind != OpenFile::Kind::kHost) return mmu::Unexpected{EXDEV};
    node.fd = UniqueFd{host::fcntl(file->fd.get(), F_DUPFD_CLOEXEC, 3)};
    if (!node.fd || host::fstat(node.fd.get(), &node.status) != 0) return mmu::Unexpected{errno};
    return node;
}

/// What a descriptor stands for, if the guest may change that. `absent`: the errno of a number that is not
/// open.
Expected<UniqueFd, int> changeable_descriptor(Syscall& call, int fd, int absent) {
    const OpenFile* file = file_of(call.kernel, call.task, fd, FileUse::kAnyFile);
    if (!file) return mmu::Unexpected{absent};
    if (!file->may_change || file->kind != OpenFile::Kind::kHost) return mmu::Unexpected{EROFS};
    const int copy = host::fcntl(file->fd.get(), F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return mmu::Unexpected{errno};
    return UniqueFd{copy};
}

/// do_linkat(). The source must lie in a --rw folder too: a second name would make it writable.
i64 link_name(Syscall& call, int from_fd, unsigned from_argument, int to_fd, unsigned to_argument,
              int flags) {
    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    const auto from_path = call.path(from_argument);
    if (!from_path) return -from_path.error();
    const auto node = link_source(call, from_fd, *from_path, flags);
    if (!node) return -node.error();
    const auto to_path = call.path(to_argument);
    if (!to_path) return -to_path.error();
    const auto to = parent_of(call, to_fd, *to_path);
    if (!to) return -to.error();
    if (const i64 error = may_create(*to)) return error;
    if (node->kind != Node::Kind::kHost && node->kind != Node::Kind::kDescriptor) return -EXDEV;
    if (node->is_directory()) return -EPERM;
    UniqueFd place;
    const bool itself = from_path->empty() && from_fd != AT_FDCWD;
    if (itself || node->kind == Node::Kind::kDescriptor) {  // how a file of O_TMPFILE gets its name
        auto own = changeable_descriptor(call, itself ? from_fd : node->descriptor, ENOENT);
        if (own) place = std::move(*own);
    } else {
        place = call.kernel.paths->reach_writable(node->fd.get());
    }
    if (!place || call.kernel.paths->is_shm(place.get()) != call.kernel.paths->is_shm(to->fd.get()))
        return -EXDEV;
    if (host::linkat(AT_FDCWD, descriptor_path(place.get()).c_str(), to->fd.get(), to->name.c_str(),
                     AT_SYMLINK_FOLLOW) != 0)
        return -errno;
    struct ::stat status {};
    if (somebody_watches(call.kernel) && host::fstat(place.get(), &status) == 0)
        fsnotify_inode(call.kernel, status, IN_ATTRIB);
    fsnotify_name(call.kernel, to->fd.get(), to->name, IN_CREATE);
    return 0;
}

i64 make_link(Syscall& call, unsigned target_argument, int dirfd, unsigned path_argument) {
    const auto target = call.path(target_argument);
    if (!target) return -target.error();
    if (target->empty()) return -ENOENT;
    const auto path = call.path(path_argument);
    if (!path) return -path.error();
    const auto parent = parent_of(call, dirfd, *path);
    if (!parent) return -parent.error();
    if (const i64 error = may_create(*parent)) return error;
    if (host::symlinkat(target->c_str(), parent->fd.get(), parent->name.c_str()) != 0) return -errno;
    fsnotify_name(call.kernel, parent->fd.get(), parent->name, IN_CREATE);
    return 0;
}

/// The object of a change, if the guest may change it: ready for calls on descriptor_path() or with
/// AT_EMPTY_PATH.
Expected<UniqueFd, int> changeable(Syscall& call, int dirfd, const std::string& path, int flags) {
    if (path.empty() && (flags & AT_EMPTY_PATH) && dirfd != AT_FDCWD)
        return changeable_descriptor(call, dirfd, EBADF);
    const auto node =
        lookup_path(call.kernel, call.task, dirfd, path.empty() && (flags & AT_EMPTY_PATH) ? "." : path,
                    flags & AT_SYMLINK_NOFOLLOW ? Follow::kNo : Follow::kYes);
    if (!node) return mmu::Unexpected{node.error()};
    if (node->kind == Node::Kind::kDescriptor) return changeable_descriptor(call, node->descriptor, ENOENT);
    if (node->kind != Node::Kind::kHost || !node->fd) return mmu::Unexpected{EROFS};
    UniqueFd place = call.kernel.paths->reach_writable(node->fd.get());
    if (!place) return mmu::Unexpected{EROFS};
    return place;
}

/// A file of our own that the descriptor has: its inode's attributes are in the open file. Null: it is the
/// host's. Deviation: the two ends of a pipe have each their own.
OpenFile* own_object(Syscall& call, int fd) {
    OpenFile* file = file_of(call.kernel, call.task, fd);
    return file && file->kind == OpenFile::Kind::kObject ? file : nullptr;
}

/// An open file that the guest may change: one of a --rw folder. -errno or the host's descriptor.
i64 changeable_file(Syscall& call, int fd, FileUse use) {
    const OpenFile* file = file_of(call.kernel, call.task, fd, use);
    if (!file) return -EBADF;
    return file->may_change && file->kind == OpenFile::Kind::kHost ? file->fd.get() : -EROFS;
}

/// The result of a change of attributes, told to who watches.
i64 told(Syscall& call, int fd, int result) {
    if (result < 0) return -errno;
    fsnotify_fd(call.kernel, fd, IN_ATTRIB);
    return 0;
}

i64 change_mode(Syscall& call, int dirfd, unsigned first, int flags) {
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    const auto path = call.path(first);
    if (!path) return -path.error();
    const auto place = changeable(call, dirfd, *path, flags);
    if (!place) return -place.error();
    struct ::stat status {};
    if (host::fstat(place->get(), &status) == 0 && S_ISLNK(status.st_mode)) return -EOPNOTSUPP;
    const mode_t mode = static_cast<mode_t>(call.args[first + 1]) & 07777;
    return told(call, place->get(), host::chmod(descriptor_path(place->get()).c_str(), mode));
}

i64 change_owner(Syscall& call, int dirfd, unsigned first, int flags) {
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    const auto path = call.path(first);
    if (!path) return -path.error();
    const auto place = changeable(call, dirfd, *path, flags);
    if (!place) return -place.error();
    return told(call, place->get(),
                host::fchownat(place->get(), "", static_cast<uid_t>(call.args[first + 1]),
                               static_cast<gid_t>(call.args[first + 2]), AT_EMPTY_PATH));
}

bool valid_ns(long ns) {
    return ns == UTIME_NOW || ns == UTIME_OMIT || (ns >= 0 && ns < 1'000'000'000);
}

/// do_utimes(): `times` null means now. A null path means the descriptor itself.
i64 change_times(Syscall& call, int dirfd, u64 path_address, unsigned path_argument, const timespec* times,
                 int flags) {
    const bool valid = !times || (valid_ns(times[0].tv_nsec) && valid_ns(times[1].tv_nsec));
    if (!path_address && dirfd != AT_FDCWD) {
        if (flags) return -EINVAL;
        if (own_object(call, dirfd)) return valid ? 0 : -EINVAL;
        const i64 fd = changeable_file(call, dirfd, FileUse::kInputOutput);
        const int host_fd = static_cast<int>(fd);
        return fd < 0 ? fd : !valid ? -EINVAL : told(call, host_fd, host::futimens(host_fd, times));
    }
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    const auto path = call.path(path_argument);
    if (!path) return -path.error();
    const auto place = changeable(call, dirfd, *path, flags);
    if (!valid && (place || place.error() == EROFS)) return -EINVAL;  // vfs_utimes()
    if (!place) return -place.error();
    return told(call, place->get(), host::utimensat(place->get(), "", times, AT_EMPTY_PATH));
}

i64 change_times_us(Syscall& call, int dirfd, unsigned path_argument, unsigned times_argument) {
    timeval us[2];
    timespec times[2];
    const u64 address = call.args[times_argument];
    if (address) {
        if (call.get(us, address)) return -EFAULT;
        for (unsigned i = 0; i < 2; ++i) {
            if (us[i].tv_usec < 0 || us[i].tv_usec >= 1'000'000) return -EINVAL;
            times[i] = {us[i].tv_sec, us[i].tv_usec * 1000};
        }
    }
    return change_times(call, dirfd, call.args[path_argument], path_argument, address ? times : nullptr, 0);
}

}  // namespace

i64 make_node(Syscall& call, int dirfd, const std::string& path, mode_t mode) {
    const mode_t type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;
    const auto parent = parent_of(call, dirfd, path);
    if (!parent) return -parent.error();
    if (type == S_IFDIR) return -EPERM;
    if (type != S_IFREG && type != S_IFIFO && type != S_IFSOCK && type != S_IFCHR && type != S_IFBLK)
        return -EINVAL;
    if (const i64 error = may_create(*parent)) return error;
    if (type == S_IFCHR || type == S_IFBLK) return -EPERM;  // a guest makes no devices
    const mode_t rights = masked(call, mode, 07777);
    if (host::mknodat(parent->fd.get(), parent->name.c_str(), type | rights, 0) != 0) return -errno;
    fsnotify_name(call.kernel, parent->fd.get(), parent->name, IN_CREATE);
    const UniqueFd made{
        host::openat(parent->fd.get(), parent->name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    if (made)
        (void)host::chmod(descriptor_path(made.get()).c_str(),
                          rights);  // the host's umask is not the guest's
    return 0;
}

i64 mknod(Syscall& call) {
    const auto path = call.path(0);
    return path ? make_node(call, AT_FDCWD, *path, static_cast<mode_t>(call.args[1] & 0xffff))
                : -path.error();
}
i64 mknodat(Syscall& call) {
    const auto path = call.path(1);
    return path ? make_node(call, call.integer(0), *path, static_cast<mode_t>(call.args[2] & 0xffff))
                : -path.error();
}

i64 mkdir(Syscall& call) {
    return make_directory(call, AT_FDCWD, 0);
}
i64 mkdirat(Syscall& call) {
    return make_directory(call, call.integer(0), 1);
}
i64 rmdir(Syscall& call) {
    return remove_name(call, AT_FDCWD, 0, AT_REMOVEDIR);
}
i64 unlink(Syscall& call) {
    return remove_name(call, AT_FDCWD, 0, 0);
}
i64 unlinkat(Syscall& call) {
    if (call.integer(2) & ~AT_REMOVEDIR) return -EINVAL;
    return remove_name(call, call.integer(0), 1, call.integer(2));
}

i64 rename(Syscall& call) {
    return move_name(call, AT_FDCWD, 0, AT_FDCWD, 1, 0);
}
i64 renameat(Syscall& call) {
    return move_name(call, call.integer(0), 1, call.integer(2), 3, 0);
}
i64 renameat2(Syscall& call) {
    return move_name(call, call.integer(0), 1, call.integer(2), 3, static_cast<unsigned>(call.args[4]));
}

i64 link(Syscall& call) {
    return link_name(call, AT_FDCWD, 0, AT_FDCWD, 1, 0);
}
i64 linkat(Syscall& call) {
    return link_name(call, call.integer(0), 1, call.integer(2), 3, call.integer(4));
}
i64 symlink(Syscall& call) {
    return make_link(call, 0, AT_FDCWD, 1);
}
i64 symlinkat(Syscall& call) {
    return make_link(call, 0, call.integer(1), 2);
}

i64 chmod(Syscall& call) {
    return change_mode(call, AT_FDCWD, 0, 0);
}
i64 fchmodat(Syscall& call) {
    return change_mode(call, call.integer(0), 1, 0);
}
i64 fchmodat2(Syscall& call) {
    return change_mode(call, call.integer(0), 1, call.integer(3));
}
i64 fchmod(Syscall& call) {
    if (OpenFile* file = own_object(call, call.integer(0))) {
        file->status.st_mode = (file->status.st_mode & S_IFMT) | (static_cast<mode_t>(call.args[1]) & 07777);
        return 0;
    }
    const i64 fd = changeable_file(call, call.integer(0), FileUse::kInputOutput);
    const int host_fd = static_cast<int>(fd);
    const mode_t mode = static_cast<mode_t>(call.args[1]) & 07777;
    return fd < 0 ? fd : told(call, host_fd, host::fchmod(host_fd, mode));
}

i64 chown(Syscall& call) {
    return change_owner(call, AT_FDCWD, 0, 0);
}
i64 lchown(Syscall& call) {
    return change_owner(call, AT_FDCWD, 0, AT_SYMLINK_NOFOLLOW);
}
i64 fchownat(Syscall& call) {
    return change_owner(call, call.integer(0), 1, call.integer(4));
}
i64 fchown(Syscall& call) {
    if (OpenFile* file = own_object(call, call.integer(0))) {
        const u32 uid = static_cast<u32>(call.args[1]), gid = static_cast<u32>(call.args[2]);
        if (host::geteuid() != 0 && ((uid != ~0u && uid != file->status.st_uid) || gid != ~0u)) return -EPERM;
        if (uid != ~0u) file->status.st_uid = uid;
        if (gid != ~0u) file->status.st_gid = gid;
        return 0;
    }
    const i64 fd = changeable_file(call, call.integer(0), FileUse::kInputOutput);
    const int host_fd = static_cast<int>(fd);
    const uid_t owner = static_cast<uid_t>(call.args[1]);
    const gid_t group = static_cast<gid_t>(call.args[2]);
    return fd < 0 ? fd : told(call, host_fd, host::fchown(host_fd, owner, group));
}

i64 utime(Syscall& call) {
    utimbuf seconds{};
    if (!call.args[1]) return change_times(call, AT_FDCWD, call.args[0], 0, nullptr, 0);
    if (call.get(seconds, call.args[1])) return -EFAULT;
    const timespec times[2] = {{seconds.actime, 0}, {seconds.modtime, 0}};
    return change_times(call, AT_FDCWD, call.args[0], 0, times, 0);
}

i64 utimes(Syscall& call) {
    return change_times_us(call, AT_FDCWD, 0, 1);
}
i64 futimesat(Syscall& call) {
    return change_times_us(call, call.integer(0), 1, 2);
}

i64 utimensat(Syscall& call) {
    timespec times[2];
    if (!call.args[2]) return change_times(call, call.integer(0), call.args[1], 1, nullptr, call.integer(3));
    if (call.get(times, call.args[2])) return -EFAULT;
    if (times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT) return 0;
    return change_times(call, call.integer(0), call.args[1], 1, times, call.integer(3));
}

}  // namespace kernel::calls
