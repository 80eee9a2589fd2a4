#include "kernel/fs/host_backing.h"

#include <fcntl.h>

#include <algorithm>

#include "kernel/fs/files.h"
#include "kernel/fs/hugetlb_file.h"
#include "kernel/fs/shmem_file.h"
#include "kernel/host/host.h"
#include "kernel/state.h"

namespace kernel {

HostFileBacking::HostFileBacking(UniqueFd fd) : fd_(std::move(fd)), identity_(identity_of(fd_.get())) {}

u64 HostFileBacking::size() const {
    struct stat status {};
    return host::fstat(fd_.get(), &status) == 0 ? static_cast<u64>(std::max<off_t>(status.st_size, 0)) : 0;
}

u64 HostFileBacking::version() const {
    struct stat status {};
    if (host::fstat(fd_.get(), &status) != 0) return 0;
    return static_cast<u64>(status.st_mtim.tv_sec) * 1'000'000'000 + static_cast<u64>(status.st_mtim.tv_nsec);
}

u64 HostFileBacking::links() const {
    struct stat status {};
    return host::fstat(fd_.get(), &status) == 0 ? status.st_nlink : 0;
}

i64 HostFileBacking::pread(std::span<u8> buffer, u64 offset) {
    usize done = 0;
    while (done < buffer.size()) {
        const ssize_t got = host::pread(fd_.get(), buffer.data() + done, buffer.size() - done,
                                        static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        if (got == 0) break;
        done += static_cast<usize>(got);
    }
    return static_cast<i64>(done);
}

i64 HostFileBacking::pwrite(std::span<const u8> buffer, u64 offset) {
    usize done = 0;
    while (done < buffer.size()) {
        const ssize_t put = host::pwrite(fd_.get(), buffer.data() + done, buffer.size() - done,
                                         static_cast<off_t>(offset + done));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -errno;
        done += static_cast<usize>(put);
    }
    return static_cast<i64>(done);
}

FileBacking::Identity identity_of(int fd) {
    struct stat status {};
    if (host::fstat(fd, &status) != 0) return {};
    return {status.st_dev, status.st_ino};
}

MmapFile mmap_file_of(KernelState& kernel, const OpenFile& file) {
    MmapFile result;
    result.readable = file.readable();
    result.writable = file.writable();
    result.path = file.path;
    result.description = file.id;
    if (is_object(file, kHugetlbFileOperations)) result.hugetlb = file.object;
    result.dev_zero = file.kind == OpenFile::Kind::kDevice && file.device == Device::kZero;
    if (file.kind == OpenFile::Kind::kHost && file.regular() && !file.path_only) {
        // A descriptor of its own where it may write: pwrite() to one with O_APPEND appends, whatever the
        // offset.
        int copy = -1;
        if (file.writable())
            copy = host::open(descriptor_path(file.fd.get()).c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (copy < 0) copy = host::fcntl(file.fd.get(), F_DUPFD_CLOEXEC, 3);
        if (copy >= 0 && file.tmpfs == Tmpfs::kNone)
            result.backing = std::make_unique<HostFileBacking>(UniqueFd{copy});
        else if (copy >= 0)
            result.backing = std::make_unique<ShmemFileBacking>(UniqueFd{copy}, kernel.system);
        result.limited = file.tmpfs == Tmpfs::kMounted;
        result.write_sealed = file.tmpfs != Tmpfs::kNone && shmem_write_sealed(file);
    }
    return result;
}

bool mapped_writable(const KernelState& kernel, const OpenFile& file) {
    const auto identity = identity_of(file.fd.get());
    const auto writes = [&](const VmAreaStruct& vma) {
        return vma.vm_file && (vma.vm_flags & VM_SHARED) && (vma.vm_flags & VM_MAYWRITE) &&
               kernel.system.page_cache.mapping_of(vma.vm_file).identity == identity;
    };
    for (const auto& [id, mm] : kernel.mms)
        for (const auto& [end, vma] : mm.mm_mt)
            if (writes(vma)) return true;
    return false;
}

}  // namespace kernel
