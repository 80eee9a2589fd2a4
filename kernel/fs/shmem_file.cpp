#include "kernel/fs/shmem_file.h"

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

#include "kernel/host/host.h"
#include "kernel/mm_internal.h"
#include "kernel/mmap.h"
#include "kernel/shmem.h"

namespace kernel {

namespace {

AddressSpace& space_of(KernelState& kernel, const OpenFile& file) {
    return kernel.system.page_cache.mapping_of(file.shmem);
}

/// Of a file that can be sealed; 0 of others.
int seals_of(const OpenFile& file) {
    return std::max(host::fcntl(file.fd.get(), F_GET_SEALS), 0);
}

/// generic_write_checks(): where a write begins.
u64 write_position(const OpenFile& file, std::optional<u64> offset, u64 size) {
    if (host::fcntl(file.fd.get(), F_GETFL) & O_APPEND) return size;
    return offset ? *offset : static_cast<u64>(std::max<off_t>(host::lseek(file.fd.get(), 0, SEEK_CUR), 0));
}

constexpr u64 kMaxFileBytes = ~u64{0} >> 1;  // MAX_LFS_FILESIZE

}  // namespace

i64 ShmemFileBacking::pread(std::span<u8> buffer, u64 offset) {
    AddressSpace* space = system_.page_cache.find(identity());
    const u64 length = size();
    if (!space || offset >= length) return 0;
    return shmem_read(system_, *space, buffer.first(std::min<u64>(buffer.size(), length - offset)), offset);
}

i64 ShmemFileBacking::pwrite(std::span<const u8>, u64) {
    return -EIO;  // its pages are never written back
}

void shmem_file_opened(KernelState& kernel, OpenFile& file) {
    if (file.tmpfs == Tmpfs::kNone || file.kind != OpenFile::Kind::kHost || !file.regular() || file.path_only)
        return;
    MmapFile view = mmap_file_of(kernel, file);
    if (view.backing) file.shmem = kernel.system.page_cache.open(kernel.system, view);
}

void shmem_file_closed(KernelState& kernel, OpenFile& file) {
    if (!file.shmem) return;
    file.fd = UniqueFd{};  // of a file without a name its backing's is the last one then
    kernel.system.page_cache.put(kernel.system, std::exchange(file.shmem, 0));
}

i64 shmem_file_read(KernelState& kernel, OpenFile& file, std::span<u8> bytes, std::optional<u64> offset) {
    AddressSpace& space = space_of(kernel, file);
    const u64 size = space.size_bytes();
    const u64 at =
        offset ? *offset : static_cast<u64>(std::max<off_t>(host::lseek(file.fd.get(), 0, SEEK_CUR), 0));
    if (at >= size) return 0;
    const i64 got = shmem_read(kernel.system, space, bytes.first(std::min<u64>(bytes.size(), size - at)), at);
    if (got > 0 && !offset) (void)host::lseek(file.fd.get(), static_cast<off_t>(at) + got, SEEK_SET);
    return got;
}

i64 shmem_file_write(KernelState& kernel, OpenFile& file, std::span<const u8> bytes,
                     std::optional<u64> offset) {
    AddressSpace& space = space_of(kernel, file);
    const u64 size = space.size_bytes(), at = write_position(file, offset, size);
    if (bytes.empty()) return 0;
    if (at >= kMaxFileBytes) return -EFBIG;
    bytes = bytes.first(std::min<u64>(bytes.size(), kMaxFileBytes - at));
    const int seals = seals_of(file);  // shmem_write_begin()
    if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) return -EPERM;
    if ((seals & F_SEAL_GROW) && at + bytes.size() > size) {  // asked for each page
        const u64 whole = mmu::align_down(size, mmu::kPageSize);
        if (whole <= at) return -EPERM;
        bytes = bytes.first(whole - at);
    }
    const i64 put = shmem_write(kernel.system, space, bytes, at);
    if (put <= 0) return put;
    const u64 end = at + static_cast<u64>(put);
    // To the same length too: the file has been modified now.
    if (host::ftruncate(file.fd.get(), static_cast<off_t>(std::max(size, end))) != 0) return -errno;
    if (!offset) (void)host::lseek(file.fd.get(), static_cast<off_t>(end), SEEK_SET);
    return put;
}

