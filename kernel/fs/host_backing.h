// A host file as the page cache sees it: bytes by offset, and an identity. Linux's counterpart: struct
// address_space's host.
#pragma once

#include "kernel/filemap.h"
#include "kernel/fs/file_table.h"

namespace kernel {

class HostFileBacking : public FileBacking {
  public:
    /// `fd` is a regular file's.
    explicit HostFileBacking(UniqueFd fd);

    Identity identity() const override { return identity_; }
    u64 size() const override;
    u64 version() const override;
    u64 links() const override;
    i64 pread(std::span<u8> buffer, u64 offset) override;
    i64 pwrite(std::span<const u8> buffer, u64 offset) override;

  private:
    UniqueFd fd_;
    Identity identity_;
};

FileBacking::Identity identity_of(int fd);

/// What mmap(2) is to know of an open file.
MmapFile mmap_file_of(KernelState& kernel, const OpenFile& file);

/// mapping_deny_writable(): some area maps it shared and may write.
bool mapped_writable(const KernelState& kernel, const OpenFile& file);

}  // namespace kernel
