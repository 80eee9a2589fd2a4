#include "emu/debug/guest_files.h"

#include <fcntl.h>

#include <cerrno>

#include "kernel/fs/files.h"
#include "kernel/fs/path.h"
#include "kernel/host/host.h"
#include "kernel/host/seam.h"

namespace emu {

using kernel::UniqueFd;
using kernel::host::Seam;
using mmu::Expected, mmu::Unexpected;

namespace {

/// The descriptors that the guest's walks start from are recorded ones, and lead nowhere: the same walk from
/// folders that are opened now.
Expected<UniqueFd, int> open_beside_replay(const kernel::KernelState& kernel, const kernel::Task& task,
                                           const std::string& path) {
    const kernel::FilePolicy& policy = kernel.config.files;
    if (path.empty() || path[0] != '/' || kernel::PathResolver::is_special(kernel::normalise_path(path)))
        return Unexpected{ENOENT};
    if (policy.none && path != task.executable) return Unexpected{ENOENT};
    const auto paths = kernel::PathResolver::create({.root = policy.root, .writable = {}, .none = false});
    if (!paths) return Unexpected{ENOENT};
    auto node = paths->lookup({-1, "/"}, path, kernel::Follow::kYes);
    if (!node) return Unexpected{node.error()};
    if (node->kind != kernel::Node::Kind::kHost || !S_ISREG(node->status.st_mode)) return Unexpected{EACCES};
    UniqueFd file{kernel::host::open(kernel::descriptor_path(node->fd.get()).c_str(),
                                     O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (!file) return Unexpected{errno};
    return file;
}

}  // namespace

Expected<UniqueFd, int> open_guest_file(kernel::KernelState& kernel, kernel::Task& task,
                                        const std::string& path) {
    // What the user looks at is not the guest's doing.
    const Seam::Aside aside;
    auto opened = kernel::open_path(kernel, task, AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
    if (!opened && path == task.executable) opened = kernel::open_program(kernel, task, path);
    if (!opened && Seam::get().mode() == Seam::Mode::kReplay) return open_beside_replay(kernel, task, path);
    if (!opened) return Unexpected{opened.error()};
    if (opened->kind != kernel::OpenFile::Kind::kHost || !opened->regular()) return Unexpected{EACCES};
    return std::move(opened->fd);
}

}  // namespace emu
