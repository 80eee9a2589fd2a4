// splice, tee and vmsplice: bytes are copied, what the calls promise is kept. Linux: fs/splice.c. Deviation:
// SPLICE_F_GIFT and the moving of pages have no effect, as Linux allows.
#include <fcntl.h>

#include <vector>

#include "kernel/fs/file_io.h"
#include "kernel/fs/files.h"
#include "kernel/fs/pipe.h"
#include "kernel/signal.h"
#include "kernel/syscalls/functions.h"
#include "kernel/wait.h"

namespace kernel::calls {

namespace {

constexpr u64 kFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;
constexpr u64 kChunk = 64 << 10;

i64 wait_or_again(Syscall& call, const OpenFile& file, short events, u64 flags) {
    if ((flags & SPLICE_F_NONBLOCK) || (file.flags & O_NONBLOCK)) return -EAGAIN;
    WaitFor wait;
    wait_on_file(call.kernel, call.task, file, events, wait);
    return block(call.kernel, call.task, wait);
}

/// How much a pipe takes at once.
u64 room_of(KernelState& kernel, const OpenFile& file) {
    const Pipe& pipe = kernel.ipc.pipes.at(file.object);
    return pipe.full() ? 0 : (pipe.slots - pipe.ring.size()) * mmu::kPageSize;
}

i64 get_offset(Syscall& call, u64 address, std::optional<u64>& offset) {
    u64 value = 0;
    if (call.get(value, address)) return -EFAULT;
    offset = value;
    return 0;
}

/// One move: from `in` at `from` to `out` at `to`.
i64 move(Syscall& call, OpenFile& in, OpenFile& out, std::optional<u64> from, std::optional<u64> to, u64 size,
         u64 flags) {
    size = std::min(size, kChunk);
    if (is_pipe(out)) {
        if (!call.kernel.ipc.pipes.at(out.object).readers) {
            const u8 none = 0;
            return pipe_give(call.kernel, call.task, out, &none, 1);  // EPIPE and its signal
        }
        size = std::min(size, room_of(call.kernel, out));
        if (!size) return wait_or_again(call, out, POLLOUT, flags);
    }
    std::vector<u8> bytes(size);
    const i64 got = is_pipe(in) ? pipe_take(call.kernel, in, bytes.data(), size, true)
                                : read_bytes(call.kernel, call.task, in, bytes, from);
    if (got == -EAGAIN && is_pipe(in)) return wait_or_again(call, in, POLLIN, flags);
    if (got <= 0) return got;
    const i64 put = write_bytes(call.kernel, call.task, out, {bytes.data(), static_cast<usize>(got)}, to);
    if (put > 0 && is_pipe(in)) (void)pipe_take(call.kernel, in, bytes.data(), static_cast<u64>(put), false);
    return put;
}

}  // namespace

i64 splice(Syscall& call) {
    const u64 flags = call.args[5] & 0xffffffff;
    if (!call.args[4]) return 0;
    if (flags & ~kFlags) return -EINVAL;
    OpenFile* in = file_of(call.kernel, call.task, call.integer(0));
    OpenFile* out = file_of(call.kernel, call.task, call.integer(2));
    if (!in || !out) return -EBADF;
    if ((is_pipe(*in) && call.args[1]) || (is_pipe(*out) && call.args[3])) return -ESPIPE;
    std::optional<u64> from, to;
    if (call.args[3])
        if (const i64 error = get_offset(call, call.args[3], to)) return error;
    if (call.args[1])
        if (const i64 error = get_offset(call, call.args[1], from)) return error;
    if (!in->readable() || !out->writable()) return -EBADF;
    if (!is_pipe(*in) && !is_pipe(*out)) return -EINVAL;
    if (is_pipe(*in) && is_pipe(*out) && in->object == out->object) return -EINVAL;
    if (S_ISDIR(in->type) || (!is_pipe(*in) && in->kind == OpenFile::Kind::kObject)) return -EINVAL;
    if (!is_pipe(*out) && (out->flags & O_APPEND)) return -EINVAL;
    const i64 moved = move(call, *in, *out, from, to, call.args[4], flags);
    if (moved <= 0) return moved;
    if (from && call.put(*from + static_cast<u64>(moved), call.args[1])) return -EFAULT;
    if (to && call.put(*to + static_cast<u64>(moved), call.args[3])) return -EFAULT;
    return moved;
}

i64 tee(Syscall& call) {
    const u64 flags = call.args[3] & 0xffffffff;
    if (flags & ~kFlags) return -EINVAL;
    if (!call.args[2]) return 0;
    OpenFile* in = file_of(call.kernel, call.task, call.integer(0));
    OpenFile* out = file_of(call.kernel, call.task, call.integer(1));
    if (!in || !out || !in->readable() || !out->writable()) return -EBADF;
    if (!is_pipe(*in) || !is_pipe(*out) || in->object == out->object) return -EINVAL;
    const u64 size = std::min({call.args[2], kChunk, std::max<u64>(room_of(call.kernel, *out), 1)});
    std::vector<u8> bytes(size);
    const i64 got = pipe_take(call.kernel, *in, bytes.data(), size, true);
    if (got == -EAGAIN) return wait_or_again(call, *in, POLLIN, flags);
    if (got <= 0) return got;
    const i64 put = pipe_give(call.kernel, call.task, *out, bytes.data(), static_cast<u64>(got));
    return put == -EAGAIN ? wait_or_again(call, *out, POLLOUT, flags) : put;
}

i64 vmsplice(Syscall& call) {
    if (call.args[3] & 0xffffffff & ~kFlags) return -EINVAL;
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if (!is_pipe(*file)) return -EBADF;
    return file->writable() ? writev(call) : readv(call);
}

}  // namespace kernel::calls
