#include "kernel/fs/pipe.h"

#include <sys/ioctl.h>
#include <sys/stat.h>

#include <csignal>
#include <cstring>

#include "kernel/errno.h"
#include "kernel/fs/user_stream.h"
#include "kernel/host/host.h"
#include "kernel/signal.h"
#include "kernel/state.h"

namespace kernel {

namespace {

Pipe& pipe_of(KernelState& kernel, const OpenFile& file) {
    return kernel.ipc.pipes.at(file.object);
}

WaitKey key_of(const Task&, const OpenFile& file) {
    return wait_key(WaitKind::kPipe, file.object);
}

constexpr short kReadable = POLLIN | POLLRDNORM, kWritable = POLLOUT | POLLWRNORM;

void wake_readers(KernelState& kernel, const OpenFile& file) {
    wake_up(kernel, wait_key(WaitKind::kPipe, file.object), kReadable);
}

void wake_writers(KernelState& kernel, const OpenFile& file) {
    wake_up(kernel, wait_key(WaitKind::kPipe, file.object), kWritable);
}

/// kill_fasync() at the end of each call, whether bytes went or the call would wait.
void tell_other_end(KernelState& kernel, const OpenFile& file, bool moved, IoBand band) {
    if (moved || (file.flags & O_NONBLOCK)) kill_fasync(kernel, wait_key(WaitKind::kPipe, file.object), band);
}

/// An end came or went.
void wake_all(KernelState& kernel, const OpenFile& file) {
    wake_up(kernel, wait_key(WaitKind::kPipe, file.object));
}

/// pipe_read(), with the bytes going wherever `put` puts them: how many it took.
template <class Put>
i64 take(KernelState& kernel, OpenFile& file, u64 size, Put put) {
    Pipe& pipe = pipe_of(kernel, file);
    if (!size) return 0;
    u64 done = 0;
    bool was_full = false;
    while (!pipe.ring.empty()) {
        Pipe::Buffer& buffer = pipe.ring.front();
        const u64 step = std::min<u64>(buffer.length(), size - done);
        const u64 moved = put(buffer.bytes.data() + buffer.offset, step);
        if (moved < step) {
            if (!done) return -EFAULT;
            break;
        }
        done += step;
        buffer.offset += static_cast<u32>(step);
        const bool packet = buffer.packet;
        if (!buffer.length() || packet) {
            was_full |= pipe.full();
            pipe.ring.pop_front();
        }
        if (packet || done == size) break;
    }
    tell_other_end(kernel, file, done, IoBand::kOut);
    if (done) {
        if (was_full) wake_writers(kernel, file);
        return static_cast<i64>(done);
    }
    return pipe.writers ? -EAGAIN : 0;
}

/// pipe_write(), with the bytes coming from wherever `get` gets them.
template <class Get>
i64 give(KernelState& kernel, Task& task, OpenFile& file, u64 size, Get get) {
    constexpr u64 kPage = mmu::kPageSize;
    Pipe& pipe = pipe_of(kernel, file);
    if (!size) return 0;
    if (!pipe.readers) return broken_pipe(kernel, task);
    const bool packets = file.flags & O_DIRECT;
    u64 done = 0;
    const u64 tail = size % kPage;
    if (tail && !pipe.ring.empty() && !pipe.ring.back().packet &&
        pipe.ring.back().bytes.size() + tail <= kPage) {
        std::vector<u8>& bytes = pipe.ring.back().bytes;
        const u64 before = bytes.size();
        bytes.resize(before + tail);
        const u64 moved = get(bytes.data() + before, tail);
        if (moved < tail) {
            bytes.resize(before);
            return -EFAULT;
        }
        done = tail;
    }
    while (done < size && !pipe.full()) {
        Pipe::Buffer buffer;
        buffer.packet = packets;
        buffer.bytes.resize(std::min(kPage, size - done));
        if (get(buffer.bytes.data(), buffer.bytes.size()) < buffer.bytes.size()) {
            if (!done) return -EFAULT;
            break;
        }
        done += buffer.bytes.size();
        pipe.ring.push_back(std::move(buffer));
    }
    tell_other_end(kernel, file, done, IoBand::kIn);
    if (!done) return -EAGAIN;
    wake_readers(kernel, file);
    return static_cast<i64>(done);
}

i64 read(FileCall& call, UserStream& to, u64 size) {
    return take(call.kernel, call.file, size, [&](const u8* bytes, u64 n) { return to.put(bytes, n); });
}

i64 write(FileCall& call, UserStream& from, u64 size) {
    return give(call.kernel, call.task, call.file, size,
                [&](u8* bytes, u64 n) { return from.take(bytes, n); });
}

/// pipe_poll()
short poll(KernelState& kernel, Task&, const OpenFile& file) {
    const Pipe& pipe = pipe_of(kernel, file);
    int mask = 0;
    if (file.readable()) {
        if (!pipe.ring.empty()) mask |= POLLIN | POLLRDNORM;
        // A FIFO that never had a writer since it was opened has not lost one.
        if (!pipe.writers && file.offset != pipe.writer_opens) mask |= POLLHUP;
    }
    if (file.writable()) {
        if (!pipe.full()) mask |= POLLOUT | POLLWRNORM;
        if (!pipe.readers) mask |= POLLERR;
    }
    return static_cast<short>(mask);
}

void release(KernelState& kernel, OpenFile& file) {
    Pipe& pipe = pipe_of(kernel, file);
    if (file.readable()) pipe.readers--;
    if (file.writable()) pipe.writers--;
    wake_all(kernel, file);
    if (!pipe.readers != !pipe.writers) {
        kill_fasync(kernel, wait_key(WaitKind::kPipe, file.object), IoBand::kIn);
        kill_fasync(kernel, wait_key(WaitKind::kPipe, file.object), IoBand::kOut);
    }
    if (pipe.readers || pipe.writers) return;
    std::erase_if(kernel.ipc.fifos, [&](const auto& fifo) { return fifo.second == file.object; });
    kernel.ipc.pipes.erase(file.object);
}

i64 ioctl(FileCall& call, u64 request, u64 argument) {
    if (request != FIONREAD) return -ENOTTY;
    const int bytes = static_cast<int>(pipe_of(call.kernel, call.file).bytes());
    return put_user(call.kernel.system, call.kernel.mm_of(call.task), bytes, argument);
}

}  // namespace

const FileOperations kPipeOperations = {"pipe", read, write, poll, key_of, release, ioctl, nullptr, nullptr};

namespace {

OpenFile pipe_end(KernelState& kernel, u32 id, int flags) {
    Pipe& pipe = kernel.ipc.pipes.at(id);
    OpenFile file;
    file.kind = OpenFile::Kind::kObject;
    file.ops = &kPipeOperations;
    file.object = id;
    file.type = S_IFIFO;
    file.path = "pipe:[" + std::to_string(pipe.inode) + "]";
    file.flags = flags;
    file.may_change = true;
    file.status.st_mode = S_IFIFO | 0600;
    file.status.st_nlink = 1;
    file.status.st_ino = pipe.inode;
    file.status.st_dev = 14;
    file.status.st_blksize = 4096;
    file.status.st_uid = host::geteuid();
    file.status.st_gid = host::getegid();
    if (file.readable()) pipe.readers++, pipe.reader_opens++;
    if (file.writable()) pipe.writers++, pipe.writer_opens++;
    return file;
}

}  // namespace

PipeEnds make_pipe(KernelState& kernel, int flags) {
    Pipe pipe;
    pipe.inode = kernel.ipc.next_inode++;
    const u32 id = kernel.ipc.pipes.add(std::move(pipe));
    PipeEnds ends{pipe_end(kernel, id, O_RDONLY | (flags & O_NONBLOCK)),
                  pipe_end(kernel, id, O_WRONLY | flags)};
    return ends;
}

OpenFile reopen_pipe(KernelState& kernel, const OpenFile& file, int flags) {
    OpenFile end = pipe_end(kernel, file.object, flags);
    end.status = file.status;
    return end;
}

i64 open_fifo(KernelState& kernel, Task& task, const struct stat& status, int flags, OpenFile& file) {
    const auto [fifo, fresh] = kernel.ipc.fifos.try_emplace({status.st_dev, status.st_ino}, 0);
    if (fresh) {
        Pipe pipe;
        pipe.inode = status.st_ino;
        pipe.named = true;
        fifo->second = kernel.ipc.pipes.add(std::move(pipe));
    }
    const u32 id = fifo->second;
    Pipe& pipe = kernel.ipc.pipes.at(id);
    const int mode = flags & O_ACCMODE;
    if (mode == O_WRONLY && (flags & O_NONBLOCK) && !pipe.readers) {
        if (fresh) {
            kernel.ipc.pipes.erase(id);
            kernel.ipc.fifos.erase(fifo);
        }
        return -ENXIO;
    }
    file = pipe_end(kernel, id, flags);
    file.status = status;
    // fifo_open(): a reader that does not wait sees no hang-up before the first writer.
    file.offset = mode == O_RDONLY && !pipe.writers ? pipe.writer_opens : ~u64{0};
    wake_all(kernel, file);
    (void)task;
    return 0;
}

bool is_pipe(const OpenFile& file) {
    return file.kind == OpenFile::Kind::kObject && file.ops == &kPipeOperations;
}

bool lacks_partner(KernelState& kernel, const OpenFile& file) {
    if (!is_pipe(file) || (file.flags & O_NONBLOCK) || (file.readable() && file.writable())) return false;
    const Pipe& pipe = pipe_of(kernel, file);
    if (!pipe.named) return false;  // /proc/self/fd/N of a pipe(2) opens at once
    return file.readable() ? !pipe.writers : !pipe.readers;
}

u32 partner_opens(KernelState& kernel, const OpenFile& file) {
    const Pipe& pipe = pipe_of(kernel, file);
    return static_cast<u32>(file.readable() ? pipe.writer_opens : pipe.reader_opens);
}

i64 pipe_size(KernelState& kernel, const OpenFile& file) {
    return is_pipe(file) ? i64{pipe_of(kernel, file).slots} * static_cast<i64>(mmu::kPageSize) : -EBADF;
}

/// pipe_set_size()
i64 set_pipe_size(KernelState& kernel, const OpenFile& file, u64 bytes) {
    constexpr u64 kMaxSize = 1 << 20;  ///< fs.pipe-max-size
    if (!is_pipe(file)) return -EBADF;
    if (static_cast<u32>(bytes) > 1u << 31) return -EINVAL;
    u64 slots = 1;
    while (slots * mmu::kPageSize < static_cast<u32>(bytes)) slots *= 2;
    Pipe& pipe = pipe_of(kernel, file);
    if (slots > pipe.slots && slots * mmu::kPageSize > kMaxSize) return -EPERM;
    if (slots < pipe.ring.size()) return -EBUSY;
    pipe.slots = static_cast<u32>(slots);
    wake_all(kernel, file);
    return pipe_size(kernel, file);
}

i64 pipe_take(KernelState& kernel, OpenFile& file, u8* bytes, u64 size, bool peek) {
    u64 done = 0;
    if (!peek)
        return take(kernel, file, size, [&](const u8* from, u64 n) {
            std::memcpy(bytes + done, from, n);
            done += n;
            return n;
        });
    const Pipe& pipe = pipe_of(kernel, file);
    for (const Pipe::Buffer& buffer : pipe.ring) {
        const u64 step = std::min<u64>(buffer.length(), size - done);
        std::memcpy(bytes + done, buffer.bytes.data() + buffer.offset, step);
        done += step;
    }
    return done ? static_cast<i64>(done) : pipe.writers ? -EAGAIN : 0;
}

i64 pipe_give(KernelState& kernel, Task& task, OpenFile& file, const u8* bytes, u64 size) {
    u64 done = 0;
    return give(kernel, task, file, size, [&](u8* to, u64 n) {
        std::memcpy(to, bytes + done, n);
        done += n;
        return n;
    });
}

}  // namespace kernel
