// The size of a file and what is told of its use: truncate, fallocate, fsync, advice. Linux: fs/open.c,
// fs/sync.c, mm/fadvise.c.
#include <fcntl.h>

#include "kernel/fs/file_io.h"
#include "kernel/fs/files.h"
#include "kernel/fs/host_backing.h"
#include "kernel/fs/hugetlb_file.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/shmem_file.h"
#include "kernel/host/host.h"
#include "kernel/mmap.h"
#include "kernel/syscalls/descriptors.h"
#include "kernel/syscalls/functions.h"

namespace kernel::calls {

i64 fsync(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    return host_fd(*file) < 0 ? -EINVAL : host_result(host::fsync(host_fd(*file)));
}

i64 fdatasync(Syscall& call) {
    return fsync(call);
}
i64 sync(Syscall&) {
    return 0;
}  // Deviation: a guest has no business to make the whole host write its disks
i64 syncfs(Syscall& call) {
    return file_of(call.kernel, call.task, call.integer(0)) ? 0 : -EBADF;
}

i64 sync_file_range(Syscall& call) {
    const auto [fd, offset, bytes, flags, a4, a5] = call.args;
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    constexpr u64 kKnown = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    if (static_cast<u32>(flags) & ~kKnown) return -EINVAL;
    if (static_cast<i64>(offset) < 0 || static_cast<i64>(bytes) < 0 || static_cast<i64>(offset + bytes) < 0)
        return -EINVAL;
    if (!file->regular() && !S_ISDIR(file->type) && !S_ISLNK(file->type) && !S_ISBLK(file->type))
        return -ESPIPE;
    return 0;  // what is to be written is the host's already
}

i64 ftruncate(Syscall& call) {
    const i64 length = static_cast<i64>(call.args[1]);
    if (length < 0) return -EINVAL;
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if (is_object(*file, kHugetlbFileOperations))
        return truncate_hugetlb_file(call.kernel, *file, static_cast<u64>(length));
    if (!file->regular() || !file->writable() || host_fd(*file) < 0) return -EINVAL;
    if (const i64 error = check_new_size(call.kernel, call.task, host_fd(*file), static_cast<u64>(length)))
        return error;
    if (host::ftruncate(host_fd(*file), length) != 0) return -errno;
    truncate_pagecache(call.system(), call.mm(), identity_of(host_fd(*file)), static_cast<u64>(length));
    fsnotify_file(call.kernel, *file, IN_MODIFY);
    return 0;
}

i64 truncate(Syscall& call) {
    const i64 length = static_cast<i64>(call.args[1]);
    if (length < 0) return -EINVAL;
    const auto path = call.path(0);
    if (!path) return -path.error();
    const auto node = lookup_path(call.kernel, call.task, AT_FDCWD, *path, Follow::kYes);
    if (!node) return -node.error();
    if (node->is_directory()) return -EISDIR;
    if (node->kind != Node::Kind::kHost || !S_ISREG(node->status.st_mode)) return -EINVAL;
    const UniqueFd place = call.kernel.paths->reach_writable(node->fd.get());
    if (!place) return -EROFS;
    if (const i64 error = check_new_size(call.kernel, call.task, place.get(), static_cast<u64>(length)))
        return error;
    if (host::truncate(descriptor_path(place.get()).c_str(), length) != 0) return -errno;
    truncate_pagecache(call.system(), call.mm(), identity_of(place.get()), static_cast<u64>(length));
    fsnotify_fd(call.kernel, place.get(), IN_MODIFY);
    return 0;
}

i64 fallocate(Syscall& call) {
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    const i64 offset = static_cast<i64>(call.args[2]), length = static_cast<i64>(call.args[3]);
    if (offset < 0 || length <= 0) return -EINVAL;
    const int mode = call.integer(1);
    const bool punch = mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
    if (!file->shmem && !punch && (mode & ~FALLOC_FL_KEEP_SIZE)) return -EOPNOTSUPP;
    if (!file->writable()) return -EBADF;
    if (S_ISFIFO(file->type)) return -ESPIPE;
    if (S_ISDIR(file->type)) return -EISDIR;
    if (!file->regular() || host_fd(*file) < 0) return -ENODEV;
    if ((file->shmem && !punch) || !mode) {
        const u64 end = static_cast<u64>(offset) + static_cast<u64>(length);
        if (const i64 error = check_new_size(call.kernel, call.task, host_fd(*file), end)) return error;
    }
    if (!file->shmem) call.system().page_cache.before_io(call.system(), identity_of(host_fd(*file)));
    if (file->shmem) {
        if (const i64 error = shmem_fallocate(call.kernel, call.task, *file, call.integer(1),
                                              static_cast<u64>(offset), static_cast<u64>(length)))
            return error;
    } else if (host::fallocate(host_fd(*file), mode, offset, length) != 0) {
        return -errno;
    } else if (punch) {
        struct stat status {};
        if (host::fstat(host_fd(*file), &status) != 0) return -errno;
        const u64 start = static_cast<u64>(offset), size = static_cast<u64>(status.st_size);
        if (start < size)
            call.system().page_cache.after_write(call.system(), identity_of(host_fd(*file)), start,
                                                 std::min<u64>(static_cast<u64>(length), size - start));
    }
    fsnotify_file(call.kernel, *file, IN_MODIFY);
    return 0;
}

namespace {

/// generic_fadvise(). Deviation: WILLNEED reads nothing of a file that nobody maps.
i64 advise_file(Syscall& call, const OpenFile& file, u64 offset, u64 length, int advice) {
    PageCache& cache = call.system().page_cache;
    switch (advice) {
        case POSIX_FADV_NORMAL:
            cache.forget_advice(file.id);
            return 0;
        case POSIX_FADV_RANDOM:
            cache.advise(file.id, FileAdvice::kRandom);
            return 0;
        case POSIX_FADV_SEQUENTIAL:
            cache.advise(file.id, FileAdvice::kSequential);
            return 0;
        case POSIX_FADV_WILLNEED:
        case POSIX_FADV_DONTNEED:
            break;
        case POSIX_FADV_NOREUSE:
            return 0;
        default:
            return -EINVAL;
    }
    if (host_fd(file) < 0) return 0;
    const FileIdentity identity = identity_of(host_fd(file));
    AddressSpace* space = cache.find(identity);
    const u64 last = !length || offset + length - 1 < offset ? ~u64{0} : offset + length - 1;
    if (advice == POSIX_FADV_WILLNEED) {
        if (space)
            cache.read_ahead(call.system(), *space, offset >> mmu::kPageShift, (last >> mmu::kPageShift) + 1);
        return 0;
    }
    const u64 first = (offset + mmu::kPageSize - 1) >> mmu::kPageShift,
              end = last == ~u64{0} ? last : (last + 1) >> mmu::kPageShift;
    if (file.regular()) cache.forget_buffered(identity, first, end);
    if (space) cache.drop_clean_pages(call.system(), *space, first, end);
    return 0;
}

}  // namespace

i64 fadvise64(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if (S_ISFIFO(file->type)) return -ESPIPE;
    if (static_cast<i64>(call.args[2]) < 0) return -EINVAL;
    return advise_file(call, *file, call.args[1], call.args[2], call.integer(3));
}

i64 readahead(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file || !file->readable()) return -EBADF;
    if (!file->regular()) return -EINVAL;
    return advise_file(call, *file, call.args[1], call.args[2], POSIX_FADV_WILLNEED);
}

}  // namespace kernel::calls
