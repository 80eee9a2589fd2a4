// memfd_create(MFD_HUGETLB): an open file whose pages are a hugetlb pool's. Linux: fs/hugetlbfs/inode.c.
// Deviation: read(2) of it is EINVAL, as write(2) is on Linux too; fallocate() is EOPNOTSUPP.
#pragma once

#include "kernel/fs/anon_inode.h"

namespace kernel {

extern const FileOperations kHugetlbFileOperations;  ///< the object's id is its FileId

/// Nothing: there is no pool of pages of 2^size_log bytes.
std::optional<OpenFile> make_hugetlb_file(KernelState& kernel, u64 size_log, const std::string& path);
/// hugetlbfs_setattr(): its length. 0 or -EINVAL.
int truncate_hugetlb_file(KernelState& kernel, OpenFile& file, u64 length);

}  // namespace kernel