i64 shmem_file_llseek(KernelState& kernel, OpenFile& file, i64 offset, int whence) {
    AddressSpace& space = space_of(kernel, file);
    const u64 size = space.size_bytes();
    if (offset < 0 || static_cast<u64>(offset) >= size) return -ENXIO;
    const u64 at = shmem_seek(kernel.system, space, static_cast<u64>(offset), size, whence == SEEK_DATA);
    if (whence == SEEK_DATA && at == size) return -ENXIO;
    return host::lseek(file.fd.get(), static_cast<off_t>(at), SEEK_SET) < 0 ? -errno : static_cast<i64>(at);
}

namespace {

/// FALLOC_FL_PUNCH_HOLE: whole pages go, from mappings too; of others the bytes are zeroed.
i64 punch(KernelState& kernel, Task& task, OpenFile& file, u64 offset, u64 length) {
    if (shmem_write_sealed(file)) return -EPERM;
    MemorySystem& system = kernel.system;
    AddressSpace& space = space_of(kernel, file);
    const u64 end = offset + length, first = page_align(offset), last = mmu::align_down(end, mmu::kPageSize);
    if (first < last) {
        unmap_mapping_pages(system, kernel.mm_of(task), space, pages_of(first), pages_of(last) - 1);
        system.page_cache.punch_hole(system, space, pages_of(first), pages_of(last) - 1);
    }
    if (first > last) return shmem_zero(system, space, offset, length);
    if (const int error = shmem_zero(system, space, offset, first - offset)) return error;
    return shmem_zero(system, space, last, end - last);
}

}  // namespace

i64 shmem_fallocate(KernelState& kernel, Task& task, OpenFile& file, int mode, u64 offset, u64 length) {
    if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) return -EOPNOTSUPP;
    if (offset + length > kMaxFileBytes) return -EFBIG;
    if (mode & FALLOC_FL_PUNCH_HOLE)
        return mode & FALLOC_FL_KEEP_SIZE ? punch(kernel, task, file, offset, length) : -EOPNOTSUPP;
    AddressSpace& space = space_of(kernel, file);
    const u64 size = space.size_bytes(), end = offset + length;
    if ((seals_of(file) & F_SEAL_GROW) && end > size) return -EPERM;
    // What can never be there is refused before all memory has been used up for it.
    const u64 pages = pages_of(page_align(end)) - pages_of(offset);
    const u64 room = kernel.system.buddy.managed_frames() + kernel.system.swap.total();
    if (pages > room || (space.limited && pages > kernel.system.page_cache.max_limited_pages)) return -ENOSPC;
    if (const int error = shmem_allocate(kernel.system, space, offset, length)) return error;
    if (mode & FALLOC_FL_KEEP_SIZE) return 0;
    return host::ftruncate(file.fd.get(), static_cast<off_t>(std::max(size, end))) != 0 ? -errno : 0;
}

bool shmem_write_sealed(const OpenFile& file) {
    return seals_of(file) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
}

void shmem_getattr(KernelState& kernel, struct stat& status) {
    if (!kernel.system.page_cache.has_shmem_files()) return;
    const AddressSpace* space = kernel.system.page_cache.find({status.st_dev, status.st_ino});
    if (space && space->shmem) status.st_blocks = static_cast<blkcnt_t>(space->blocks());
}

void shmem_statfs(KernelState& kernel, struct ::statfs& status) {
    constexpr long kTmpfsMagic = 0x01021994;
    const PageCache& cache = kernel.system.page_cache;
    const u64 most = cache.max_limited_pages, free = most - std::min(cache.limited_pages(), most);
    status.f_type = kTmpfsMagic;
    status.f_bsize = status.f_frsize = mmu::kPageSize;
    status.f_blocks = most;
    status.f_bfree = status.f_bavail = free;
    status.f_files = most;
    status.f_ffree = most;
}

std::optional<FileBacking::Identity> shmem_victim(KernelState& kernel, int folder, const std::string& name) {
    if (!kernel.system.page_cache.has_shmem_files()) return std::nullopt;
    struct stat status {};
    if (host::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_nlink != 1 ||
        !S_ISREG(status.st_mode))
        return std::nullopt;
    return FileBacking::Identity{status.st_dev, status.st_ino};
}

}  // namespace kernel
