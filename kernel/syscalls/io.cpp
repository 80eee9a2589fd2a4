// read, write and their relatives. Linux: fs/read_write.c, fs/splice.c do_splice_direct().
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kernel/fs/event_files.h"
#include "kernel/fs/file_io.h"
#include "kernel/fs/files.h"
#include "kernel/fs/shmem_file.h"
#include "kernel/host/host.h"
#include "kernel/signal.h"
#include "kernel/syscalls/functions.h"
#include "kernel/syscalls/iovec.h"

namespace kernel::calls {

namespace {

constexpr u64 kCopyChunk = 256 << 10;

using Transfer = i64 (*)(KernelState&, Task&, OpenFile&, std::span<const UserBuffer>, std::optional<u64>);

bool seekable(const OpenFile& file) {
    if (file.kind == OpenFile::Kind::kObject) return false;
    return file.kind != OpenFile::Kind::kHost || file.regular() || S_ISBLK(file.type) || S_ISDIR(file.type);
}

bool has_mode(const OpenFile& file, Transfer transfer) {
    return transfer == read_file ? file.readable() : file.writable();
}

/// rw_verify_area(): the end must be a file offset too.
bool fits(std::optional<u64> offset, u64 bytes) {
    return !offset || static_cast<i64>(*offset + bytes) >= 0;
}

/// add_rchar(), inc_syscr() and their twins. Returns `result`.
i64 count_transfer(Syscall& call, Transfer transfer, i64 result) {
    if (result == -kCallBlocked) return result;
    Usage& usage = call.task.usage;
    const u64 bytes = result > 0 ? static_cast<u64>(result) : 0;
    if (transfer == read_file) {
        usage.rchar += bytes;
        ++usage.syscr;
    } else {
        usage.wchar += bytes;
        ++usage.syscw;
    }
    return result;
}

/// vfs_read(), vfs_write(): EBADF, then access_ok() of the whole buffer.
i64 transfer_one(Syscall& call, Transfer transfer, std::optional<u64> offset) {
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if (offset && !seekable(*file)) return -ESPIPE;
    if (!has_mode(*file, transfer)) return -EBADF;
    const UserBuffer buffer{call.args[1], call.args[2]};
    if (!access_ok(call.mm(), buffer.base, buffer.size)) return -EFAULT;
    if (static_cast<i64>(buffer.size) < 0 || !fits(offset, buffer.size)) return -EINVAL;
    return count_transfer(call, transfer, transfer(call.kernel, call.task, *file, {&buffer, 1}, offset));
}

/// do_loop_readv_writev(): of a file that has no write_iter() each part is a write of its own.
i64 write_parts(Syscall& call, OpenFile& file, std::span<const UserBuffer> buffers) {
    i64 total = 0;
    for (const UserBuffer& buffer : buffers) {
        call.task.blocked_call.progress = 0;
        const i64 put = write_file(call.kernel, call.task, file, {&buffer, 1}, {});
        if (put < 0) return total ? total : put;
        total += put;
        if (static_cast<u64>(put) != buffer.size) break;
    }
    return total;
}

i64 transfer_many(Syscall& call, Transfer transfer, std::optional<u64> offset) {
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if (offset && !seekable(*file)) return -ESPIPE;
    if (!has_mode(*file, transfer)) return -EBADF;
    const auto buffers = import_iovec(call, call.args[1], call.args[2]);
    if (!buffers) return -buffers.error();
    const u64 total = total_of(*buffers);
    if (!total) return 0;  // vfs_readv(): the file is not asked
    if (!fits(offset, total)) return -EINVAL;
    if (transfer == write_file && is_object(*file, kEventFdOperations))
        return count_transfer(call, transfer, write_parts(call, *file, *buffers));
    return count_transfer(call, transfer, transfer(call.kernel, call.task, *file, *buffers, offset));
}

/// The checks of pread64() and its like on their offset, the last one left to the transfer.
i64 transfer_at(Syscall& call, Transfer transfer, bool many) {
    if (static_cast<i64>(call.args[3]) < 0) return -EINVAL;
    return many ? transfer_many(call, transfer, call.args[3]) : transfer_one(call, transfer, call.args[3]);
}

/// RWF_APPEND: at the end, wherever that is; the position moves only where it was to be used.
i64 append(Syscall& call, OpenFile& file) {
    struct stat status {};
    if (host::fstat(file.fd.get(), &status) != 0) return -errno;
    const bool at_position = call.args[3] == ~u64{0};
    call.args[3] = static_cast<u64>(status.st_size);
    const i64 put = transfer_at(call, write_file, true);
    if (at_position && put > 0)
        (void)host::lseek(file.fd.get(), static_cast<off_t>(call.args[3]) + put, SEEK_SET);
    return put;
}

/// preadv2(): offset -1 is the file position. Of the flags RWF_HIPRI, SYNC and DSYNC change nothing, nor does
/// NOWAIT for a regular file; RWF_NOAPPEND and ATOMIC are not there.
i64 transfer_with_flags(Syscall& call, Transfer transfer) {
    constexpr u64 kNothing = RWF_HIPRI | RWF_DSYNC | RWF_SYNC;
    const u64 flags = call.args[5] & 0xffffffff;
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    const bool regular = file && file->kind == OpenFile::Kind::kHost && file->regular();
    if (flags & ~(kNothing | (regular ? RWF_NOWAIT | RWF_APPEND : 0))) return -EOPNOTSUPP;
    if ((flags & RWF_APPEND) && transfer == write_file) return append(call, *file);
    return call.args[3] == ~u64{0} ? transfer_many(call, transfer, {}) : transfer_at(call, transfer, true);
}

/// write_bytes() up to RLIMIT_FSIZE: what is beyond it costs SIGXFSZ.
i64 write_part(Syscall& call, OpenFile& out, std::span<const u8> bytes, std::optional<u64> offset) {
    const i64 allowed = check_write_limit(call.kernel, call.task, out, bytes.size(), offset);
    if (allowed < 0) return allowed;
    const i64 put =
        write_bytes(call.kernel, call.task, out, bytes.first(static_cast<usize>(allowed)), offset);
    if (put == allowed && put < static_cast<i64>(bytes.size())) (void)file_too_big(call.kernel, call.task);
    return put;
}

/// Copies up to `count` bytes from one file to another. An offset of `in` is advanced instead of its
/// position.
i64 copy_between(Syscall& call, OpenFile& in, OpenFile& out, u64 count, std::optional<u64>& in_offset,
                 std::optional<u64>& out_offset) {
    std::vector<u8> bytes(std::min(count, kCopyChunk));
    u64 done = 0;
    while (done < count) {
        const u64 want = std::min<u64>(bytes.size(), count - done);
        const i64 got = read_bytes(call.kernel, call.task, in, {bytes.data(), want}, in_offset);
        if (got < 0) return done ? static_cast<i64>(done) : got;
        if (got == 0) break;
        const i64 put = write_part(call, out, {bytes.data(), static_cast<usize>(got)}, out_offset);
        const i64 moved = std::max<i64>(put, 0);
        if (in_offset)
            *in_offset += static_cast<u64>(moved);
        else if (moved < got && in.regular())
            (void)host::lseek(in.fd.get(), moved - got, SEEK_CUR);
        if (out_offset) *out_offset += static_cast<u64>(moved);
        done += static_cast<u64>(moved);
        if (put < 0) return done ? static_cast<i64>(done) : put;
        if (moved < got) break;
    }
    return static_cast<i64>(done);
}

/// A loff_t that the guest points to; null: none.
i64 get_offset(Syscall& call, u64 address, std::optional<u64>& offset) {
    if (!address) return 0;
    u64 value = 0;
    if (call.get(value, address)) return -EFAULT;
    offset = value;
    return static_cast<i64>(value) < 0 ? -EINVAL : 0;
}

}  // namespace

i64 read(Syscall& call) {
    return transfer_one(call, read_file, {});
}
i64 write(Syscall& call) {
    return transfer_one(call, write_file, {});
}
i64 readv(Syscall& call) {
    return transfer_many(call, read_file, {});
}
i64 writev(Syscall& call) {
    return transfer_many(call, write_file, {});
}
i64 pread64(Syscall& call) {
    return transfer_at(call, read_file, false);
}
i64 pwrite64(Syscall& call) {
    return transfer_at(call, write_file, false);
}
i64 preadv(Syscall& call) {
    return transfer_at(call, read_file, true);
}
i64 pwritev(Syscall& call) {
    return transfer_at(call, write_file, true);
}
i64 preadv2(Syscall& call) {
    return transfer_with_flags(call, read_file);
}
i64 pwritev2(Syscall& call) {
    return transfer_with_flags(call, write_file);
}

i64 lseek(Syscall& call) {
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    const int whence = call.integer(2);
    if (whence < SEEK_SET || whence > SEEK_HOLE) return -EINVAL;
    const i64 offset = static_cast<i64>(call.args[1]);
    if (file->shmem && (whence == SEEK_DATA || whence == SEEK_HOLE))
        return shmem_file_llseek(call.kernel, *file, offset, whence);
    if (file->kind == OpenFile::Kind::kHost) {
        const off_t at = host::lseek(file->fd.get(), offset, whence);
        return at < 0 ? -errno : at;
    }
    if (file->kind == OpenFile::Kind::kDevice) return 0;  // null_lseek()
    if (file->kind == OpenFile::Kind::kObject)            // noop_llseek() of what has no type
        return S_ISFIFO(file->type) || S_ISSOCK(file->type) || S_ISCHR(file->type) ? -ESPIPE : 0;
    if (whence > SEEK_CUR) return -EINVAL;
    i64 at = 0;
    if (__builtin_add_overflow(offset, whence == SEEK_CUR ? static_cast<i64>(file->offset) : 0, &at) ||
        at < 0)
        return -EINVAL;
    file->offset = static_cast<u64>(at);
    return at;
}

namespace {

/// do_sendfile()
i64 send_between(Syscall& call, std::optional<u64>& offset) {
    std::optional<u64> none;
    OpenFile* in = file_of(call.kernel, call.task, call.integer(1));
    if (!in || !in->readable()) return -EBADF;
    if (offset && !seekable(*in)) return -ESPIPE;
    if (offset && static_cast<i64>(*offset) < 0) return -EINVAL;
    OpenFile* out = file_of(call.kernel, call.task, call.integer(0));
    if (!out || !out->writable()) return -EBADF;
    if (S_ISDIR(in->type) || (in->kind == OpenFile::Kind::kHost && !in->regular()) ||
        in->kind == OpenFile::Kind::kObject)
        return -EINVAL;
    if (out->flags & O_APPEND) return -EINVAL;
    return copy_between(call, *in, *out, std::min(call.args[3], kMaxRwCount), offset, none);
}

}  // namespace

i64 sendfile(Syscall& call) {
    std::optional<u64> offset;
    u64 start = 0;
    if (call.args[2] && call.get(start, call.args[2])) return -EFAULT;
    if (call.args[2]) offset = start;
    const i64 done = send_between(call, offset);
    // The offset goes back whatever came of it.
    if (offset && call.put(*offset, call.args[2])) return -EFAULT;
    return done;
}

namespace {

/// generic_copy_file_checks(): cuts `count` at the end of the source. True: both ranges are of one file and
/// meet.
bool overlap(const OpenFile& in, const OpenFile& out, std::optional<u64> in_offset,
             std::optional<u64> out_offset, u64& count) {
    struct ::stat from {
    }, to{};
    if (host::fstat(in.fd.get(), &from) != 0 || host::fstat(out.fd.get(), &to) != 0) return false;
    const auto position = [](const OpenFile& file, std::optional<u64> offset) {
        return offset ? *offset
                      : static_cast<u64>(std::max<off_t>(host::lseek(file.fd.get(), 0, SEEK_CUR), 0));
    };
    const u64 first = position(in, in_offset), second = position(out, out_offset),
              size = static_cast<u64>(from.st_size);
    count = first >= size ? 0 : std::min(count, size - first);
    return from.st_dev == to.st_dev && from.st_ino == to.st_ino && second + count > first &&
           second < first + count;
}

}  // namespace

i64 copy_file_range(Syscall& call) {
    OpenFile* in = file_of(call.kernel, call.task, call.integer(0));
    OpenFile* out = file_of(call.kernel, call.task, call.integer(2));
    if (!in || !out) return -EBADF;
    std::optional<u64> in_offset, out_offset;
    if (get_offset(call, call.args[1], in_offset) == -EFAULT) return -EFAULT;
    if (get_offset(call, call.args[3], out_offset) == -EFAULT) return -EFAULT;
    if (call.args[5] & 0xffffffff) return -EINVAL;
    if (S_ISDIR(in->type) || S_ISDIR(out->type)) return -EISDIR;
    if (!in->regular() || !out->regular()) return -EINVAL;
    if (!in->readable() || !out->writable() || (out->flags & O_APPEND)) return -EBADF;
    if (in->kind != OpenFile::Kind::kHost || out->kind != OpenFile::Kind::kHost) return -EXDEV;
    u64 count = std::min(call.args[4], kMaxRwCount);
    struct ::stat from {
    }, to{};
    (void)stat_file(*in, from), (void)stat_file(*out, to);
    if (from.st_dev != to.st_dev) return -EXDEV;
    for (const auto& offset : {in_offset, out_offset})
        if (offset && *offset + count < *offset) return -EOVERFLOW;
    const i64 allowed = check_write_limit(call.kernel, call.task, *out, count, out_offset);
    if (allowed < 0) return allowed;
    count = static_cast<u64>(allowed);
    if (overlap(*in, *out, in_offset, out_offset, count)) return -EINVAL;
    for (const auto& offset : {in_offset, out_offset})
        if (offset && static_cast<i64>(*offset) < 0) return -EINVAL;
    const i64 done = copy_between(call, *in, *out, count, in_offset, out_offset);
    if (done <= 0) return done;
    if (in_offset && call.put(*in_offset, call.args[1])) return -EFAULT;
    if (out_offset && call.put(*out_offset, call.args[3])) return -EFAULT;
    return done;
}

}  // namespace kernel::calls
