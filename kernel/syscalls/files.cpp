// Descriptors: open, close, dup, fcntl, ioctl, pipe, directories, sizes. Linux: fs/open.c, fs/file.c,
// fs/fcntl.c, fs/ioctl.c, fs/readdir.c.
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>

#include "kernel/fs/files.h"
#include "kernel/fs/host_backing.h"
#include "kernel/fs/hugetlb_file.h"
#include "kernel/fs/job_control.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/tty.h"
#include "kernel/host/host.h"
#include "kernel/mmap.h"
#include "kernel/syscalls/functions.h"
#include "kernel/syscalls/locks.h"
#include "kernel/syscalls/proc_list.h"
#include "kernel/wait.h"
#include "mmu/base/log.h"

namespace kernel::calls {

namespace {

constexpr int kTmpFile = 020000000;  ///< __O_TMPFILE
constexpr int kValidOpenFlags = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |
                                O_SYNC | O_DSYNC | FASYNC | O_DIRECT | 0100000 | O_DIRECTORY | O_NOFOLLOW |
                                O_NOATIME | O_CLOEXEC | O_PATH | kTmpFile;

/// wait_for_partner(): the end of a FIFO is open already, so that the other side finds it; the call's
/// progress names it (and how often the other side had been opened) until the descriptor can be given.
i64 open_when_joined(Syscall& call, bool close_on_exec) {
    const u64 parked = call.task.blocked_call.progress;
    const auto id = static_cast<OpenFileId>(parked);
    const OpenFile& file = call.kernel.files.at(id);
    i64 result = 0;
    if (lacks_partner(call.kernel, file) && partner_opens(call.kernel, file) == parked >> 32) {
        WaitFor wait;
        wait.keys.push_back(file.ops->key(call.task, file));
        result = block(call.kernel, call.task, wait);
        if (result == -kCallBlocked) return result;
    } else {
        result = install_reference(call.kernel, call.task, id, close_on_exec);
    }
    fput(call.kernel, id);
    return result;
}

i64 do_open(Syscall& call, int dirfd, unsigned path_argument, int flags, u64 mode, u64 resolve = 0) {
    if (call.task.blocked_call.progress) return open_when_joined(call, flags & O_CLOEXEC);
    // build_open_flags()
    flags &= kValidOpenFlags;
    if (flags & O_PATH) flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if ((flags & kTmpFile) && (!(flags & O_DIRECTORY) || (flags & O_CREAT))) return -EINVAL;
    if ((flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT)) return -EINVAL;  // 6.4
    const auto path = call.path(path_argument);
    if (!path) return -path.error();
    if (path->empty()) return -ENOENT;
    // get_unused_fd_flags(): before the file is looked for, or made
    if (call.files().lowest_free(0, call.mm().rlimit(kRlimitNofile)) < 0) return -EMFILE;
    const mode_t rights = static_cast<mode_t>(mode);
    auto file = resolve ? open_path_resolved(call.kernel, call.task, dirfd, *path, flags, rights, resolve)
                        : open_path(call.kernel, call.task, dirfd, *path, flags, rights);
    if (!file) return -file.error();
    if (!lacks_partner(call.kernel, *file))
        return install_file(call.kernel, call.task, std::move(*file), flags & O_CLOEXEC);
    const u64 opens = partner_opens(call.kernel, *file);
    const OpenFileId id = call.kernel.files.add(std::move(*file));
    call.kernel.files.get(id);
    call.task.blocked_call.progress = opens << 32 | id;
    return open_when_joined(call, flags & O_CLOEXEC);
}

OpenFile plain_host_file(UniqueFd fd, int flags) {
    OpenFile file;
    struct stat status {};
    if (host::fstat(fd.get(), &status) == 0) file.type = status.st_mode & S_IFMT;
    file.fd = std::move(fd);
    file.flags = flags;
    return file;
}

/// The host descriptor of a file that is the host's; -1: one of our own.
int host_fd(const OpenFile& file) {
    return file.kind == OpenFile::Kind::kHost ? file.fd.get() : -1;
}

i64 result_of(long result) {
    return result < 0 ? -errno : result;
}

}  // namespace

i64 open(Syscall& call) {
    return do_open(call, AT_FDCWD, 0, call.integer(1), call.args[2]);
}
i64 openat(Syscall& call) {
    return do_open(call, call.integer(0), 1, call.integer(2), call.args[3]);
}
i64 creat(Syscall& call) {
    return do_open(call, AT_FDCWD, 0, O_CREAT | O_WRONLY | O_TRUNC, call.args[1]);
}

i64 openat2(Syscall& call) {
    open_how how{};
    if (call.args[3] < sizeof how) return -EINVAL;
    if (call.args[3] > mmu::kPageSize) return -E2BIG;
    // copy_struct_from_user(): a longer structure is fine while the rest of it is zero.
    std::vector<u8> rest(call.args[3] - sizeof how);
    if (copy_from_user(call.system(), call.mm(), rest.data(), call.args[2] + sizeof how, rest.size()))
        return -EFAULT;
    for (const u8 byte : rest)
        if (byte) return -E2BIG;
    if (call.get(how, call.args[2])) return -EFAULT;
    if (how.flags & ~static_cast<u64>(kValidOpenFlags)) return -EINVAL;
    if ((how.mode & ~u64{07777}) || (how.mode && !(how.flags & (O_CREAT | kTmpFile)))) return -EINVAL;
    constexpr u64 kResolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH |
                             RESOLVE_IN_ROOT | RESOLVE_CACHED;
    if (how.resolve & ~kResolve) return -EINVAL;
    if ((how.resolve & RESOLVE_BENEATH) && (how.resolve & RESOLVE_IN_ROOT)) return -EINVAL;
    // All names count as cached.
    if ((how.resolve & RESOLVE_CACHED) && (how.flags & (O_TRUNC | O_CREAT | kTmpFile))) return -EAGAIN;
    return do_open(call, call.integer(0), 1, static_cast<int>(how.flags), how.mode, how.resolve);
}

i64 close(Syscall& call) {
    return close_file(call.kernel, call.task, call.integer(0));
}

i64 close_range(Syscall& call) {
    const u32 first = static_cast<u32>(call.args[0]), last = static_cast<u32>(call.args[1]);
    const u32 flags = static_cast<u32>(call.args[2]);
    if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) return -EINVAL;
    if (first > last) return -EINVAL;
    for (u64 fd = first; fd <= last && fd < static_cast<u64>(call.files().size()); ++fd) {
        FdTable::Slot* slot = call.files().find(static_cast<int>(fd));
        if (!slot) continue;
        if (flags & CLOSE_RANGE_CLOEXEC)
            slot->close_on_exec = true;
        else
            (void)close_file(call.kernel, call.task, static_cast<int>(fd));
    }
    return 0;
}

