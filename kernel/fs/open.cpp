// Purpose: opening: what a path led to becomes an open file. See files.h. Linux: fs/open.c, fs/namei.c
// do_open(), open_last_lookups().
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/fs/devpts.h"
#include "kernel/fs/file_operations.h"
#include "kernel/fs/files.h"
#include "kernel/fs/host_backing.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/proc.h"
#include "kernel/fs/resolve.h"
#include "kernel/fs/tty.h"
#include "kernel/host/host.h"
#include "kernel/mmap.h"
#include "mmu/base/log.h"

namespace kernel {

using mmu::Expected;
using mmu::Unexpected;

namespace {

constexpr int kTmpFile = 020000000;  ///< __O_TMPFILE; O_TMPFILE has O_DIRECTORY too
/// Flags that mean something after a file has been found.
constexpr int kReopenFlags =
    O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_DIRECT | O_NOATIME | O_TRUNC;

/// What F_GETFL shows of them.
constexpr int kKeptFlags = (kReopenFlags & ~O_TRUNC) | O_NOFOLLOW | O_DIRECTORY;

/// The guest's name for an open object; empty when it has none any more.
std::string guest_path(const KernelState& kernel, int fd) {
    auto path = kernel.paths->guest_path_of(fd);
    return path ? std::move(*path) : std::string{};
}

/// Opens the very object that `fd` pins, with other rights.
Expected<UniqueFd, int> reopen(int fd, int flags) {
    const int again = host::open(descriptor_path(fd).c_str(), flags | O_CLOEXEC | O_NOCTTY);
    if (again < 0) return Unexpected{errno};
    return UniqueFd{again};
}

bool wants_write(int flags) {
    return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
}

/// /dev/tty: the process's controlling terminal.
Expected<OpenFile, int> open_own_terminal(KernelState& kernel, Task& task, int flags) {
    const u32 tty = kernel.process_of(task).tty;
    if (!tty) return Unexpected{ENXIO};
    if (tty != kUserTerminal) return open_pts(kernel, task, kernel.ipc.ttys.at(tty).index, flags | O_NOCTTY);
    const int fd = host::open("/dev/tty", (flags & (O_ACCMODE | O_NONBLOCK)) | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return Unexpected{errno};
    return host_file(UniqueFd{fd}, "/dev/tty", flags, false);
}

Expected<OpenFile, int> open_device(KernelState& kernel, Task& task, const Node& node, int flags) {
    if (flags & O_DIRECTORY) return Unexpected{ENOTDIR};
    const bool path_only = flags & O_PATH;
    if (node.device == Device::kPtmx && !path_only) return open_ptmx(kernel, flags);
    if (node.device == Device::kPts && !path_only)
        return open_pts(kernel, task, minor(node.status.st_rdev), flags);
    if (node.device == Device::kTerminal && !path_only) return open_own_terminal(kernel, task, flags);
    OpenFile file;
    file.kind = OpenFile::Kind::kDevice;
    file.device = node.device;
    file.type = S_IFCHR;
    file.flags = flags & kKeptFlags;
    file.path_only = flags & O_PATH;
    file.status = node.status;
    static constexpr const char* kPaths[] = {
        "", "/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts"};
    file.path = kPaths[static_cast<int>(node.device)];
    return file;
}

Expected<OpenFile, int> open_proc(KernelState& kernel, Task& task, const Node& node, int flags) {
    auto entry = proc_entry(kernel, task, node.path);
    if (!entry) return Unexpected{ENOENT};
    if (entry->kind == ProcEntry::Kind::kLink) return Unexpected{ELOOP};
    const bool folder = entry->kind == ProcEntry::Kind::kDirectory;
    if (folder && (wants_write(flags) || (flags & O_CREAT))) return Unexpected{EISDIR};
    if ((flags & O_DIRECTORY) && !folder) return Unexpected{ENOTDIR};
    if ((flags & O_ACCMODE) != O_RDONLY && !(entry->mode & 0200)) return Unexpected{EACCES};
    OpenFile file;
    file.kind = OpenFile::Kind::kText;
    file.object = static_cast<u32>(proc_owner(task, node.path));
    file.text_write = entry->write;
    file.type = folder ? S_IFDIR : S_IFREG;
    file.flags = flags & kKeptFlags;
    file.path_only = flags & O_PATH;
    file.status = proc_stat(*entry, node.path);
    file.path = node.path;
    file.text = std::move(entry->text);
    file.window = entry->window;
    return file;
}

/// /proc/self/fd/N, /dev/stdin: the same object again, with no more rights than the descriptor has.
Expected<OpenFile, int> open_descriptor(KernelState& kernel, Task& task, const Node& node, int flags) {
    OpenFile* file = file_of(kernel, task, node.descriptor);
    if (!file) return Unexpected{ENOENT};
    if ((flags & O_PATH) && file->kind == OpenFile::Kind::kHost) {
        auto fd = reopen(file->fd.get(), O_PATH);
        if (!fd) return Unexpected{fd.error()};
        return host_file(std::move(*fd), file->path, O_PATH | (flags & kKeptFlags), file->may_change);
    }
    const int mode = flags & O_ACCMODE;
    if ((mode != O_WRONLY && !file->readable()) || (mode != O_RDONLY && !file->writable()))
        return Unexpected{EACCES};
    if (is_pipe(*file)) return reopen_pipe(kernel, *file, flags & kKeptFlags);
    if (is_object(*file, kPtySlaveOperations))
        return open_pts(kernel, task, kernel.ipc.ttys.at(file->object).index, flags);
    if (file->kind == OpenFile::Kind::kObject) return Unexpected{ENXIO};
    if (file->kind != OpenFile::Kind::kHost) {
        OpenFile copy;
        copy.kind = file->kind;
        copy.device = file->device;
        copy.type = file->type;
        copy.flags = flags & kKeptFlags;
        copy.status = file->status;
        copy.path = file->path;
        copy.text = file->text;
        copy.window = file->window;
        return copy;
    }
    auto fd = reopen(file->fd.get(), flags & kReopenFlags);
    if (!fd) return Unexpected{fd.error()};
    if (file->shmem && (flags & O_TRUNC))
        truncate_pagecache(kernel.system, kernel.mm_of(task), identity_of(fd->get()), 0);
    OpenFile again = host_file(std::move(*fd), file->path, flags & kKeptFlags, file->may_change);
    again.tmpfs = file->tmpfs;
    return again;
}

/// host_file(), of what may lie in /dev/shm, or be a memfd.
OpenFile named_file(KernelState& kernel, UniqueFd fd, std::string path, int flags, bool may_change) {
    const PageCache& cache = kernel.system.page_cache;
    OpenFile file = host_file(std::move(fd), std::move(path), flags, may_change);
    if (!file.regular()) return file;
    if (kernel.paths->is_shm(file.fd.get())) {
        file.tmpfs = Tmpfs::kMounted;
    } else if (cache.has_shmem_files()) {
        const AddressSpace* space = cache.find(identity_of(file.fd.get()));
        if (space && space->shmem) file.tmpfs = space->limited ? Tmpfs::kMounted : Tmpfs::kMemfd;
    }
    return file;
}

/// may_open(): by type, then rights.
Expected<OpenFile, int> open_host(KernelState& kernel, Task& task, Node node, int flags, mode_t mode) {
    const mode_t type = node.status.st_mode & S_IFMT;
    std::string path = guest_path(kernel, node.fd.get());
    UniqueFd place = kernel.paths->reach_writable(node.fd.get());
    const bool changeable = bool(place);
    if (flags & O_PATH) {
        if ((flags & O_DIRECTORY) && type != S_IFDIR) return Unexpected{ENOTDIR};
        return host_file(std::move(node.fd), std::move(path), O_PATH | (flags & kKeptFlags), changeable);
    }
    if ((flags & O_DIRECTORY) && type != S_IFDIR) return Unexpected{ENOTDIR};
    if (type == S_IFLNK) return Unexpected{ELOOP};
    if ((flags & kTmpFile) && type == S_IFDIR) {
        if ((flags & O_ACCMODE) == O_RDONLY) return Unexpected{EINVAL};
        if (!changeable) return Unexpected{EROFS};
        const int fd = host::open(descriptor_path(place.get()).c_str(),
                                  (flags & (kReopenFlags | O_EXCL)) | O_TMPFILE | O_CLOEXEC,
                                  mode & 07777 & ~kernel.fs_of(task).umask);
        if (fd < 0) return Unexpected{errno};
        OpenFile file = host_file(UniqueFd{fd}, path, flags & kKeptFlags, true);
        if (kernel.paths->is_shm(place.get())) file.tmpfs = Tmpfs::kMounted;
        return file;
    }
    if (type == S_IFDIR) {
        if (wants_write(flags) || (flags & O_CREAT)) return Unexpected{EISDIR};
        auto fd = reopen(node.fd.get(), (flags & kReopenFlags) | O_DIRECTORY);
        if (!fd) return Unexpected{fd.error()};
        return host_file(std::move(*fd), std::move(path), flags & kKeptFlags, changeable);
    }
    if (type == S_IFSOCK) return Unexpected{ENXIO};
    if (type == S_IFIFO) {
        const int access = flags & O_ACCMODE;
        const int wanted = (access != O_WRONLY ? R_OK : 0) | (access != O_RDONLY ? W_OK : 0);
        if (host::faccessat(AT_FDCWD, descriptor_path(node.fd.get()).c_str(), wanted, AT_EACCESS) != 0)
            return Unexpected{errno};
        OpenFile file;
        const i64 error = open_fifo(kernel, task, node.status, flags & kKeptFlags, file);
        if (error) return Unexpected{static_cast<int>(-error)};
        file.flags |= 0100000;  // O_LARGEFILE, as of all that openat() gives
        file.path = std::move(path);
        return file;
    }
    if (type != S_IFREG) {
        LOG(warn, "the guest may not open {}: only files, directories and a few devices can be opened", path);
        return Unexpected{EACCES};
    }
    if (wants_write(flags) && !changeable) return Unexpected{EROFS};
    auto fd = reopen(wants_write(flags) ? place.get() : node.fd.get(), flags & kReopenFlags);
    if (!fd) return Unexpected{fd.error()};
    if (flags & O_TRUNC) truncate_pagecache(kernel.system, kernel.mm_of(task), identity_of(fd->get()), 0);
    return named_file(kernel, std::move(*fd), std::move(path), flags & kKeptFlags, changeable);
}

/// What a descriptor of O_PATH holds, to be opened as by its name.
std::optional<Node> pinned_object(KernelState& kernel, Task& task, const Node& node) {
    const OpenFile* file = file_of(kernel, task, node.descriptor, FileUse::kAnyFile);
    if (!file || !file->path_only || file->kind != OpenFile::Kind::kHost) return {};
    Node object;
    object.fd = UniqueFd{host::fcntl(file->fd.get(), F_DUPFD_CLOEXEC, 3)};
    if (!object.fd || host::fstat(object.fd.get(), &object.status) != 0) return {};
    return object;
}

Expected<OpenFile, int> open_node(KernelState& kernel, Task& task, Node node, int flags, mode_t mode) {
    switch (node.kind) {
        case Node::Kind::kHost:
            return open_host(kernel, task, std::move(node), flags, mode);
        case Node::Kind::kDevice:
            return open_device(kernel, task, node, flags);
        case Node::Kind::kProc:
            return open_proc(kernel, task, node, flags);
        case Node::Kind::kDescriptor:
            if (auto object = pinned_object(kernel, task, node))
                return open_host(kernel, task, std::move(*object), flags, mode);
            return open_descriptor(kernel, task, node, flags);
    }
    return Unexpected{ENOENT};
}

/// The target of a final symbolic link; empty when the name is none.
std::string link_target(const Parent& parent) {
    char text[4096];
    const ssize_t length = host::readlinkat(parent.fd.get(), parent.name.c_str(), text, sizeof text);
    return length > 0 ? std::string(text, static_cast<size_t>(length)) : std::string{};
}

Expected<OpenFile, int> create_file(KernelState& kernel, Task& task, const Parent& parent, int flags,
                                    mode_t mode) {
    if (parent.is_root) return Unexpected{EISDIR};
    if (!parent.writable) return Unexpected{EROFS};
    open_how how{};
    how.flags =
        static_cast<u64>((flags & kReopenFlags & ~O_TRUNC) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC);
    how.mode = mode & 07777 & ~kernel.fs_of(task).umask;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const long fd = host::openat2(parent.fd.get(), parent.name.c_str(), how);
    if (fd < 0) return Unexpected{errno};
    UniqueFd owned{static_cast<int>(fd)};
    (void)host::fchmod(owned.get(), static_cast<mode_t>(how.mode));  // the host's umask is not the guest's
    kernel.system.page_cache.forget_buffered(identity_of(owned.get()), 0, ~u64{0});  // a number used again
    std::string path = guest_path(kernel, owned.get());
    fsnotify_name(kernel, parent.fd.get(), parent.name, IN_CREATE);
    fsnotify_fd(kernel, owned.get(), IN_OPEN);
    return named_file(kernel, std::move(owned), std::move(path), flags & kKeptFlags, true);
}

/// open_node(), told to who watches.
Expected<OpenFile, int> open_found(KernelState& kernel, Task& task, Node node, int flags, mode_t mode) {
    auto file = open_node(kernel, task, std::move(node), flags, mode);
    if (!file) return file;
    fsnotify_file(kernel, *file, IN_OPEN);
    if (flags & O_TRUNC) fsnotify_file(kernel, *file, IN_MODIFY);
    return file;
}

}  // namespace

Expected<OpenFile, int> open_path(KernelState& kernel, Task& task, int dirfd, const std::string& path,
                                  int flags, mode_t mode) {
    if (flags & O_PATH) flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const bool exclusive = (flags & O_CREAT) && (flags & O_EXCL);
    const Follow follow = (flags & O_NOFOLLOW) || exclusive ? Follow::kNo : Follow::kYes;
    auto start = start_directory(kernel, task, dirfd, path);
    if (!start) return Unexpected{path.empty() ? ENOENT : start.error()};
    StartDirectory from = *start;
    std::string name = path;
    Parent parent;  // these two keep `from` alive while links are followed
    std::string parent_path;
    for (int links = 0; links < kMaxLinks; ++links) {
        const auto parent_of_name = [&] {
            return links ? kernel.paths->lookup_parent(from, name)
                         : lookup_parent_path(kernel, task, dirfd, name);
        };
        if ((flags & O_CREAT) && !name.empty() && name.back() == '/') {  // open_last_lookups()
            const auto found = parent_of_name();
            if (!found) return Unexpected{found.error()};
            if (!found->is_root && found->name != "./" && found->name != "../") return Unexpected{EISDIR};
        }
        auto node =
            links ? kernel.paths->lookup(from, name, follow) : lookup_path(kernel, task, dirfd, name, follow);
        if (node && exclusive) return Unexpected{EEXIST};
        if (node) return open_found(kernel, task, std::move(*node), flags, mode);
        if (node.error() != ENOENT || !(flags & O_CREAT) || name.empty()) return Unexpected{node.error()};
        if (name.back() == '/') return Unexpected{EISDIR};
        auto found = parent_of_name();
        if (!found) return Unexpected{found.error()};
        if (!found->fd && !found->is_root) return Unexpected{ENOENT};  // nothing is made in /proc
        const std::string target = follow == Follow::kYes ? link_target(*found) : std::string{};
        if (target.empty()) {
            auto file = create_file(kernel, task, *found, flags, mode);
            if (file || file.error() != EEXIST || exclusive) return file;
            continue;  // it has just come into being: open it
        }
        parent = std::move(*found);
        parent_path = guest_path(kernel, parent.fd.get());
        from = {parent.fd.get(), parent_path};
        name = target;
    }
    return Unexpected{ELOOP};
}

Expected<OpenFile, int> open_path_resolved(KernelState& kernel, Task& task, int dirfd,
                                           const std::string& path, int flags, mode_t mode, u64 resolve) {
    const bool exclusive = (flags & O_CREAT) && (flags & O_EXCL);
    const Follow follow = (flags & O_NOFOLLOW) || exclusive ? Follow::kNo : Follow::kYes;
    constexpr int kAttempts = 3;  // a name that comes and goes meanwhile
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        auto node = lookup_resolved(kernel, task, dirfd, path, follow, resolve);
        if (node && exclusive) return Unexpected{EEXIST};
        if (node) return open_found(kernel, task, std::move(*node), flags, mode);
        if (node.error() != ENOENT || !(flags & O_CREAT) || path.empty()) return Unexpected{node.error()};
        if (path.back() == '/') return Unexpected{EISDIR};
        auto parent = lookup_parent_resolved(kernel, task, dirfd, path, resolve);
        if (!parent) return Unexpected{parent.error()};
        if (!parent->fd && !parent->is_root) return Unexpected{ENOENT};
        // Deviation: what a dangling link names is not made.
        if (follow == Follow::kYes && !link_target(*parent).empty()) return Unexpected{ELOOP};
        auto file = create_file(kernel, task, *parent, flags, mode);
        if (file || file.error() != EEXIST || exclusive) return file;
    }
    return Unexpected{EAGAIN};
}

namespace {

/// The object of one of the task's descriptors, to be executed.
Expected<UniqueFd, int> pin_descriptor(KernelState& kernel, Task& task, int fd, int missing) {
    OpenFile* file = file_of(kernel, task, fd, FileUse::kAnyFile);
    if (!file) return Unexpected{missing};
    if (file->kind != OpenFile::Kind::kHost) return Unexpected{EACCES};
    UniqueFd pinned{host::open(descriptor_path(file->fd.get()).c_str(), O_PATH | O_CLOEXEC)};
    if (!pinned) return Unexpected{errno};
    return pinned;
}

Expected<UniqueFd, int> pin_program(KernelState& kernel, Task& task, const std::string& path, int dirfd,
                                    Follow follow) {
    if (path.empty()) return pin_descriptor(kernel, task, dirfd, EBADF);
    if (kernel.config.files.none) {  // the user's own program and its loader; no other
        if (task.mm) return Unexpected{ENOENT};
        UniqueFd pinned{host::open(path.c_str(), O_PATH | O_CLOEXEC)};
        if (!pinned) return Unexpected{errno};
        return pinned;
    }
    auto node = lookup_path(kernel, task, dirfd, path, follow);
    if (!node) return Unexpected{node.error()};
    if (node->kind == Node::Kind::kDescriptor) return pin_descriptor(kernel, task, node->descriptor, ENOENT);
    if (node->kind == Node::Kind::kProc && follow == Follow::kNo) {
        const auto entry = proc_entry(kernel, task, node->path);
        if (entry && entry->kind == ProcEntry::Kind::kLink) return Unexpected{ELOOP};
    }
    if (node->kind != Node::Kind::kHost) return Unexpected{EACCES};
    if (S_ISLNK(node->status.st_mode)) return Unexpected{ELOOP};
    return std::move(node->fd);
}

}  // namespace

Expected<OpenFile, int> open_program(KernelState& kernel, Task& task, const std::string& path, int dirfd,
                                     Follow follow) {
    auto place = pin_program(kernel, task, path, dirfd, follow);
    if (!place) return Unexpected{place.error()};
    const UniqueFd pinned = std::move(*place);
    struct stat status {};
    if (host::fstat(pinned.get(), &status) != 0) return Unexpected{errno};
    if (!S_ISREG(status.st_mode)) return Unexpected{EACCES};
    if (host::faccessat(AT_FDCWD, descriptor_path(pinned.get()).c_str(), X_OK, AT_EACCESS) != 0)
        return Unexpected{errno};
    auto fd = reopen(pinned.get(), O_RDONLY);
    if (!fd) return Unexpected{fd.error()};
    const auto name = kernel.paths->guest_path_of(fd->get());
    return named_file(kernel, std::move(*fd), name ? *name : path, O_RDONLY, false);
}

}  // namespace kernel
