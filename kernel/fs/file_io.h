// Bytes between open files and user memory. Counts are Linux's: a buffer that ends in a hole gives a short
// count for a regular file, EFAULT when nothing was moved. Linux: fs/read_write.c, fs/pipe.c,
// drivers/char/mem.c.
#pragma once

#include <optional>
#include <span>

#include "kernel/fs/file_table.h"
#include "kernel/state.h"

namespace kernel {

inline constexpr u64 kMaxRwCount = 0x7ffff000;  ///< MAX_RW_COUNT

/// struct iovec of the guest.
struct UserBuffer {
    u64 base = 0, size = 0;
};

/// `offset`: pread(2), which leaves the file position alone. The number of bytes, or -errno.
i64 read_file(KernelState& kernel, Task& task, OpenFile& file, std::span<const UserBuffer> buffers,
              std::optional<u64> offset);
i64 write_file(KernelState& kernel, Task& task, OpenFile& file, std::span<const UserBuffer> buffers,
               std::optional<u64> offset);

/// The same with our own memory (sendfile, copy_file_range).
i64 read_bytes(KernelState& kernel, OpenFile& file, std::span<u8> bytes, std::optional<u64> offset);
i64 write_bytes(KernelState& kernel, Task& task, OpenFile& file, std::span<const u8> bytes,
                std::optional<u64> offset);

}  // namespace kernel
