// What the guest has locked is locked on the host too, so that its programs and the host's exclude each
// other. All of the guest is one owner there: of each file the strongest of the guest's locks on a byte, held
// by an open file of the emulator's own, that nobody else closes. The host is never waited for: it says yes
// or no. Files that the guest may not change (outside --rw) are not locked on the host, so that a guest cannot
// stop its programs; record locks that those hold are seen.
#pragma once

#include <map>

#include "kernel/fs/locks.h"
#include "kernel/fs/unique_fd.h"

namespace kernel {

class HostLocks {
  public:
    using Identity = FileBacking::Identity;

    /// The guest's record locks on `file` are to change to `after` in the bytes of `changed`. False: another
    /// program of the host's has a lock there, and nothing was changed.
    bool change_records(const OpenFile& file, Identity identity, const std::vector<FileLock>& before,
                        const std::vector<FileLock>& after, const FileLock& changed);
    /// The same of flocks.
    bool change_flocks(const OpenFile& file, Identity identity, const std::vector<FileLock>& after);
    /// F_GETLK on the host.
    std::optional<FileLock> test(const OpenFile& file, Identity identity, const FileLock& lock) const;
    /// The guest has none on it any more.
    void forget(Identity identity) { files_.erase(identity); }

  private:
    struct Held {
        UniqueFd records, flock;
        bool writable = false;  ///< `records` can have write locks
        short flock_type = F_UNLCK;
    };
    Held* held_for(const OpenFile& file, Identity identity, short type);

    std::map<Identity, Held> files_;
};

}  // namespace kernel