i64 dup(Syscall& call) {
    const FdTable::Slot* slot = call.files().find(call.integer(0));
    return slot ? install_reference(call.kernel, call.task, slot->file, false) : -EBADF;
}

namespace {

i64 replace_fd(Syscall& call, int from, int to, bool close_on_exec) {
    const FdTable::Slot* slot = call.files().find(from);
    if (to < 0 || static_cast<u64>(to) >= call.mm().rlimit(kRlimitNofile)) return -EBADF;
    if (!slot) return -EBADF;
    const OpenFileId id = slot->file;
    call.kernel.files.get(id);
    (void)close_file(call.kernel, call.task, to);
    call.files().set(to, {id, close_on_exec});
    return to;
}

}  // namespace

i64 dup2(Syscall& call) {
    const int from = call.integer(0), to = call.integer(1);
    if (from == to) return call.files().find(from) ? to : -EBADF;
    return replace_fd(call, from, to, false);
}

i64 dup3(Syscall& call) {
    if (call.integer(2) & ~O_CLOEXEC) return -EINVAL;
    if (call.integer(0) == call.integer(1)) return -EINVAL;
    return replace_fd(call, call.integer(0), call.integer(1), call.integer(2) & O_CLOEXEC);
}

namespace {

constexpr int kSettable = O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT;  ///< SETFL_MASK

i64 get_flags(const OpenFile& file) {
    if (file.path_only) return O_PATH | (file.flags & (O_NOFOLLOW | O_DIRECTORY));
    if (file.kind == OpenFile::Kind::kObject || file.network) return file.flags;
    const int fd = host_fd(file);
    if (fd < 0) return file.flags | 0100000;
    // How the host was asked is not how the guest asked: names are looked up apart.
    constexpr i64 kOfName = O_NOFOLLOW | O_DIRECTORY;
    const i64 flags = result_of(host::fcntl(fd, F_GETFL));
    return flags < 0 ? flags : (flags & ~kOfName) | (file.flags & kOfName);
}

i64 set_flags(OpenFile& file, int flags) {
    file.flags = (file.flags & ~kSettable) | (flags & kSettable);
    const int fd = file.network ? -1 : host_fd(file);
    return fd < 0 ? 0 : result_of(host::fcntl(fd, F_SETFL, flags & kSettable));
}

}  // namespace

