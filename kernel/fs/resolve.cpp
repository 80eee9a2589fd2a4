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

/// Links that name no path but an object: /proc/PID/exe, cwd, root, fd/N, and what in /dev leads to them.
enum class Links : u8 { kAll, kMagic };
bool is_magic(const std::string& name) {
    const std::string last = name.substr(name.rfind('/') + 1);
    const std::string folder = name.substr(0, name.rfind('/'));
    return name.starts_with("/dev/") || folder.ends_with("/fd") || last == "exe" || last == "cwd" ||
           last == "root";
}

/// Whether the walk to the end of a name in /proc goes over such links.
bool has_links(KernelState& kernel, Task& task, const std::string& name, Follow follow, Links which) {
    for (usize end = name.find('/', 1); end != std::string::npos;) {
        end = name.find('/', end + 1);
        if (end == std::string::npos && follow == Follow::kNo) break;
        const auto node = lookup_path(kernel, task, AT_FDCWD, name.substr(0, end), Follow::kNo);
        if (!node) return false;
        struct stat status {};
        if (stat_node(kernel, task, *node, status) != 0 || !S_ISLNK(status.st_mode)) continue;
        if (which == Links::kAll || is_magic(name.substr(0, end))) return true;
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
    if (base < 0 && path[0] != '/') {  // out of a folder of our own
        if (resolve & kScoped) return Unexpected{EXDEV};
        name = whole_name(start, path);
    }
    UniqueFd root;
    if (!kernel.config.files.root.empty() && !(resolve & kScoped)) {
        // Deviation: with --root, RESOLVE_NO_XDEV minds the mounts on the way from the root too.
        auto node = kernel.paths->lookup(start, "/", Follow::kYes);
        if (!node) return Unexpected{node.error()};
        root = std::move(node->fd);
        base = root.get();
        how.resolve |= RESOLVE_IN_ROOT;
        const auto from = kernel.paths->guest_path_of(start.fd);
        if (name[0] != '/' && !from) return Unexpected{ENOENT};
        if (name[0] != '/') name = *from + "/" + path;
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
        const Links which = resolve & RESOLVE_NO_SYMLINKS ? Links::kAll : Links::kMagic;
        const bool linked = has_links(kernel, task, name, follow, which);
        if (linked && (resolve & (RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS))) return Unexpected{ELOOP};
        if (linked && (resolve & kScoped)) return Unexpected{EXDEV};
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
