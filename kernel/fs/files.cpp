// Purpose: descriptors and what they stand for. See files.h. Linux: fs/file.c, fs/file_table.c.
#include "kernel/fs/files.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/fs/epoll.h"
#include "kernel/fs/file_operations.h"
#include "kernel/fs/locks.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/shmem_file.h"
#include "kernel/fs/unix_gc.h"
#include "kernel/host/host.h"
#include "kernel/uaccess.h"

namespace kernel {

OpenFile host_file(UniqueFd fd, std::string path, int flags, bool may_change) {
    OpenFile file;
    struct stat status {};
    if (host::fstat(fd.get(), &status) == 0) file.type = status.st_mode & S_IFMT;
    file.fd = std::move(fd);
    file.path = std::move(path);
    file.flags = flags;
    file.path_only = flags & O_PATH;
    file.may_change = may_change;
    return file;
}

std::string descriptor_path(int fd) {
    return "/proc/self/fd/" + std::to_string(fd);
}

OpenFile* file_of(KernelState& kernel, Task& task, int fd, FileUse use) {
    const FdTable::Slot* slot = kernel.fd_table(task).find(fd);
    if (!slot) return nullptr;
    OpenFile& file = kernel.files.at(slot->file);
    return file.path_only && use == FileUse::kInputOutput ? nullptr : &file;
}

void fput(KernelState& kernel, OpenFileId id) {
    std::optional<OpenFile> last = kernel.files.put(id);
    if (!last) {
        if (is_object(kernel.files.at(id), kUnixOperations)) unix_gc(kernel);
        return;
    }
    fsnotify_closed(kernel, *last);
    locks_remove_file(kernel, *last);
    epoll_forget(kernel, *last);
    if (last->flags & FASYNC) fasync_forget(kernel, *last);
    kernel.system.page_cache.forget_advice(last->id);
    shmem_file_closed(kernel, *last);
    if (last->kind == OpenFile::Kind::kObject && last->ops->release) last->ops->release(kernel, *last);
}

int install_reference(KernelState& kernel, Task& task, OpenFileId id, bool close_on_exec, int from) {
    const int fd = kernel.fd_table(task).lowest_free(from, kernel.mm_of(task).rlimit(kRlimitNofile));
    if (fd < 0) return -EMFILE;
    kernel.files.get(id);
    kernel.fd_table(task).set(fd, {id, close_on_exec});
    return fd;
}

namespace {

/// alloc_empty_file() and what belongs to it. False: out of memory.
bool alloc_file(MemorySystem& system, OpenFile& file) {
    if (!file.filp.allocate(system, kFilpCache)) return false;
    if (!file.path.empty() && !file.dentry.allocate(system, kDentryCache)) return false;
    if (file.kind != OpenFile::Kind::kObject) return true;
    if (S_ISSOCK(file.type)) return file.object_memory.allocate(system, kSockCache);
    // A pipe's buffers are with its reading end.
    return !S_ISFIFO(file.type) || !file.readable() || file.object_memory.allocate(system, kPipeCache);
}

}  // namespace

int install_file(KernelState& kernel, Task& task, OpenFile file, bool close_on_exec, int from) {
    const bool allocated = alloc_file(kernel.system, file);
    const OpenFileId id = kernel.files.add(std::move(file));
    kernel.files.get(id);
    shmem_file_opened(kernel, kernel.files.at(id));
    if (!allocated) return fput(kernel, id), -ENOMEM;
    const int fd = install_reference(kernel, task, id, close_on_exec, from);
    fput(kernel, id);
    return fd;
}

int install_pair(KernelState& kernel, Task& task, OpenFile first, OpenFile second, bool close_on_exec,
                 u64 address) {
    const bool allocated = alloc_file(kernel.system, first) && alloc_file(kernel.system, second);
    const OpenFileId ids[2] = {kernel.files.add(std::move(first)), kernel.files.add(std::move(second))};
    int numbers[2] = {-1, -1};
    int error = allocated ? 0 : -ENOMEM;
    for (int i = 0; i < 2; ++i) {
        kernel.files.get(ids[i]);
        if (!error) numbers[i] = install_reference(kernel, task, ids[i], close_on_exec);
        if (numbers[i] < 0 && !error) error = numbers[i];
    }
    if (!error) error = put_user(kernel.system, kernel.mm_of(task), numbers, address);
    for (int i = 0; i < 2; ++i) {
        if (error && numbers[i] >= 0) (void)close_file(kernel, task, numbers[i]);
        fput(kernel, ids[i]);
    }
    return error;
}

int close_file(KernelState& kernel, Task& task, int fd) {
    if (!kernel.fd_table(task).find(fd)) return -EBADF;
    const OpenFileId id = kernel.fd_table(task).remove(fd).file;
    locks_remove_posix(kernel, kernel.files.at(id), task.files);
    fput(kernel, id);
    return 0;
}

void inherit_files(KernelState& kernel, Task& task) {
    for (int fd = 0; fd <= 2; ++fd) {
        const int flags = host::fcntl(fd, F_GETFL);
        const int copy = host::fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (flags < 0 || copy < 0) continue;
        OpenFile file = host_file(UniqueFd{copy}, "", flags & ~O_CREAT, false);
        const OpenFileId id = kernel.files.add(std::move(file));
        kernel.files.get(id);
        kernel.fd_table(task).set(fd, {id, false});
    }
    UniqueFd here = kernel.paths->open_start_directory();
    const auto path = kernel.paths->guest_path_of(here.get());
    kernel.fs_of(task).cwd.directory =
        kernel.files.add(host_file(std::move(here), path ? *path : "/", O_PATH, false));
    kernel.files.get(kernel.fs_of(task).cwd.directory);
    u32& mask = kernel.fs_of(task).umask;
    mask = host::umask(0);
    host::umask(mask);
}

namespace {

/// Deviation: which pipe or terminal the host has put behind a descriptor, and when it was last used, is not
/// told, so that two runs see the same.
void hide_host_identity(struct stat& status) {
    if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode) && !S_ISSOCK(status.st_mode)) return;
    status.st_ino = 1;
    // grep stops early when its output is the very /dev/null that it finds by name: synthetic_device().
    constexpr unsigned kMemMajor = 1;
    if (S_ISCHR(status.st_mode) && major(status.st_rdev) == kMemMajor) {
        status.st_dev = 5;
        status.st_ino = 1 + minor(status.st_rdev);
    }
    status.st_atim = status.st_mtim = status.st_ctim = {};
}

}  // namespace

int stat_file(const OpenFile& file, struct stat& status) {
    if (file.kind == OpenFile::Kind::kHost) {
        if (host::fstat(file.fd.get(), &status) != 0) return -errno;
        hide_host_identity(status);
        return 0;
    }
    status = file.status;
    return 0;
}

}  // namespace kernel
