// Purpose: see notify.h. Linux: include/linux/fsnotify.h, fs/notify/fsnotify.c.
#include "kernel/fs/notify.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "kernel/fs/files.h"
#include "kernel/host/host.h"

namespace kernel {

namespace {

using Identity = FileBacking::Identity;

Identity identity_of_status(const struct stat& status) {
    return {status.st_dev, status.st_ino};
}

/// An event of the guest's own making.
void emit(KernelState& kernel, const Identity& identity, u32 mask, u32 cookie, const std::string& name) {
    HostWatches& host = kernel.ipc.host_watches;
    if (!host.watches.count(identity)) return;
    host.own.push_back({identity, {mask & IN_ALL_EVENTS, name}});
    fsnotify_deliver(kernel, identity, mask, cookie, name);
}

/// The folder and the name that an open object has now; nothing: none (it may still have had one).
struct Place {
    Identity folder;
    std::string name;
};
std::optional<Place> place_of(int fd, bool unlinked) {
    char text[4096];
    const ssize_t length = host::readlink(descriptor_path(fd).c_str(), text, sizeof text);
    if (length <= 1 || text[0] != '/') return std::nullopt;
    std::string path(text, static_cast<usize>(length));
    const std::string mark = " (deleted)";
    if (unlinked && path.ends_with(mark)) path.resize(path.size() - mark.size());
    const usize slash = path.rfind('/');
    struct stat status {};
    const std::string folder = slash ? path.substr(0, slash) : "/";
    if (host::fstatat(AT_FDCWD, folder.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
    return Place{identity_of_status(status), path.substr(slash + 1)};
}

bool is_open(const KernelState& kernel, const Identity& identity) {
    return std::any_of(kernel.files.begin(), kernel.files.end(), [&](const auto& entry) {
        const OpenFile& file = entry.second;
        struct stat status {};
        return file.kind == OpenFile::Kind::kHost && host::fstat(file.fd.get(), &status) == 0 &&
               identity_of_status(status) == identity;
    });
}

/// fsnotify_inoderemove()
void removed_for_good(KernelState& kernel, const struct stat& status) {
    emit(kernel, identity_of_status(status), IN_DELETE_SELF, 0, {});
}

}  // namespace

void fsnotify_fd(KernelState& kernel, int fd, u32 mask) {
    if (!somebody_watches(kernel)) return;
    struct stat status {};
    if (host::fstat(fd, &status) != 0) return;
    if (S_ISDIR(status.st_mode)) mask |= IN_ISDIR;
    // fsnotify_parent(): who watches the folder first, by name.
    if (const auto place = place_of(fd, status.st_nlink == 0))
        emit(kernel, place->folder, mask, 0, place->name);
    emit(kernel, identity_of_status(status), mask, 0, {});
}

void fsnotify_file(KernelState& kernel, const OpenFile& file, u32 mask) {
    if (!somebody_watches(kernel) || file.path_only) return;
    if (file.kind == OpenFile::Kind::kHost && (file.regular() || S_ISDIR(file.type)))
        fsnotify_fd(kernel, file.fd.get(), mask);
}

void fsnotify_inode(KernelState& kernel, const struct stat& status, u32 mask) {
    if (!somebody_watches(kernel)) return;
    emit(kernel, identity_of_status(status), mask | (S_ISDIR(status.st_mode) ? u32{IN_ISDIR} : 0), 0, {});
}

void fsnotify_name(KernelState& kernel, int folder, const std::string& name, u32 mask, u32 cookie) {
    if (!somebody_watches(kernel)) return;
    struct stat status {};
    if (host::fstat(folder, &status) != 0) return;
    std::string bare = name;
    while (!bare.empty() && bare.back() == '/') bare.pop_back();
    emit(kernel, identity_of_status(status), mask, cookie, bare);
}

NotifyVictim notify_victim(KernelState& kernel, int folder, const std::string& name) {
    NotifyVictim victim;
    if (!somebody_watches(kernel)) return victim;
    victim.known = host::fstatat(folder, name.c_str(), &victim.status, AT_SYMLINK_NOFOLLOW) == 0;
    return victim;
}

namespace {

/// The object has one name less: the last one is its end, unless somebody has it open.
void lost_a_name(KernelState& kernel, const NotifyVictim& victim) {
    if (!victim.known) return;
    const bool folder = S_ISDIR(victim.status.st_mode);
    if (!folder) fsnotify_inode(kernel, victim.status, IN_ATTRIB);
    if (!folder && victim.status.st_nlink > 1) return;
    if (!is_open(kernel, identity_of_status(victim.status))) removed_for_good(kernel, victim.status);
}

}  // namespace

void fsnotify_removed(KernelState& kernel, int folder, const std::string& name, const NotifyVictim& victim) {
    if (!somebody_watches(kernel)) return;
    lost_a_name(kernel, victim);
    const u32 kind = victim.known && S_ISDIR(victim.status.st_mode) ? u32{IN_ISDIR} : 0;
    fsnotify_name(kernel, folder, name, IN_DELETE | kind);
}

void fsnotify_moved(KernelState& kernel, int from, const std::string& old_name, int to,
                    const std::string& new_name, const NotifyVictim& moved, const NotifyVictim& replaced) {
    if (!somebody_watches(kernel)) return;
    const u32 kind = moved.known && S_ISDIR(moved.status.st_mode) ? u32{IN_ISDIR} : 0;
    const u32 cookie = kernel.ipc.host_watches.next_cookie++;
    fsnotify_name(kernel, from, old_name, IN_MOVED_FROM | kind, cookie);
    fsnotify_name(kernel, to, new_name, IN_MOVED_TO | kind, cookie);
    if (replaced.known && !S_ISDIR(replaced.status.st_mode))
        fsnotify_inode(kernel, replaced.status, IN_ATTRIB);
    if (moved.known) fsnotify_inode(kernel, moved.status, IN_MOVE_SELF);
    if (replaced.known && (S_ISDIR(replaced.status.st_mode) || replaced.status.st_nlink == 1) &&
        !is_open(kernel, identity_of_status(replaced.status)))
        removed_for_good(kernel, replaced.status);
}

void fsnotify_closed(KernelState& kernel, const OpenFile& file) {
    if (!somebody_watches(kernel) || file.kind != OpenFile::Kind::kHost) return;
    fsnotify_file(kernel, file, file.writable() ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    struct stat status {};
    if (host::fstat(file.fd.get(), &status) != 0 || status.st_nlink) return;
    if (!is_open(kernel, identity_of_status(status))) removed_for_good(kernel, status);
}

}  // namespace kernel
