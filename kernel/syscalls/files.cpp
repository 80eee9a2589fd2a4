// Descriptors: open, close, dup, fcntl, pipe. Linux: fs/open.c, fs/file.c, fs/fcntl.c.
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/fork.h"
#include "kernel/fs/files.h"
#include "kernel/fs/host_backing.h"
#include "kernel/fs/hugetlb_file.h"
#include "kernel/fs/pipe.h"
#include "kernel/host/host.h"
#include "kernel/syscalls/descriptors.h"
#include "kernel/syscalls/functions.h"
#include "kernel/syscalls/locks.h"
#include "kernel/unsupported.h"
#include "kernel/wait.h"

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
    if (flags & CLOSE_RANGE_UNSHARE) unshare_files(call.kernel, call.task);
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
constexpr int kDupFdQuery = 1027, kCancelLock = 1029;  ///< F_DUPFD_QUERY (since 6.10), F_CANCELLK

i64 refuse(Syscall& call, int error) {
    return refuse_unsupported(call.kernel, "fcntl", call.args[1] & 0xffffffff, error);
}

constexpr int kSettable = O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT;  ///< SETFL_MASK
}  // namespace

i64 get_flags(const OpenFile& file) {
    if (file.path_only) return O_PATH | (file.flags & (O_NOFOLLOW | O_DIRECTORY));
    if (file.kind == OpenFile::Kind::kObject || file.network) return file.flags;
    const int fd = host_fd(file);
    if (fd < 0) return file.flags | 0100000;
    // How the host was asked is not how the guest asked: names are looked up apart.
    constexpr i64 kOfName = O_NOFOLLOW | O_DIRECTORY;
    const i64 flags = host_result(host::fcntl(fd, F_GETFL));
    return flags < 0 ? flags : (flags & ~kOfName) | (file.flags & kOfName);
}

i64 set_flags(OpenFile& file, int flags) {
    file.flags = (file.flags & ~kSettable) | (flags & kSettable);
    const int fd = file.network ? -1 : host_fd(file);
    return fd < 0 ? 0 : host_result(host::fcntl(fd, F_SETFL, flags & kSettable));
}

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
            if (const i64 error = set_flags(file, static_cast<int>(argument))) return error;
            if (has_fasync(file))
                set_fasync(call.kernel, call.task, file, call.integer(0), argument & FASYNC);
            else if (argument & FASYNC && file.kind == OpenFile::Kind::kHost && !file.regular())
                (void)refuse_unsupported(call.kernel, "fcntl F_SETFL: O_ASYNC of the host's", FASYNC, 0);
            return 0;
        case F_GETLK:
        case F_SETLK:
        case F_SETLKW:
        case F_OFD_GETLK:
        case F_OFD_SETLK:
        case F_OFD_SETLKW:
            return fcntl_lock(call, file, command);
        case F_GETOWN:
            return owner_of(call.kernel, file);
        case F_SETOWN:
            return set_owner(call.kernel, file, static_cast<int>(argument));
        case F_GETSIG:
            return file.owner.signal;
        case F_SETSIG:
            if (argument > kSignals) return -EINVAL;
            file.owner.signal = static_cast<int>(argument);
            return 0;
        case F_GETOWN_EX: {
            const int owner = owner_of(call.kernel, file);
            const auto type = static_cast<__pid_type>(file.owner.type);
            return call.put(f_owner_ex{type, owner < 0 ? -owner : owner}, argument);
        }
        case F_SETOWN_EX: {
            struct {
                int type, pid;
            } owner;
            if (call.get(owner, argument)) return -EFAULT;
            return set_owner_ex(call.kernel, file, owner.type, owner.pid);
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
                       : host_result(host::fcntl(host_fd(file), command, static_cast<int>(argument)));
        case kDupFdQuery: {
            const FdTable::Slot* other = call.files().find(static_cast<int>(argument));
            return other ? other->file == slot->file : -EBADF;
        }
        case F_GETLEASE:
            return F_UNLCK;
        case F_SETLEASE:  // as on a file system without leases
            return argument == F_UNLCK ? -EAGAIN : refuse(call, EINVAL);
        case F_GET_RW_HINT:
            return call.put(u64{RWH_WRITE_LIFE_NOT_SET}, argument) ? -EFAULT : 0;
        case F_NOTIFY:
            if (!(argument & ~u64{DN_MULTISHOT})) return 0;
            return S_ISDIR(file.type) ? refuse(call, EINVAL) : -ENOTDIR;
        case kCancelLock:
            return -EINVAL;  // as of a lock that nobody waits for
        default:
            return refuse(call, EINVAL);
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
    constexpr u64 kSizeBits = u64{63} << 26;    // MFD_HUGE_*
    constexpr u64 kNoexecSeal = 8, kExec = 16;  // MFD_NOEXEC_SEAL, MFD_EXEC
    constexpr u64 kPlain = MFD_CLOEXEC | MFD_ALLOW_SEALING | kNoexecSeal | kExec;
    if (flags & ~(kPlain | MFD_HUGETLB | (flags & MFD_HUGETLB ? kSizeBits : 0))) return -EINVAL;
    if ((flags & kNoexecSeal) && (flags & kExec)) return -EINVAL;
    std::string name;
    const i64 length = strncpy_from_user(call.system(), call.mm(), name, call.args[0], 250);
    if (length < 0) return length;
    if (length == 250) return -EINVAL;
    if (flags & MFD_HUGETLB) {
        auto file = make_hugetlb_file(call.kernel, flags >> 26 & 63, "/memfd:" + name + " (deleted)");
        if (!file) return -ENODEV;
        return install_file(call.kernel, call.task, std::move(*file), flags & MFD_CLOEXEC);
    }
    const auto create = [&](u64 host_flags) {
        return host::memfd_create(name.c_str(), static_cast<unsigned>(MFD_CLOEXEC | host_flags));
    };
    int fd = create(flags & (kPlain & ~u64{MFD_CLOEXEC}));
    if (fd < 0 && errno == EINVAL && (flags & (kNoexecSeal | kExec))) {  // a host older than 6.3
        fd = create(flags & kNoexecSeal ? MFD_ALLOW_SEALING : flags & MFD_ALLOW_SEALING);
        if (fd >= 0 && (flags & kNoexecSeal)) (void)host::fchmod(fd, 0666);
    }
    if (fd < 0) return -errno;
    OpenFile file = plain_host_file(UniqueFd{fd}, O_RDWR);
    file.may_change = true;
    file.tmpfs = Tmpfs::kMemfd;
    file.path = "/memfd:" + name + " (deleted)";
    return install_file(call.kernel, call.task, std::move(file), flags & MFD_CLOEXEC);
}

i64 umask(Syscall& call) {
    const u32 old = call.kernel.fs_of(call.task).umask;
    call.kernel.fs_of(call.task).umask = static_cast<u32>(call.args[0]) & 0777;
    return old;
}

}  // namespace kernel::calls