i64 fcntl(Syscall& call) {
    FdTable::Slot* slot = call.files().find(call.integer(0));
    if (!slot) return -EBADF;
    OpenFile& file = call.kernel.files.at(slot->file);
    const int command = call.integer(1);
    const u64 argument = call.args[2];
    if (file.path_only && command != F_DUPFD && command != F_DUPFD_CLOEXEC && command != F_GETFD &&
        command != F_SETFD && command != F_GETFL)
        return -EBADF;
    switch (command) {
        case F_DUPFD:
        case F_DUPFD_CLOEXEC:
            if (argument >= call.mm().rlimit(kRlimitNofile)) return -EINVAL;
            return install_reference(call.kernel, call.task, slot->file, command == F_DUPFD_CLOEXEC,
                                     static_cast<int>(argument));
        case F_GETFD:
            return slot->close_on_exec ? FD_CLOEXEC : 0;
        case F_SETFD:
            slot->close_on_exec = argument & FD_CLOEXEC;
            return 0;
        case F_GETFL:
            return get_flags(file);
        case F_SETFL:
            return set_flags(file, static_cast<int>(argument));
        case F_GETLK:
        case F_SETLK:
        case F_SETLKW:
        case F_OFD_GETLK:
        case F_OFD_SETLK:
        case F_OFD_SETLKW:
            return fcntl_lock(call, file, command);
        case F_GETOWN:
        case F_SETOWN:  // no signal is ever sent for it
        case F_GETSIG:
            return 0;
        case F_SETSIG:
            return argument > kSignals ? -EINVAL : 0;
        case F_GETOWN_EX:
            return call.put(f_owner_ex{F_OWNER_PID, 0}, argument);
        case F_SETOWN_EX: {
            f_owner_ex owner;
            return call.get(owner, argument) ? -EFAULT : 0;
        }
        case F_GETPIPE_SZ:
            return pipe_size(call.kernel, file);
        case F_SETPIPE_SZ:
            return set_pipe_size(call.kernel, file, argument);
        case F_ADD_SEALS:
            if ((argument & F_SEAL_WRITE) && host_fd(file) >= 0 && mapped_writable(call.kernel, file))
                return -EBUSY;
            [[fallthrough]];
        case F_GET_SEALS:
            return host_fd(file) < 0
                       ? -EINVAL
                       : result_of(host::fcntl(host_fd(file), command, static_cast<int>(argument)));
        default:
            return -EINVAL;
    }
}

namespace {

/// Copies a structure from the host's ioctl to the guest.
template <class T>
i64 ioctl_get(Syscall& call, int fd, unsigned long request) {
    T value{};
    if (host::ioctl(fd, request, &value, sizeof value) < 0) return -errno;
    return call.put(value, call.args[2]);
}
template <class T>
i64 ioctl_set(Syscall& call, int fd, unsigned long request) {
    T value;
    if (call.get(value, call.args[2])) return -EFAULT;
    return host::ioctl(fd, request, &value, sizeof value) < 0 ? -errno : 0;
}

/// struct termios of the kernel: without the two speeds that glibc adds.
struct KernelTermios {
    u32 flags[4];
    u8 line, control[19];
};
static_assert(sizeof(KernelTermios) == 36);

i64 ioctl_termios(Syscall& call, int fd, unsigned long request) {
    KernelTermios value{};
    if (request != TCGETS && call.get(value, call.args[2])) return -EFAULT;
    if (host::ioctl(fd, request, &value, sizeof value) < 0) return -errno;
    return request == TCGETS ? call.put(value, call.args[2]) : 0;
}

}  // namespace

