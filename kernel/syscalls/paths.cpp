// Looking at files by name: stat, access, readlink, the working directory, statfs. Linux: fs/stat.c,
// fs/open.c, fs/d_path.c.
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel/fs/files.h"
#include "kernel/fs/shmem_file.h"
#include "kernel/fs/proc.h"
#include "kernel/host/host.h"
#include "kernel/syscalls/functions.h"

namespace kernel::calls {

namespace {

/// vfs_statx() of a path or, with AT_EMPTY_PATH and "", of a descriptor. 0 or -errno.
i64 stat_at(Syscall& call, int dirfd, const std::string& path, int flags, struct stat& status) {
    if (path.empty() && (flags & AT_EMPTY_PATH) && dirfd != AT_FDCWD) {
        const OpenFile* file = file_of(call.kernel, call.task, dirfd, FileUse::kAnyFile);
        const int error = file ? stat_file(*file, status) : -EBADF;
        if (!error) shmem_getattr(call.kernel, status);
        return error;
    }
    const std::string name = path.empty() && (flags & AT_EMPTY_PATH) ? "." : path;
    const auto node = lookup_path(call.kernel, call.task, dirfd, name,
                                  flags & AT_SYMLINK_NOFOLLOW ? Follow::kNo : Follow::kYes);
    if (!node) return -node.error();
    const int error = stat_node(call.kernel, call.task, *node, status);
    if (!error) shmem_getattr(call.kernel, status);
    return error;
}

/// The second argument; since 6.11 a null pointer with AT_EMPTY_PATH is as good as "".
mmu::Expected<std::string, int> path_or_none(Syscall& call, int flags) {
    if (!call.args[1] && (flags & AT_EMPTY_PATH)) return std::string{};
    return call.path(1);
}

i64 do_stat(Syscall& call, int flags) {
    const auto path = call.path(0);
    if (!path) return -path.error();
    struct ::stat status {};
    if (const i64 error = stat_at(call, AT_FDCWD, *path, flags, status)) return error;
    return call.put(status, call.args[1]);
}

statx_timestamp stamp(const timespec& t) {
    statx_timestamp result{};
    result.tv_sec = t.tv_sec;
    result.tv_nsec = static_cast<u32>(t.tv_nsec);
    return result;
}

/// cp_statx()
struct statx statx_of(const struct stat& status) {
    struct statx result {};
    result.stx_mask = STATX_BASIC_STATS;
    result.stx_blksize = static_cast<u32>(status.st_blksize);
    result.stx_nlink = static_cast<u32>(status.st_nlink);
    result.stx_uid = status.st_uid;
    result.stx_gid = status.st_gid;
    result.stx_mode = static_cast<u16>(status.st_mode);
    result.stx_ino = status.st_ino;
    result.stx_size = static_cast<u64>(status.st_size);
    result.stx_blocks = static_cast<u64>(status.st_blocks);
    result.stx_atime = stamp(status.st_atim);
    result.stx_ctime = stamp(status.st_ctim);
    result.stx_mtime = stamp(status.st_mtim);
    result.stx_rdev_major = (status.st_rdev >> 8) & 0xfff;
    result.stx_rdev_minor = static_cast<u32>((status.st_rdev & 0xff) | ((status.st_rdev >> 12) & 0xfff00));
    result.stx_dev_major = (status.st_dev >> 8) & 0xfff;
    result.stx_dev_minor = static_cast<u32>((status.st_dev & 0xff) | ((status.st_dev >> 12) & 0xfff00));
    return result;
}

}  // namespace

i64 stat(Syscall& call) {
    return do_stat(call, 0);
}
i64 lstat(Syscall& call) {
    return do_stat(call, AT_SYMLINK_NOFOLLOW);
}

i64 fstat(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0), FileUse::kAnyFile);
    if (!file) return -EBADF;
    struct ::stat status {};
    if (const int error = stat_file(*file, status)) return error;
    shmem_getattr(call.kernel, status);
    return call.put(status, call.args[1]);
}

