// Purpose: from a task's path to an object, over the links of our own /proc. See files.h. Linux: fs/namei.c.
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/fs/devpts.h"
#include "kernel/fs/files.h"
#include "kernel/fs/proc.h"
#include "kernel/host/host.h"

namespace kernel {

using mmu::Expected;
using mmu::Unexpected;

Expected<std::string, int> working_directory(KernelState& kernel, const Task& task) {
    const OpenFile& here = kernel.files.at(kernel.fs_of(task).cwd.directory);
    if (here.kind == OpenFile::Kind::kText) return here.path;
    return kernel.paths->guest_path_of(here.fd.get());
}

Expected<StartDirectory, int> start_directory(KernelState& kernel, Task& task, int dirfd,
                                              const std::string& path) {
    if (dirfd == AT_FDCWD || (!path.empty() && path[0] == '/')) {
        const OpenFile& here = kernel.files.at(kernel.fs_of(task).cwd.directory);
        return StartDirectory{here.fd.get(), here.path};
    }
    OpenFile* file = file_of(kernel, task, dirfd, FileUse::kAnyFile);
    if (!file) return Unexpected{EBADF};
    if (file->type != S_IFDIR) return Unexpected{ENOTDIR};
    if (file->kind == OpenFile::Kind::kHost) return StartDirectory{file->fd.get(), file->path};
    return StartDirectory{-1, file->path};
}

namespace {

/// The object that a descriptor of some task stands for, as a start or as the end of a walk.
Expected<Node, int> descriptor_node(KernelState& kernel, Task& task, const ProcTarget& target) {
    Node node;
    Task* owner = kernel.find_task(target.owner);
    const OpenFile* file =
        owner && owner->files ? file_of(kernel, *owner, target.descriptor, FileUse::kAnyFile) : nullptr;
    if (!file) return Unexpected{ENOENT};
    if (owner->files == task.files) {
        node.kind = Node::Kind::kDescriptor;
        node.descriptor = target.descriptor;
        return node;
    }
    // Deviation: of another process's descriptors only the host's files can be opened.
    if (file->kind != OpenFile::Kind::kHost) return Unexpected{ENXIO};
    node.fd = UniqueFd{host::fcntl(file->fd.get(), F_DUPFD_CLOEXEC, 3)};
    if (!node.fd || host::fstat(node.fd.get(), &node.status) != 0) return Unexpected{errno};
    return node;
}

/// Follows the links of our own /proc that `node`'s name leads over.
Expected<Node, int> follow_proc(KernelState& kernel, Task& task, Node node, Follow follow) {
    for (int links = 0; node.kind == Node::Kind::kProc; ++links) {
        if (links == kMaxLinks) return Unexpected{ELOOP};
        const std::string name = node.path;
        std::optional<ProcTarget> target;
        usize end = name.find('/', 1);
        while (end != std::string::npos && !target) {
            end = name.find('/', end + 1);
            if (end == std::string::npos && follow == Follow::kNo) break;
            target = proc_target(kernel, task, name.substr(0, end));
        }
        if (!target) return node;
        const std::string rest = end == std::string::npos ? "" : name.substr(end + 1);
        const OpenFile& here = kernel.files.at(kernel.fs_of(task).cwd.directory);
        if (target->descriptor < 0) {
            const std::string path = rest.empty() ? target->path : target->path + "/" + rest;
            auto next = kernel.paths->lookup({here.fd.get(), here.path}, path, follow);
            if (!next) return next;
            node = std::move(*next);
            continue;
        }
        auto object = descriptor_node(kernel, task, *target);
        if (!object || rest.empty()) return object;
        Task& owner = kernel.tasks.at(target->owner);
        const OpenFile* file = file_of(kernel, owner, target->descriptor, FileUse::kAnyFile);
        if (file->type != S_IFDIR || file->kind != OpenFile::Kind::kHost) return Unexpected{ENOTDIR};
        auto next = kernel.paths->lookup({file->fd.get(), file->path}, rest, follow);
        if (!next) return next;
        node = std::move(*next);
    }
    return node;
}

}  // namespace

Expected<Node, int> lookup_path(KernelState& kernel, Task& task, int dirfd, const std::string& path,
                                Follow follow) {
    if (path.empty()) return Unexpected{ENOENT};
    auto start = start_directory(kernel, task, dirfd, path);
    if (!start) return Unexpected{start.error()};
    auto node = kernel.paths->lookup(*start, path, follow);
    if (!node || node->kind != Node::Kind::kProc) return node;
    return follow_proc(kernel, task, std::move(*node), follow);
}

namespace {

/// The folder of `path` is a name under /proc: where it is a link that leads out (/proc/self/cwd, fd/N) the
/// name is made there.
Parent parent_behind_link(KernelState& kernel, Task& task, int dirfd, const std::string& path,
                          Parent parent) {
    const usize slash = path.rfind('/', path.find_last_not_of('/'));
    if (slash == std::string::npos || !slash) return parent;
    const auto folder = lookup_path(kernel, task, dirfd, path.substr(0, slash), Follow::kYes);
    if (!folder) return parent;
    const OpenFile* file = folder->kind == Node::Kind::kDescriptor
                               ? file_of(kernel, task, folder->descriptor, FileUse::kAnyFile)
                               : nullptr;
    const bool descriptor = file && file->kind == OpenFile::Kind::kHost && file->type == S_IFDIR;
    if (!descriptor && !folder->is_directory()) return parent;
    const int fd = descriptor ? file->fd.get() : folder->fd.get();
    const auto name = kernel.paths->guest_path_of(fd);
    if (!name) return parent;
    auto found = kernel.paths->lookup_parent({fd, *name}, parent.name);
    return found ? std::move(*found) : std::move(parent);
}

}  // namespace

Expected<Parent, int> lookup_parent_path(KernelState& kernel, Task& task, int dirfd,
                                         const std::string& path) {
    if (path.empty()) return Unexpected{ENOENT};
    auto start = start_directory(kernel, task, dirfd, path);
    if (!start) return Unexpected{start.error()};
    auto parent = kernel.paths->lookup_parent(*start, path);
    if (!parent || parent->fd || parent->is_root) return parent;
    return parent_behind_link(kernel, task, dirfd, path, std::move(*parent));
}

int stat_node(KernelState& kernel, Task& task, const Node& node, struct stat& status) {
    switch (node.kind) {
        case Node::Kind::kDevice:
            if (node.device == Device::kPts) return stat_pts(kernel, minor(node.status.st_rdev), status);
            [[fallthrough]];
        case Node::Kind::kHost:
            status = node.status;
            return 0;
        case Node::Kind::kProc: {
            const auto entry = proc_entry(kernel, task, node.path);
            if (!entry) return -ENOENT;
            status = proc_stat(*entry, node.path);
            return 0;
        }
        case Node::Kind::kDescriptor: {
            const OpenFile* file = file_of(kernel, task, node.descriptor, FileUse::kAnyFile);
            return file ? stat_file(*file, status) : -ENOENT;
        }
    }
    return -ENOENT;
}

}  // namespace kernel