i64 ioctl(Syscall& call) {
    FdTable::Slot* slot = call.files().find(call.integer(0));
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    const unsigned long request = static_cast<u32>(call.args[1]);
    switch (request) {
        case FIOCLEX:
            slot->close_on_exec = true;
            return 0;
        case FIONCLEX:
            slot->close_on_exec = false;
            return 0;
        case FIONBIO: {
            int on = 0;
            if (call.get(on, call.args[2])) return -EFAULT;
            const i64 flags = get_flags(*file);
            return set_flags(*file, static_cast<int>(on ? flags | O_NONBLOCK : flags & ~i64{O_NONBLOCK}));
        }
        default:
            break;
    }
    if (file->kind == OpenFile::Kind::kObject && file->ops->ioctl) {
        FileCall operation{call.kernel, call.task, *file};
        return file->ops->ioctl(operation, request, call.args[2]);
    }
    const int fd = host_fd(*file);
    if (fd < 0) return -ENOTTY;
    switch (request) {  // only what cannot reach beyond the file itself
        case FIONREAD:
            return ioctl_get<int>(call, fd, request);
        case TIOCOUTQ:
            return ioctl_get<int>(call, fd, request);
        case TIOCGWINSZ:
            return ioctl_get<winsize>(call, fd, request);
        case TIOCSWINSZ:
            return ioctl_set<winsize>(call, fd, request);
        case TCGETS:
        case TCSETS:
        case TCSETSW:
        case TCSETSF:
            if (request != TCGETS && host::isatty(fd))
                if (const i64 error = check_background(call.kernel, call.task, kUserTerminal, SIGTTOU))
                    return error;
            return ioctl_termios(call, fd, request);
        case TCFLSH:
        case TCSBRK:
            return result_of(host::ioctl(fd, request, call.args[2]));
        case TIOCGPGRP:
        case TIOCSPGRP:
        case TIOCGSID:
        case TIOCSCTTY:
        case TIOCNOTTY:
            if (!host::isatty(fd)) return -ENOTTY;
            return *ioctl_job_control(call.kernel, call.task, kUserTerminal, request, call.args[2]);
        default:
            LOG(debug, "ioctl {:#x} is not supported: ENOTTY", request);
            return -ENOTTY;
    }
}

namespace {

i64 do_pipe(Syscall& call, int flags) {
    if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) return -EINVAL;
    PipeEnds ends = make_pipe(call.kernel, flags & (O_NONBLOCK | O_DIRECT));
    return install_pair(call.kernel, call.task, std::move(ends.reader), std::move(ends.writer),
                        flags & O_CLOEXEC, call.args[0]);
}

}  // namespace

i64 pipe(Syscall& call) {
    return do_pipe(call, 0);
}
i64 pipe2(Syscall& call) {
    return do_pipe(call, call.integer(1));
}

i64 memfd_create(Syscall& call) {
    const u64 flags = call.args[1] & 0xffffffff;
    constexpr u64 kSizeBits = u64{63} << 26;  // MFD_HUGE_*
    if (flags & ~(u64{MFD_CLOEXEC | MFD_ALLOW_SEALING} | MFD_HUGETLB | (flags & MFD_HUGETLB ? kSizeBits : 0)))
        return -EINVAL;
    std::string name;
    const i64 length = strncpy_from_user(call.system(), call.mm(), name, call.args[0], 250);
    if (length < 0) return length;
    if (length == 250) return -EINVAL;
    if (flags & MFD_HUGETLB) {
        auto file = make_hugetlb_file(call.kernel, flags >> 26 & 63, "/memfd:" + name + " (deleted)");
        if (!file) return -ENODEV;
        return install_file(call.kernel, call.task, std::move(*file), flags & MFD_CLOEXEC);
    }
    const int fd = host::memfd_create(name.c_str(), MFD_CLOEXEC | (flags & MFD_ALLOW_SEALING));
    if (fd < 0) return -errno;
    OpenFile file = plain_host_file(UniqueFd{fd}, O_RDWR);
    file.may_change = true;
    file.path = "/memfd:" + name + " (deleted)";
    return install_file(call.kernel, call.task, std::move(file), flags & MFD_CLOEXEC);
}

i64 fsync(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    return host_fd(*file) < 0 ? -EINVAL : result_of(host::fsync(host_fd(*file)));
}

i64 fdatasync(Syscall& call) {
    return fsync(call);
}
i64 sync(Syscall&) {
    return 0;
}  // Deviation: a guest has no business to make the whole host write its disks
i64 syncfs(Syscall& call) {
    return file_of(call.kernel, call.task, call.integer(0)) ? 0 : -EBADF;
}

i64 ftruncate(Syscall& call) {
    const i64 length = static_cast<i64>(call.args[1]);
    if (length < 0) return -EINVAL;
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if (is_object(*file, kHugetlbFileOperations))
        return truncate_hugetlb_file(call.kernel, *file, static_cast<u64>(length));
    if (!file->regular() || !file->writable() || host_fd(*file) < 0) return -EINVAL;
    if (host::ftruncate(host_fd(*file), length) != 0) return -errno;
    truncate_pagecache(call.system(), call.mm(), identity_of(host_fd(*file)), static_cast<u64>(length));
    return 0;
}

i64 truncate(Syscall& call) {
    const i64 length = static_cast<i64>(call.args[1]);
    if (length < 0) return -EINVAL;
    const auto path = call.path(0);
    if (!path) return -path.error();
    const auto node = lookup_path(call.kernel, call.task, AT_FDCWD, *path, Follow::kYes);
    if (!node) return -node.error();
    if (node->is_directory()) return -EISDIR;
    if (node->kind != Node::Kind::kHost || !S_ISREG(node->status.st_mode)) return -EINVAL;
    const UniqueFd place = call.kernel.paths->reach_writable(node->fd.get());
    if (!place) return -EROFS;
    if (host::truncate(descriptor_path(place.get()).c_str(), length) != 0) return -errno;
    truncate_pagecache(call.system(), call.mm(), identity_of(place.get()), static_cast<u64>(length));
    return 0;
}

