// Bytes between open files and user memory. Counts are Linux's: a buffer that ends in a hole gives a short
// count for a regular file, EFAULT when nothing was moved. Linux: fs/read_write.c, fs/pipe.c,
// drivers/char/mem.c.
#pragma once

#include <optional>
#include <span>

#include "kernel/fs/file_table.h"
#include "kernel/fs/user_stream.h"
#include "kernel/state.h"
#include "kernel/wait.h"

namespace kernel {

/// `offset`: pread(2), which leaves the file position alone. The number of bytes, or -errno.
i64 read_file(KernelState& kernel, Task& task, OpenFile& file, std::span<const UserBuffer> buffers,
              std::optional<u64> offset);
i64 write_file(KernelState& kernel, Task& task, OpenFile& file, std::span<const UserBuffer> buffers,
               std::optional<u64> offset);

/// The same with our own memory (sendfile, copy_file_range).
i64 read_bytes(KernelState& kernel, Task& task, OpenFile& file, std::span<u8> bytes,
               std::optional<u64> offset);
i64 write_bytes(KernelState& kernel, Task& task, OpenFile& file, std::span<const u8> bytes,
                std::optional<u64> offset);

/// generic_write_check_limits(): how many of `count` bytes RLIMIT_FSIZE lets be written to a regular file;
/// -EFBIG, with SIGXFSZ, for none.
i64 check_write_limit(KernelState& kernel, Task& task, const OpenFile& file, u64 count,
                      std::optional<u64> offset);
/// inode_newsize_ok(): a regular file of the host's may grow to `size`. 0 or -EFBIG, with SIGXFSZ.
i64 check_new_size(KernelState& kernel, Task& task, int fd, u64 size);

/// One call's bytes to or from an object of our own (file_operations.h): waits where the file is a blocking
/// one, keeps what was written before the wait. `Wait::kNo`: MSG_DONTWAIT.
enum class Wait : u8 { kYes, kNo };
i64 read_object(KernelState& kernel, Task& task, OpenFile& file, std::span<const UserBuffer> buffers,
                Wait wait = Wait::kYes);
i64 write_object(KernelState& kernel, Task& task, OpenFile& file, std::span<const UserBuffer> buffers,
                 Wait wait = Wait::kYes);

/// Waits as a call on a blocking file does that could do nothing: with a unix socket's SO_RCVTIMEO (POLLIN)
/// or SO_SNDTIMEO (POLLOUT). -EAGAIN: that is over; else what block() says.
i64 wait_for_file(KernelState& kernel, Task& task, const OpenFile& file, short events);

/// What of POLLIN, POLLOUT, ... holds for `file` now, of host files too.
short poll_file(KernelState& kernel, Task& task, const OpenFile& file, short events);
/// Adds what a change of `file`'s poll_file() would wake.
void wait_on_file(KernelState& kernel, Task& task, const OpenFile& file, short events, WaitFor& wait);

}  // namespace kernel
