// Locking files: fcntl's record locks and flock. Who has to wait sleeps as a guest; where a program of the
// host's has the lock, it is asked again every few milliseconds. Linux: fs/locks.c.
#include "kernel/syscalls/locks.h"

#include <fcntl.h>
#include <sys/file.h>

#include "kernel/fs/files.h"
#include "kernel/host/host.h"
#include "kernel/syscalls/functions.h"
#include "kernel/wait.h"

namespace kernel::calls {

namespace {

using Kind = FileLock::Kind;
using Identity = FileBacking::Identity;
using mmu::Expected;
using mmu::Unexpected;

constexpr u64 kAskHostAgain_ns = 5'000'000;

/// flock64_to_posix_lock(): the range.
Expected<FileLock, int> lock_from(const OpenFile& file, const struct flock& request, i64 position) {
    i64 start = 0;
    if (request.l_whence == SEEK_CUR) {
        start = position;
    } else if (request.l_whence == SEEK_END) {
        struct ::stat status {};
        if (stat_file(file, status) == 0) start = status.st_size;
    } else if (request.l_whence != SEEK_SET) {
        return Unexpected{EINVAL};
    }
    if (__builtin_add_overflow(start, request.l_start, &start)) return Unexpected{EOVERFLOW};
    if (start < 0) return Unexpected{EINVAL};
    FileLock lock;
    lock.start = static_cast<u64>(start);
    if (request.l_len > 0) {
        if (static_cast<u64>(request.l_len) - 1 > kLockToEnd - lock.start) return Unexpected{EOVERFLOW};
        lock.end = lock.start + static_cast<u64>(request.l_len) - 1;
    } else if (request.l_len < 0) {
        if (start + request.l_len < 0) return Unexpected{EINVAL};
        lock.end = lock.start - 1;
        lock.start = static_cast<u64>(start + request.l_len);
    }
    if (request.l_type != F_RDLCK && request.l_type != F_WRLCK && request.l_type != F_UNLCK)
        return Unexpected{EINVAL};
    lock.type = request.l_type;
    return lock;
}

i64 wait_for_lock(Syscall& call, Identity identity, const FileLock& lock, bool on_host) {
    KernelState& kernel = call.kernel;
    WaitFor wait;
    wait.keys.push_back(wait_key(WaitKind::kLock, 0));
    if (on_host) {
        wait.host.push_back({-1, 0, 0});  // time passes for real
        wait.deadline_ns = kernel.clock.now_ns() + kAskHostAgain_ns;
    }
    const i64 result = block(kernel, call.task, wait);
    if (result == -kCallBlocked) kernel.locks.waiters[call.task.pid] = {identity, lock};
    return result;
}

i64 file_position(const OpenFile& file) {
    if (file.kind != OpenFile::Kind::kHost) return static_cast<i64>(file.offset);
    return std::max<i64>(host::lseek(file.fd.get(), 0, SEEK_CUR), 0);
}

enum class Conflict : u8 { kFails, kWaits };

/// posix_lock_inode()
i64 set_record_lock(Syscall& call, const OpenFile& file, const FileLock& lock, Conflict conflict) {
    KernelState& kernel = call.kernel;
    const Identity identity = lock_identity(file);
    if (lock.type != F_UNLCK) {
        if (const auto blocker = kernel.locks.test(identity, lock)) {
            if (conflict == Conflict::kFails) return -EAGAIN;
            if (lock_deadlock(kernel, lock, *blocker)) return -EDEADLK;
            return wait_for_lock(call, identity, lock, false);
        }
    }
    const std::vector<FileLock> before = kernel.locks.of(identity).records;
    const bool changed = kernel.locks.set(identity, lock);
    if (!kernel.host_locks.change_records(file, identity, before, kernel.locks.of(identity).records, lock)) {
        kernel.locks.restore_records(identity, before);
        return conflict == Conflict::kFails ? -EAGAIN : wait_for_lock(call, identity, lock, true);
    }
    if (kernel.locks.of(identity).empty()) kernel.host_locks.forget(identity);
    if (changed) wake_up(kernel, wait_key(WaitKind::kLock, 0));
    return 0;
}

/// fcntl_getlk()
i64 get_record_lock(Syscall& call, const OpenFile& file, const FileLock& lock, struct flock request) {
    const Identity identity = lock_identity(file);
    auto blocker = call.kernel.locks.test(identity, lock);
    if (!blocker && lock.type != F_UNLCK) blocker = call.kernel.host_locks.test(file, identity, lock);
    request.l_type = F_UNLCK;
    if (blocker) {
        request.l_type = blocker->type;
        request.l_whence = SEEK_SET;
        request.l_start = static_cast<off_t>(blocker->start);
        request.l_len =
            blocker->end == kLockToEnd ? 0 : static_cast<off_t>(blocker->end - blocker->start + 1);
        request.l_pid = blocker->pid;
    }
    return call.put(request, call.args[2]);
}

}  // namespace

i64 fcntl_lock(Syscall& call, OpenFile& file, int command) {
    call.kernel.locks.waiters.erase(call.task.pid);
    const bool query = command == F_GETLK || command == F_OFD_GETLK;
    const bool of_file = command == F_OFD_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW;
    struct flock request;
    if (call.get(request, call.args[2])) return -EFAULT;
    if (command == F_GETLK && request.l_type != F_RDLCK && request.l_type != F_WRLCK) return -EINVAL;
    auto lock = lock_from(file, request, request.l_whence == SEEK_CUR ? file_position(file) : 0);
    if (!lock) return -lock.error();
    if (!query && lock->type == F_RDLCK && !file.readable()) return -EBADF;
    if (!query && lock->type == F_WRLCK && !file.writable()) return -EBADF;
    if (of_file && request.l_pid != 0) return -EINVAL;
    lock->kind = of_file ? Kind::kOpenFile : Kind::kPosix;
    lock->owner = of_file ? file.id : call.task.files;
    lock->pid = of_file ? -1 : call.task.tgid;
    if (query) return get_record_lock(call, file, *lock, request);
    const bool waits = command == F_SETLKW || command == F_OFD_SETLKW;
    return set_record_lock(call, file, *lock, waits ? Conflict::kWaits : Conflict::kFails);
}

/// flock_lock_inode(): another type begins with giving up the old one.
i64 flock(Syscall& call) {
    KernelState& kernel = call.kernel;
    kernel.locks.waiters.erase(call.task.pid);
    const int operation = call.integer(1);
    if (operation & 32) return 0;  // LOCK_MAND: ignored since 5.18
    FileLock lock;
    lock.kind = Kind::kFlock;
    switch (operation & ~LOCK_NB) {
        case LOCK_SH:
            lock.type = F_RDLCK;
            break;
        case LOCK_EX:
            lock.type = F_WRLCK;
            break;
        case LOCK_UN:
            lock.type = F_UNLCK;
            break;
        default:
            return -EINVAL;
    }
    const OpenFile* file = file_of(kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    lock.owner = file->id;
    lock.pid = call.task.tgid;
    const Identity identity = lock_identity(*file);
    const FileLock* held = kernel.locks.find_flock(identity, file->id);
    if (held && held->type == lock.type) return 0;
    if (held) {
        (void)kernel.locks.remove(identity, Kind::kFlock, file->id);
        (void)kernel.host_locks.change_flocks(*file, identity, kernel.locks.of(identity).flocks);
        wake_up(kernel, wait_key(WaitKind::kLock, 0));
    }
    const bool waits = !(operation & LOCK_NB);
    if (lock.type != F_UNLCK && kernel.locks.test(identity, lock))
        return waits ? wait_for_lock(call, identity, lock, false) : -EAGAIN;
    if (lock.type != F_UNLCK) (void)kernel.locks.set(identity, lock);
    if (!kernel.host_locks.change_flocks(*file, identity, kernel.locks.of(identity).flocks)) {
        (void)kernel.locks.remove(identity, Kind::kFlock, file->id);
        return waits ? wait_for_lock(call, identity, lock, true) : -EAGAIN;
    }
    if (kernel.locks.of(identity).empty()) kernel.host_locks.forget(identity);
    return 0;
}

}  // namespace kernel::calls
