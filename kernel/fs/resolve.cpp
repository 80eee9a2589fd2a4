// Purpose: see resolve.h.
#include "kernel/fs/resolve.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "kernel/fs/files.h"
#include "kernel/host/host.h"

namespace kernel {

using mmu::Expected;
using mmu::Unexpected;

namespace {

constexpr u64 kScoped = RESOLVE_BENEATH | RESOLVE_IN_ROOT;

/// Whether the walk to the end of a name in /proc goes over links.
bool has_links(KernelState& kernel, Task& task, const std::string& name, Follow follow) {
    for (usize end = name.find('/', 1); end != std::string::npos;) {
        end = name.find('/', end + 1);
        if (end == std::string::npos && follow == Follow::kNo) break;
        const auto node = lookup_path(kernel, task, AT_FDCWD, name.substr(0, end), Follow::kNo);
        if (!node) return false;
        struct stat status {};
        if (stat_node(kernel, task, *node, status) == 0 && S_ISLNK(status.st_mode)) return true;
    }
    return false;
}

Expected<UniqueFd, int> walk(KernelState& kernel, const StartDirectory& start, const std::string& path,
                             Follow follow, u64 resolve) {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC | (follow == Follow::kNo ? O_NOFOLLOW : 0);
    how.resolve = (resolve & ~u64{RESOLVE_CACHED}) | RESOLVE_NO_MAGICLINKS;
    int base = start.fd;
    std::string name = path;
    UniqueFd root;
    if (!kernel.config.files.root.empty() && !(resolve & kScoped)) {
        // Deviation: with --root, RESOLVE_NO_XDEV minds the mounts on the way from the root too.
        auto node = kernel.paths->lookup(start, "/", Follow::kYes);
        if (!node) return Unexpected{node.error()};
        root = std::move(node->fd);
        base = root.get();
        how.resolve |= RESOLVE_IN_ROOT;
        const auto from = kernel.paths->guest_path_of(start.fd);
        if (path[0] != '/' && !from) return Unexpected{ENOENT};
        if (path[0] != '/') name = *from + "/" + path;
    }
    constexpr int kAttempts = 100;  // EAGAIN: a rename made the host unsure
    for (int attempt = 0;; ++attempt) {
        const long fd = host::openat2(base, name.c_str(), how);
        if (fd >= 0) return UniqueFd{static_cast<int>(fd)};
        if (errno != EINTR && (errno != EAGAIN || attempt == kAttempts)) return Unexpected{errno};
    }
}

}  // namespace

Expected<Node, int> lookup_resolved(KernelState& kernel, Task& task, int dirfd, const std::string& path,
                                    Follow follow, u64 resolve) {
    if (path.empty()) return Unexpected{ENOENT};
    if (kernel.config.files.none) return Unexpected{ENOENT};
    if ((resolve & RESOLVE_BENEATH) && path[0] == '/') return Unexpected{EXDEV};
    // In its own root a path starts from the descriptor, also an absolute one.
    const bool scoped_root = resolve & RESOLVE_IN_ROOT;
    auto start = start_directory(kernel, task, dirfd, scoped_root ? "." : path);
    if (!start) return Unexpected{start.error()};
    const bool absolute = path[0] == '/' && !scoped_root;
    const std::string name =
        absolute ? normalise_path(path) : normalise_path(std::string(start->path) + "/" + path);
    if (PathResolver::is_special(name)) {
        if ((resolve & RESOLVE_NO_XDEV) && !PathResolver::is_special(normalise_path(start->path)))
            return Unexpected{EXDEV};
        const bool no_links = resolve & (RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
        if (no_links && has_links(kernel, task, name, follow)) return Unexpected{ELOOP};
        if ((resolve & kScoped) && has_links(kernel, task, name, follow)) return Unexpected{EXDEV};
        return lookup_path(kernel, task, AT_FDCWD, name, follow);
    }
    auto fd = walk(kernel, *start, path, follow, resolve);
    if (!fd) return Unexpected{fd.error()};
    auto node = kernel.paths->classify(std::move(*fd));
    // A link led out of the file system that the walk was to stay in, or into another than the host's.
    if (node && node->kind == Node::Kind::kProc) return Unexpected{EXDEV};
    return node;
}

Expected<Parent, int> lookup_parent_resolved(KernelState& kernel, Task& task, int dirfd,
                                             const std::string& path, u64 resolve) {
    Parent parent;
    const usize end = path.find_last_not_of('/');
    if (end == std::string::npos) {
        parent.is_root = true;
        return parent;
    }
    const usize slash = path.rfind('/', end);
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    parent.name = path.substr(slash == std::string::npos ? 0 : slash + 1);
    auto directory = lookup_resolved(kernel, task, dirfd, folder, Follow::kYes, resolve);
    if (!directory) return Unexpected{directory.error()};
    if (directory->kind != Node::Kind::kHost) return parent;  // nothing is made there
    if (!directory->is_directory()) return Unexpected{ENOTDIR};
    if (UniqueFd reached = kernel.paths->reach_writable(directory->fd.get())) {
        parent.writable = true;
        parent.fd = std::move(reached);
    } else if (directory->status.st_nlink == 0) {
        return Unexpected{ENOENT};
    } else {
        parent.fd = std::move(directory->fd);
    }
    return parent;
}

}  // namespace kernel
