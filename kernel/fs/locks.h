// Locks on files: record locks of processes (POSIX) and of open files (OFD), which exclude each other, and
// flock(2)'s, which do not care about those. The guest's processes exclude each other by these tables alone;
// host_locks.h keeps the host's other programs out. A conflict is a value: who wants to wait does so with
// wait.h. Linux: fs/locks.c.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/filemap.h"
#include "kernel/task.h"

namespace kernel {

struct KernelState;

inline constexpr u64 kLockToEnd = (u64{1} << 63) - 1;  ///< OFFSET_MAX: up to the end, wherever that will be

/// struct file_lock.
struct FileLock {
    enum class Kind : u8 { kPosix, kOpenFile, kFlock };
    Kind kind = Kind::kPosix;
    u32 owner = 0;                    ///< kPosix: files_struct, as threads share it; else the open file
    short type = 0;                   ///< F_RDLCK, F_WRLCK, F_UNLCK
    u64 start = 0, end = kLockToEnd;  ///< the last byte is in it
    Pid pid = 0;                      ///< F_GETLK's l_pid; -1 for kOpenFile

    bool same_owner(const FileLock& other) const { return kind == other.kind && owner == other.owner; }
    bool overlaps(const FileLock& other) const { return start <= other.end && other.start <= end; }
    bool conflicts(const FileLock& other) const;
};

/// file_lock_context.
struct InodeLocks {
    std::vector<FileLock> records;  ///< an owner's stand together, by start
    std::vector<FileLock> flocks;
    bool empty() const { return records.empty() && flocks.empty(); }
};

/// A task that waits: with it a circle is seen before it is closed.
struct LockWaiter {
    FileBacking::Identity file;
    FileLock lock;
};

class LockTable {
  public:
    using Identity = FileBacking::Identity;

    /// The first lock that stands in the way.
    std::optional<FileLock> test(Identity file, const FileLock& lock) const;
    /// Takes, changes or gives back a lock that nothing stands in the way of. True: somebody may go on now.
    bool set(Identity file, const FileLock& lock);
    /// Takes away all of an owner's. True: there were some.
    bool remove(Identity file, FileLock::Kind kind, u32 owner);
    const FileLock* find_flock(Identity file, u32 owner) const;
    /// What is held on a file; none: empty lists.
    const InodeLocks& of(Identity file) const;
    /// As it was before set().
    void restore_records(Identity file, std::vector<FileLock> records);

    bool empty() const { return files_.empty(); }
    const std::map<Identity, InodeLocks>& files() const { return files_; }
    std::map<Pid, LockWaiter> waiters;

  private:
    void forget_if_empty(Identity file);

    std::map<Identity, InodeLocks> files_;
};

/// What locks on an open file are kept under.
FileBacking::Identity lock_identity(const OpenFile& file);

/// posix_locks_deadlock(): whether the owner of `blocker` waits, through others, for the owner of `lock`.
bool lock_deadlock(const KernelState& kernel, const FileLock& lock, FileLock blocker);

/// locks_remove_posix(): a descriptor of the file has been closed by the owner of `files`.
void locks_remove_posix(KernelState& kernel, const OpenFile& file, FilesId files);
/// locks_remove_file(): the last descriptor of an open file is gone.
void locks_remove_file(KernelState& kernel, const OpenFile& file);

/// /proc/locks.
std::string proc_locks(const KernelState& kernel);

}  // namespace kernel
