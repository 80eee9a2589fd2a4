// fsnotify: where the kernel says what it has done to a file, for inotify. Nothing is done, and nothing asked
// of the host, while nobody watches. Linux: include/linux/fsnotify.h.
#pragma once

#include <sys/inotify.h>

#include <string>

#include "kernel/state.h"

namespace kernel {

inline bool somebody_watches(const KernelState& kernel) {
    return !kernel.ipc.host_watches.watches.empty();
}

/// Something happened to an open file: its watchers hear it, and with its name those of its folder.
void fsnotify_file(KernelState& kernel, const OpenFile& file, u32 mask);
/// The same for a host descriptor.
void fsnotify_fd(KernelState& kernel, int fd, u32 mask);
/// The object itself, not its folder.
void fsnotify_inode(KernelState& kernel, const struct stat& status, u32 mask);
/// A name in the folder behind `folder`.
void fsnotify_name(KernelState& kernel, int folder, const std::string& name, u32 mask, u32 cookie = 0);

/// What was behind a name before it is taken away or replaced.
struct NotifyVictim {
    bool known = false;
    struct stat status {};
};
NotifyVictim notify_victim(KernelState& kernel, int folder, const std::string& name);
/// vfs_unlink(), vfs_rmdir(): the name is gone.
void fsnotify_removed(KernelState& kernel, int folder, const std::string& name, const NotifyVictim& victim);
/// fsnotify_move()
void fsnotify_moved(KernelState& kernel, int from, const std::string& old_name, int to,
                    const std::string& new_name, const NotifyVictim& moved, const NotifyVictim& replaced);
/// The last descriptor of a file is closed: also of one that has no name any more.
void fsnotify_closed(KernelState& kernel, const OpenFile& file);

}  // namespace kernel