i64 fallocate(Syscall& call) {
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    const i64 offset = static_cast<i64>(call.args[2]), length = static_cast<i64>(call.args[3]);
    if (offset < 0 || length <= 0) return -EINVAL;
    if (call.integer(1) & ~FALLOC_FL_KEEP_SIZE) return -EOPNOTSUPP;
    if (!file->writable()) return -EBADF;
    if (S_ISFIFO(file->type)) return -ESPIPE;
    if (S_ISDIR(file->type)) return -EISDIR;
    if (!file->regular() || host_fd(*file) < 0) return -ENODEV;
    return result_of(host::fallocate(host_fd(*file), call.integer(1), offset, length));
}

namespace {

/// generic_fadvise(). A file that nobody maps is not cached, so that only its description remembers.
i64 advise_file(Syscall& call, const OpenFile& file, u64 offset, u64 length, int advice) {
    PageCache& cache = call.system().page_cache;
    switch (advice) {
        case POSIX_FADV_NORMAL:
            cache.forget_advice(file.id);
            return 0;
        case POSIX_FADV_RANDOM:
            cache.advise(file.id, FileAdvice::kRandom);
            return 0;
        case POSIX_FADV_SEQUENTIAL:
            cache.advise(file.id, FileAdvice::kSequential);
            return 0;
        case POSIX_FADV_WILLNEED:
        case POSIX_FADV_DONTNEED:
            break;
        case POSIX_FADV_NOREUSE:
            return 0;
        default:
            return -EINVAL;
    }
    AddressSpace* space = host_fd(file) < 0 ? nullptr : cache.find(identity_of(host_fd(file)));
    if (!space) return 0;
    const u64 last = !length || offset + length - 1 < offset ? ~u64{0} : offset + length - 1;
    if (advice == POSIX_FADV_WILLNEED) {
        cache.read_ahead(call.system(), *space, offset >> mmu::kPageShift, (last >> mmu::kPageShift) + 1);
        return 0;
    }
    cache.drop_clean_pages(call.system(), *space, (offset + mmu::kPageSize - 1) >> mmu::kPageShift,
                           last == ~u64{0} ? last : (last + 1) >> mmu::kPageShift);
    return 0;
}

}  // namespace

i64 fadvise64(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if (S_ISFIFO(file->type)) return -ESPIPE;
    if (static_cast<i64>(call.args[2]) < 0) return -EINVAL;
    return advise_file(call, *file, call.args[1], call.args[2], call.integer(3));
}

i64 readahead(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file || !file->readable()) return -EBADF;
    if (!file->regular()) return -EINVAL;
    return advise_file(call, *file, call.args[1], call.args[2], POSIX_FADV_WILLNEED);
}

namespace {

i64 list_directory(Syscall& call, long host_call) {
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if (!S_ISDIR(file->type)) return -ENOTDIR;
    if (file->kind == OpenFile::Kind::kText)
        return list_proc(call, *file, host_call == SYS_getdents64 ? Dirent::k64 : Dirent::kOld);
    if (host_fd(*file) < 0) return -ENOTDIR;
    constexpr u64 kMaxBytes = 64 << 10;
    if (static_cast<int>(call.args[2]) < 0) return -EINVAL;  // no entry fits into a negative count
    std::vector<u8> entries(std::min<u64>(call.args[2] & 0xffffffff, kMaxBytes));
    const off_t before = host::lseek(host_fd(*file), 0, SEEK_CUR);
    const long got = host::getdents(host_call, host_fd(*file), entries.data(), entries.size());
    if (got < 0) return -errno;
    if (copy_to_user(call.system(), call.mm(), call.args[1], entries.data(), static_cast<usize>(got))) {
        (void)host::lseek(host_fd(*file), before, SEEK_SET);
        return -EFAULT;
    }
    return got;
}

}  // namespace

i64 getdents(Syscall& call) {
    return list_directory(call, SYS_getdents);
}
i64 getdents64(Syscall& call) {
    return list_directory(call, SYS_getdents64);
}

i64 umask(Syscall& call) {
    const u32 old = call.kernel.fs_of(call.task).umask;
    call.kernel.fs_of(call.task).umask = static_cast<u32>(call.args[0]) & 0777;
    return old;
}

}  // namespace kernel::calls