i64 newfstatat(Syscall& call) {
    constexpr int kKnown = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;
    if (call.integer(3) & ~kKnown) return -EINVAL;  // before the path is looked at: vfs_statx()
    const auto path = path_or_none(call, call.integer(3));
    if (!path) return -path.error();
    struct ::stat status {};
    if (const i64 error = stat_at(call, call.integer(0), *path, call.integer(3), status)) return error;
    return call.put(status, call.args[2]);
}

i64 statx(Syscall& call) {
    constexpr int kKnown = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;
    const int flags = call.integer(2);
    if (call.args[3] & 0x80000000) return -EINVAL;  // STATX__RESERVED
    if ((flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE) return -EINVAL;
    if (flags & ~kKnown) return -EINVAL;
    const auto path = path_or_none(call, flags);
    if (!path) return -path.error();
    struct ::stat status {};
    if (const i64 error = stat_at(call, call.integer(0), *path, flags, status)) return error;
    return call.put(statx_of(status), call.args[4]);
}

namespace {

/// do_faccessat()
i64 check_access(Syscall& call, int dirfd, unsigned path_argument, int mode, int flags) {
    if (mode & ~(R_OK | W_OK | X_OK)) return -EINVAL;
    if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    const auto path = call.path(path_argument);
    if (!path) return -path.error();
    if (path->empty() && (flags & AT_EMPTY_PATH) && dirfd != AT_FDCWD) {
        const OpenFile* file = file_of(call.kernel, call.task, dirfd, FileUse::kAnyFile);
        if (!file) return -EBADF;
        if (file->kind != OpenFile::Kind::kHost) return mode & X_OK ? -EACCES : 0;
        if ((mode & W_OK) && !file->may_change) return -EROFS;
        return host::faccessat(AT_FDCWD, descriptor_path(file->fd.get()).c_str(), mode, flags & AT_EACCESS) ==
                       0
                   ? 0
                   : -errno;
    }
    const auto node = lookup_path(call.kernel, call.task, dirfd, *path,
                                  flags & AT_SYMLINK_NOFOLLOW ? Follow::kNo : Follow::kYes);
    if (!node) return -node.error();
    if (node->kind != Node::Kind::kHost) {
        struct ::stat status {};
        if (const int error = stat_node(call.kernel, call.task, *node, status)) return error;
        const bool writable = node->kind != Node::Kind::kProc;
        return ((mode & W_OK) && !writable) || ((mode & X_OK) && !S_ISDIR(status.st_mode)) ? -EACCES : 0;
    }
    if (S_ISLNK(node->status.st_mode)) return 0;
    // access(2) follows no link here: the object is pinned.
    if (host::faccessat(AT_FDCWD, descriptor_path(node->fd.get()).c_str(), mode & ~W_OK,
                        flags & AT_EACCESS) != 0)
        return -errno;
    if (!(mode & W_OK)) return 0;
    const UniqueFd place = call.kernel.paths->reach_writable(node->fd.get());
    if (!place) return -EROFS;
    return host::faccessat(AT_FDCWD, descriptor_path(place.get()).c_str(), W_OK, flags & AT_EACCESS) == 0
               ? 0
               : -errno;
}

i64 read_link(Syscall& call, int dirfd, unsigned first) {
    const int size = call.integer(first + 2);
    if (size <= 0) return -EINVAL;
    const auto path = call.path(first);
    if (!path) return -path.error();
    std::string target(4096, '\0');
    if (path->empty() && dirfd != AT_FDCWD) {  // an O_PATH descriptor of a link
        const OpenFile* file = file_of(call.kernel, call.task, dirfd, FileUse::kAnyFile);
        if (!file) return -EBADF;
        if (file->type != S_IFLNK) return -ENOENT;
        const ssize_t length = host::readlinkat(file->fd.get(), "", target.data(), target.size());
        if (length < 0) return -errno;
        target.resize(static_cast<usize>(length));
    } else {
        const auto node = lookup_path(call.kernel, call.task, dirfd, *path, Follow::kNo);
        if (!node) return -node.error();
        if (node->kind == Node::Kind::kProc) {
            const auto entry = proc_entry(call.kernel, call.task, node->path);
            if (!entry) return -ENOENT;
            if (entry->kind != ProcEntry::Kind::kLink) return -EINVAL;
            target = entry->text;
        } else {
            if (node->kind != Node::Kind::kHost || !S_ISLNK(node->status.st_mode)) return -EINVAL;
            const ssize_t length = host::readlinkat(node->fd.get(), "", target.data(), target.size());
            if (length < 0) return -errno;
            target.resize(static_cast<usize>(length));
        }
    }
    const usize bytes = std::min(target.size(), static_cast<usize>(size));
    if (copy_to_user(call.system(), call.mm(), call.args[first + 1], target.data(), bytes)) return -EFAULT;
    return static_cast<i64>(bytes);
}

}  // namespace

i64 access(Syscall& call) {
    return check_access(call, AT_FDCWD, 0, call.integer(1), 0);
}
i64 faccessat(Syscall& call) {
    return check_access(call, call.integer(0), 1, call.integer(2), 0);
}
i64 faccessat2(Syscall& call) {
    return check_access(call, call.integer(0), 1, call.integer(2), call.integer(3));
}

i64 readlink(Syscall& call) {
    return read_link(call, AT_FDCWD, 0);
}
i64 readlinkat(Syscall& call) {
    return read_link(call, call.integer(0), 1);
}

i64 getcwd(Syscall& call) {
    const auto path = working_directory(call.kernel, call.task);
    if (!path) return -ENOENT;
    if (call.args[1] < path->size() + 1) return -ERANGE;
    if (copy_to_user(call.system(), call.mm(), call.args[0], path->c_str(), path->size() + 1)) return -EFAULT;
    return static_cast<i64>(path->size() + 1);
}

namespace {

/// Makes a directory the working directory.
i64 change_directory(Syscall& call, OpenFile file) {
    if (file.kind == OpenFile::Kind::kHost &&
        host::faccessat(AT_FDCWD, descriptor_path(file.fd.get()).c_str(), X_OK, AT_EACCESS) != 0)
        return -errno;
    const OpenFileId id = call.kernel.files.add(std::move(file));
    call.kernel.files.get(id);
    fput(call.kernel, std::exchange(call.kernel.fs_of(call.task).cwd.directory, id));
    return 0;
}

}  // namespace

i64 chdir(Syscall& call) {
    const auto path = call.path(0);
    if (!path) return -path.error();
    auto file = open_path(call.kernel, call.task, AT_FDCWD, *path, O_PATH | O_DIRECTORY, 0);
    return file ? change_directory(call, std::move(*file)) : -file.error();
}

i64 fchdir(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0), FileUse::kAnyFile);
    if (!file) return -EBADF;
    if (file->type != S_IFDIR) return -ENOTDIR;
    if (file->kind != OpenFile::Kind::kHost) {
        auto again =
            open_path(call.kernel, call.task, AT_FDCWD, std::string(file->path), O_PATH | O_DIRECTORY, 0);
        return again ? change_directory(call, std::move(*again)) : -again.error();
    }
    const int copy = host::fcntl(file->fd.get(), F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return -errno;
    return change_directory(call, host_file(UniqueFd{copy}, file->path, O_PATH, false));
}

i64 statfs(Syscall& call) {
    const auto path = call.path(0);
    if (!path) return -path.error();
    const auto node = lookup_path(call.kernel, call.task, AT_FDCWD, *path, Follow::kYes);
    if (!node) return -node.error();
    struct ::statfs status {};
    if (node->fd && host::fstatfs(node->fd.get(), &status) != 0) return -errno;
    if (node->fd && call.kernel.paths->is_shm(node->fd.get())) shmem_statfs(call.kernel, status);
    return call.put(status, call.args[1]);
}

i64 fstatfs(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0), FileUse::kAnyFile);
    if (!file) return -EBADF;
    struct ::statfs status {};
    if (file->kind == OpenFile::Kind::kHost && host::fstatfs(file->fd.get(), &status) != 0) return -errno;
    if (file->tmpfs == Tmpfs::kMounted ||
        (file->kind == OpenFile::Kind::kHost && call.kernel.paths->is_shm(file->fd.get())))
        shmem_statfs(call.kernel, status);
    return call.put(status, call.args[1]);
}

}  // namespace kernel::calls
