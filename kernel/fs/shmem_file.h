// Files of memfd_create() and in /dev/shm: the host's file is the inode (names, length, rights, times, seals,
// locks) and has only holes; the bytes are in pages of the guest's page cache (shmem.h), so that they are
// part of --memory, counted, and go to swap. Linux: mm/shmem.c.
#pragma once

#include <sys/vfs.h>

#include "kernel/fs/host_backing.h"
#include "kernel/state.h"

namespace kernel {

/// Such a file as the page cache and exec see it.
class ShmemFileBacking : public HostFileBacking {
  public:
    ShmemFileBacking(UniqueFd fd, MemorySystem& system) : HostFileBacking(std::move(fd)), system_(system) {}

    bool is_shmem() const override { return true; }
    i64 pread(std::span<u8> buffer, u64 offset) override;
    i64 pwrite(std::span<const u8> buffer, u64 offset) override;

  private:
    MemorySystem& system_;
};

/// The file is about to get a descriptor: it holds its pages from now on, until shmem_file_closed().
void shmem_file_opened(KernelState& kernel, OpenFile& file);
void shmem_file_closed(KernelState& kernel, OpenFile& file);

/// read(), write() and their relatives; without `offset` at the file's position. Bytes moved or -errno.
i64 shmem_file_read(KernelState& kernel, OpenFile& file, std::span<u8> bytes, std::optional<u64> offset);
i64 shmem_file_write(KernelState& kernel, OpenFile& file, std::span<const u8> bytes,
                     std::optional<u64> offset);
/// lseek() with SEEK_DATA or SEEK_HOLE: the new position or -errno.
i64 shmem_file_llseek(KernelState& kernel, OpenFile& file, i64 offset, int whence);
/// fallocate(). 0 or -errno.
i64 shmem_fallocate(KernelState& kernel, Task& task, OpenFile& file, int mode, u64 offset, u64 length);
/// F_SEAL_WRITE or F_SEAL_FUTURE_WRITE.
bool shmem_write_sealed(const OpenFile& file);

/// st_blocks of a file whose pages are here.
void shmem_getattr(KernelState& kernel, struct stat& status);
/// What df shows of /dev/shm.
void shmem_statfs(KernelState& kernel, struct ::statfs& status);
/// A name is about to go, or to be that of another file; the call says whose. After it, evict_unlinked().
std::optional<FileBacking::Identity> shmem_victim(KernelState& kernel, int folder, const std::string& name);

}  // namespace kernel
