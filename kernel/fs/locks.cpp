// Purpose: see locks.h.
#include "kernel/fs/locks.h"

#include <fcntl.h>

#include <algorithm>

#include "kernel/fs/files.h"
#include "kernel/fs/proc_table.h"
#include "kernel/wait.h"

namespace kernel {

namespace {

using Identity = FileBacking::Identity;

/// posix_lock_inode(): what is left of the owner's locks when `lock` is laid over them.
std::vector<FileLock> laid_over(const std::vector<FileLock>& old, const FileLock& lock) {
    std::vector<FileLock> result;
    FileLock added = lock;
    for (FileLock part : old) {
        const bool touches = part.start <= added.end + 1 && added.start <= part.end + 1;
        if (part.type == added.type && touches) {  // one lock
            added.start = std::min(added.start, part.start);
            added.end = std::max(added.end, part.end);
            continue;
        }
        if (!part.overlaps(lock)) {
            result.push_back(part);
            continue;
        }
        FileLock behind = part;
        if (part.start < lock.start) {
            part.end = lock.start - 1;
            result.push_back(part);
        }
        if (behind.end > lock.end) {
            behind.start = lock.end + 1;
            result.push_back(behind);
        }
    }
    if (lock.type != F_UNLCK) result.push_back(added);
    std::sort(result.begin(), result.end(),
              [](const FileLock& a, const FileLock& b) { return a.start < b.start; });
    return result;
}

/// All that an owner has on the file goes.
void remove_owner(KernelState& kernel, const OpenFile& file, FileLock::Kind kind, u32 owner) {
    const Identity identity = lock_identity(file);
    const std::vector<FileLock> before = kernel.locks.of(identity).records;
    if (!kernel.locks.remove(identity, kind, owner)) return;
    const InodeLocks& after = kernel.locks.of(identity);
    if (kind == FileLock::Kind::kFlock)
        (void)kernel.host_locks.change_flocks(file, identity, after.flocks);
    else
        (void)kernel.host_locks.change_records(file, identity, before, after.records, FileLock{});
    if (after.empty()) kernel.host_locks.forget(identity);
    wake_up(kernel, wait_key(WaitKind::kLock, 0));
}

}  // namespace

bool FileLock::conflicts(const FileLock& other) const {
    if (same_owner(other) || (type != F_WRLCK && other.type != F_WRLCK)) return false;
    if ((kind == Kind::kFlock) != (other.kind == Kind::kFlock)) return false;
    return kind == Kind::kFlock || overlaps(other);
}

std::optional<FileLock> LockTable::test(Identity file, const FileLock& lock) const {
    const auto found = files_.find(file);
    if (found == files_.end()) return std::nullopt;
    const auto& held = lock.kind == FileLock::Kind::kFlock ? found->second.flocks : found->second.records;
    for (const FileLock& other : held) {
        // F_OFD_GETLK with F_UNLCK: what the file itself has there (6.6).
        const bool own = lock.type == F_UNLCK && other.same_owner(lock) && other.overlaps(lock);
        if (lock.type == F_UNLCK ? own : other.conflicts(lock)) return other;
    }
    return std::nullopt;
}

bool LockTable::set(Identity file, const FileLock& lock) {
    if (lock.kind == FileLock::Kind::kFlock) {
        const bool gone = remove(file, lock.kind, lock.owner);
        if (lock.type != F_UNLCK) files_[file].flocks.push_back(lock);
        return gone;
    }
    std::vector<FileLock>& records = files_[file].records;
    std::vector<FileLock> own;
    const auto first = std::find_if(records.begin(), records.end(),
                                    [&](const FileLock& other) { return other.same_owner(lock); });
    const auto place = first - records.begin();
    std::copy_if(records.begin(), records.end(), std::back_inserter(own),
                 [&](const FileLock& other) { return other.same_owner(lock); });
    std::erase_if(records, [&](const FileLock& other) { return other.same_owner(lock); });
    const std::vector<FileLock> now = laid_over(own, lock);
    records.insert(records.begin() + place, now.begin(), now.end());
    forget_if_empty(file);
    return !own.empty();
}

const FileLock* LockTable::find_flock(Identity file, u32 owner) const {
    const auto found = files_.find(file);
    if (found == files_.end()) return nullptr;
    for (const FileLock& lock : found->second.flocks)
        if (lock.owner == owner) return &lock;
    return nullptr;
}

bool LockTable::remove(Identity file, FileLock::Kind kind, u32 owner) {
    const auto found = files_.find(file);
    if (found == files_.end()) return false;
    const auto own = [&](const FileLock& lock) { return lock.kind == kind && lock.owner == owner; };
    const usize gone = std::erase_if(found->second.records, own) + std::erase_if(found->second.flocks, own);
    forget_if_empty(file);
    return gone;
}

const InodeLocks& LockTable::of(Identity file) const {
    static const InodeLocks kNone;
    const auto found = files_.find(file);
    return found == files_.end() ? kNone : found->second;
}

void LockTable::restore_records(Identity file, std::vector<FileLock> records) {
    files_[file].records = std::move(records);
    forget_if_empty(file);
}

void LockTable::forget_if_empty(Identity file) {
    const auto found = files_.find(file);
    if (found != files_.end() && found->second.empty()) files_.erase(found);
}

bool lock_deadlock(const KernelState& kernel, const FileLock& lock, FileLock blocker) {
    if (lock.kind != FileLock::Kind::kPosix) return false;  // an open file may be anybody's
    constexpr int kMaxSteps = 10;                           // MAX_DEADLK_ITERATIONS
    for (int step = 0; step < kMaxSteps; ++step) {
        if (blocker.kind != FileLock::Kind::kPosix) return false;
        if (blocker.same_owner(lock)) return true;
        std::optional<FileLock> next;
        for (const auto& [pid, waiter] : kernel.locks.waiters) {
            const auto task = kernel.tasks.find(pid);
            if (task == kernel.tasks.end() || task->second.state != TaskState::kSleeping) continue;
            if (waiter.lock.same_owner(blocker)) next = kernel.locks.test(waiter.file, waiter.lock);
            if (next) break;
        }
        if (!next) return false;
        blocker = *next;
    }
    return false;
}

FileBacking::Identity lock_identity(const OpenFile& file) {
    struct stat status {};
    if (stat_file(file, status) != 0) return {};
    return {status.st_dev, status.st_ino};
}

void locks_remove_posix(KernelState& kernel, const OpenFile& file, FilesId files) {
    if (kernel.locks.empty() || file.path_only) return;
    remove_owner(kernel, file, FileLock::Kind::kPosix, files);
}

void locks_remove_file(KernelState& kernel, const OpenFile& file) {
    if (kernel.locks.empty() || file.path_only) return;
    remove_owner(kernel, file, FileLock::Kind::kOpenFile, file.id);
    remove_owner(kernel, file, FileLock::Kind::kFlock, file.id);
}

std::string proc_locks(const KernelState& kernel) {
    std::string text;
    int number = 0;
    for (const auto& [file, locks] : kernel.locks.files())
        for (const auto* list : {&locks.flocks, &locks.records})
            for (const FileLock& lock : *list) {
                const char* kind = lock.kind == FileLock::Kind::kFlock   ? "FLOCK "
                                   : lock.kind == FileLock::Kind::kPosix ? "POSIX "
                                                                         : "OFDLCK";
                text += proc_format("%d: %s ADVISORY  %s %d %02llx:%02llx:%llu %llu ", ++number, kind,
                                    lock.type == F_WRLCK ? "WRITE" : "READ ", lock.pid,
                                    proc_number((file.dev >> 8) & 0xfff), proc_number(file.dev & 0xff),
                                    proc_number(file.ino), proc_number(lock.start));
                text += lock.end == kLockToEnd ? "EOF\n" : std::to_string(lock.end) + "\n";
            }
    return text;
}

}  // namespace kernel
