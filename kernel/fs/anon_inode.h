// Open files without a name: what eventfd, timerfd, signalfd, epoll and their like have in common. Linux:
// fs/anon_inodes.c.
#pragma once

#include "kernel/fs/file_operations.h"

namespace kernel {

/// An open file for object `id` of the kind that `ops` serves; `flags`: O_RDWR and O_NONBLOCK.
OpenFile anon_file(const FileOperations& ops, u32 id, int flags);

inline bool is_object(const OpenFile& file, const FileOperations& ops) {
    return file.kind == OpenFile::Kind::kObject && file.ops == &ops;
}

}  // namespace kernel
