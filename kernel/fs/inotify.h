// inotify: events of files and folders, those that the guest makes itself (fs/notify.h) and those that other
// programs of the host make (through an inotify descriptor of the host's). The guest's own come in its own
// order, alike in each run. Linux: fs/notify/inotify/. Deviation: of other programs' doings only changes are
// told, not that they open, read or close a file without writing.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "kernel/fs/anon_inode.h"

namespace kernel {

struct InotifyEvent {
    int wd = 0;
    u32 mask = 0, cookie = 0;
    std::string name;
};

/// inotify_inode_mark
struct InotifyWatch {
    FileBacking::Identity identity;
    u32 mask = 0;  ///< IN_* and IN_EXCL_UNLINK, IN_ONESHOT
};

/// struct inotify_inode_mark's group.
struct Inotify {
    std::map<int, InotifyWatch> watches;  ///< by wd
    int next_wd = 1;
    std::deque<InotifyEvent> events;
    bool overflowed = false;
};

/// What is asked of the host: one descriptor for all, a watch an object.
struct HostWatches {
    struct Watch {
        int wd = -1;  ///< the host's; -1: it has none
        u32 users = 0;
    };
    UniqueFd inotify;
    std::map<FileBacking::Identity, Watch> watches;
    u32 next_cookie = 1, host_cookie = 0;  ///< host_cookie: the host's for the latest of ours
    /// What the guest itself has done since the host was asked last, which the host tells too.
    std::vector<std::pair<FileBacking::Identity, std::pair<u32, std::string>>> own;
};

extern const FileOperations kInotifyOperations;

/// inotify_add_watch() of an object that a walk has pinned; wd or -errno.
i64 inotify_watch(KernelState& kernel, u32 id, int pinned, const struct stat& status, u32 mask);
/// inotify_rm_watch().
i64 inotify_unwatch(KernelState& kernel, u32 id, int wd);

/// An event of an object, for all who watch it. IN_DELETE_SELF ends their watches.
void fsnotify_deliver(KernelState& kernel, const FileBacking::Identity& identity, u32 mask, u32 cookie,
                      const std::string& name);

/// Hears what the host has to tell. `after_call`: what the guest's own call did is among it.
enum class HostNews : u8 { kBeforeCall, kAfterCall };
void inotify_hear_host(KernelState& kernel, HostNews when);

}  // namespace kernel
