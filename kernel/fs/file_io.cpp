#include "kernel/fs/file_io.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "kernel/fs/host_backing.h"
#include "kernel/fs/job_control.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/proc.h"
#include "kernel/fs/shmem_file.h"
#include "kernel/fs/tty.h"
#include "kernel/fs/unix_socket.h"
#include "kernel/host/host.h"
#include "kernel/random.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"

namespace kernel {

namespace {

constexpr u64 kChunk = 256 << 10;  ///< bytes moved at a time
constexpr u64 kPipeChunk = 4096;   ///< a pipe takes whole pages or EFAULT

bool may_block(const OpenFile& file) {
    return !file.regular() && file.type != S_IFDIR;
}

/// O_NONBLOCK is the host's to know, but for sockets.
bool waits(const OpenFile& file) {
    if (file.network) return !(file.flags & O_NONBLOCK);
    return may_block(file) && !(host::fcntl(file.fd.get(), F_GETFL) & O_NONBLOCK);
}

/// 0 when the host's call will not wait; else what block() says.
i64 wait_for_host(KernelState& kernel, Task& task, const OpenFile& file, short events) {
    if (!waits(file)) return 0;
    if (poll_file(kernel, task, file, events)) return 0;
    WaitFor wait;
    wait_on_file(kernel, task, file, events, wait);
    return block(kernel, task, wait);
}

/// Somebody else has the user's terminal: SIGTTIN for its readers, SIGTTOU for writers where it is set so.
i64 check_terminal(KernelState& kernel, Task& task, const OpenFile& file, int signal) {
    if (file.type != S_IFCHR || task.pgrp == kernel.foreground_pgrp) [[likely]]
        return 0;
    Termios settings;
    if (host::ioctl(file.fd.get(), TCGETS, &settings, sizeof settings) != 0) return 0;
    if (signal == SIGTTOU && !(settings.lflag & TOSTOP)) return 0;
    return check_background(kernel, task, kUserTerminal, signal);
}

i64 host_read(KernelState& kernel, Task& task, OpenFile& file, std::span<u8> bytes,
              std::optional<u64> offset) {
    const int fd = file.fd.get();
    if (const i64 error = check_terminal(kernel, task, file, SIGTTIN)) return error;
    while (true) {
        if (const i64 waiting = wait_for_host(kernel, task, file, POLLIN)) return waiting;
        const ssize_t got = offset ? host::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(*offset))
                                   : host::read(fd, bytes.data(), bytes.size());
        if (got >= 0) return got;
        if (errno == EAGAIN && waits(file)) continue;
        if (errno != EINTR) return -errno;
        if (may_block(file)) return -kErestartSys;
    }
}

i64 host_write(KernelState& kernel, Task& task, OpenFile& file, std::span<const u8> bytes,
               std::optional<u64> offset) {
    const int fd = file.fd.get();
    if (const i64 error = check_terminal(kernel, task, file, SIGTTOU)) return error;
    // A pipe that poll() calls writable takes this much without a wait.
    if (S_ISFIFO(file.type)) bytes = bytes.first(std::min<usize>(bytes.size(), kPipeChunk));
    while (true) {
        if (const i64 waiting = wait_for_host(kernel, task, file, POLLOUT)) return waiting;
        const ssize_t put = offset ? host::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(*offset))
                                   : host::write(fd, bytes.data(), bytes.size());
        if (put >= 0) return put;
        if (errno == EAGAIN && waits(file)) continue;
        if (errno == EPIPE) return broken_pipe(kernel, task);
        if (errno != EINTR) return -errno;
        if (may_block(file)) return -kErestartSys;
    }
}

/// Where a plain read or write of a regular file will happen; pages of it that are mapped must agree.
u64 position_of(const OpenFile& file, std::optional<u64> offset) {
    if (offset) return *offset;
    const off_t at = host::lseek(file.fd.get(), 0, SEEK_CUR);
    return at < 0 ? 0 : static_cast<u64>(at);
}

/// So many bytes of a regular file were read or written: where they begin. Without an offset the position has
/// moved already; with O_APPEND it is the only one that tells.
u64 start_of_done(const OpenFile& file, std::optional<u64> offset, u64 bytes) {
    const u64 end = offset ? *offset + bytes : position_of(file, {});
    return end - std::min(end, bytes);
}

i64 read_device(KernelState& kernel, Task& task, const OpenFile& file, std::span<const UserBuffer> buffers) {
    const u64 total = total_of(buffers);
    switch (file.device) {
        case Device::kZero:
        case Device::kFull: {
            const u64 done = UserStream(kernel, task, buffers).clear(total);
            return done || !total ? static_cast<i64>(done) : -EFAULT;
        }
        case Device::kRandom: {
            i64 sum = 0;
            for (const UserBuffer& buffer : buffers) {
                const i64 got = random_to_user(kernel, task, buffer.base, std::min(buffer.size, kMaxRwCount));
                if (got < 0) return sum ? sum : got;
                sum += got;
                if (static_cast<u64>(got) < buffer.size) break;
            }
            return sum;
        }
        default:
            return 0;  // null
    }
}

/// A generated file that is made while it is read (/proc/PID/pagemap).
i64 read_window(KernelState& kernel, Task& task, OpenFile& file, std::span<const UserBuffer> buffers,
                std::optional<u64> offset) {
    const u64 at = offset.value_or(file.offset);
    const auto text = file.window(kernel, task, at, std::min(total_of(buffers), kChunk));
    if (!text) return text.error();
    const u64 done =
        UserStream(kernel, task, buffers).put(reinterpret_cast<const u8*>(text->data()), text->size());
    if (!offset) file.offset = at + done;
    return done || text->empty() ? static_cast<i64>(done) : -EFAULT;
}

/// seq_read_iter(): whoever goes back to the start finds what is there now (procps reads /proc/stat so).
void refresh_text(KernelState& kernel, OpenFile& file) {
    Task* owner = kernel.find_task(static_cast<Pid>(file.object));
    if (!owner || !file.regular()) return;
    const auto entry = proc_entry(kernel, *owner, file.path);
    if (entry && entry->kind == ProcEntry::Kind::kText) file.text = entry->text;
}

i64 read_text(KernelState& kernel, Task& task, OpenFile& file, std::span<const UserBuffer> buffers,
              std::optional<u64> offset) {
    if (file.window) return read_window(kernel, task, file, buffers, offset);
    if (file.text_read && offset.value_or(file.offset) == 0) refresh_text(kernel, file);
    file.text_read = true;
    const u64 at = std::min<u64>(offset.value_or(file.offset), file.text.size());
    const u64 size = std::min(total_of(buffers), file.text.size() - at);
    const u64 done =
        UserStream(kernel, task, buffers).put(reinterpret_cast<const u8*>(file.text.data()) + at, size);
    if (!offset) file.offset = at + done;
    return done || !size ? static_cast<i64>(done) : -EFAULT;
}

}  // namespace

i64 read_bytes(KernelState& kernel, Task& task, OpenFile& file, std::span<u8> bytes,
               std::optional<u64> offset) {
    switch (file.kind) {
        case OpenFile::Kind::kText: {
            if (file.window) return -EINVAL;  // no splice_read()
            const u64 at = std::min<u64>(offset.value_or(file.offset), file.text.size());
            const u64 size = std::min<u64>(bytes.size(), file.text.size() - at);
            std::memcpy(bytes.data(), file.text.data() + at, size);
            if (!offset) file.offset = at + size;
            return static_cast<i64>(size);
        }
        case OpenFile::Kind::kDevice:
            if (file.device == Device::kNull) return 0;
            for (u8& byte : bytes)
                byte = file.device == Device::kRandom ? static_cast<u8>(kernel.rng.next()) : 0;
            return static_cast<i64>(bytes.size());
        case OpenFile::Kind::kObject:
            return is_pipe(file) ? pipe_take(kernel, file, bytes.data(), bytes.size(), false) : -EINVAL;
        case OpenFile::Kind::kHost:
            break;
    }
    PageCache& cache = kernel.system.page_cache;
    const bool cached = file.regular() && !file.shmem;
    const FileIdentity identity = cached ? identity_of(file.fd.get()) : FileIdentity{};
    if (cached) {
        cache.before_io(kernel.system, identity);
        if (kernel.system.inject.fails(InjectSite::kDiskRead)) return -EIO;
    }
    const i64 got = file.shmem ? shmem_file_read(kernel, file, bytes, offset)
                               : host_read(kernel, task, file, bytes, offset);
    if (cached && got > 0) {
        const u64 count = static_cast<u64>(got);
        cache.note_buffered(kernel.system, identity, start_of_done(file, offset, count), count);
    }
    if (got > 0) fsnotify_file(kernel, file, IN_ACCESS);
    return got;
}

i64 write_bytes(KernelState& kernel, Task& task, OpenFile& file, std::span<const u8> bytes,
                std::optional<u64> offset) {
    if (file.kind == OpenFile::Kind::kDevice)
        return file.device == Device::kFull && !bytes.empty() ? -ENOSPC : static_cast<i64>(bytes.size());
    if (file.kind == OpenFile::Kind::kText) {
        if (!file.text_write) return -EINVAL;
        const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        const int error = file.text_write(kernel, file, text);
        return error ? error : static_cast<i64>(bytes.size());
    }
    if (is_pipe(file)) return pipe_give(kernel, task, file, bytes.data(), bytes.size());
    if (file.kind == OpenFile::Kind::kObject && file.ops->give)
        return file.ops->give(kernel, task, file, bytes);
    if (file.kind != OpenFile::Kind::kHost) return -EBADF;
    PageCache& cache = kernel.system.page_cache;
    const bool cached = file.regular() && !file.shmem;
    const FileIdentity identity = cached ? identity_of(file.fd.get()) : FileIdentity{};
    if (cached) {
        cache.before_io(kernel.system, identity);
        if (kernel.system.inject.fails(InjectSite::kDiskWrite)) return -EIO;
    }
    const i64 put = file.shmem ? shmem_file_write(kernel, file, bytes, offset)
                               : host_write(kernel, task, file, bytes, offset);
    if (cached && put > 0) {
        const u64 count = static_cast<u64>(put), start = start_of_done(file, offset, count);
        cache.after_write(kernel.system, identity, start, count);
        cache.note_buffered(kernel.system, identity, start, count);
    }
    if (put > 0) fsnotify_file(kernel, file, IN_MODIFY);
    return put;
}

i64 read_file(KernelState& kernel, Task& task, OpenFile& file, std::span<const UserBuffer> buffers,
              std::optional<u64> offset) {
    if (!file.readable()) return -EBADF;
    if (file.type == S_IFDIR) return -EISDIR;
    if (file.kind == OpenFile::Kind::kDevice) return read_device(kernel, task, file, buffers);
    if (file.kind == OpenFile::Kind::kText) return read_text(kernel, task, file, buffers, offset);
    if (file.kind == OpenFile::Kind::kObject) return read_object(kernel, task, file, buffers);

    const u64 total = total_of(buffers);
    UserStream user(kernel, task, buffers);
    std::vector<u8> bytes(std::min(total, kChunk));
    u64 done = 0;
    do {
        const u64 want = std::min<u64>(bytes.size(), total - done);
        std::optional<u64> at = offset;
        if (at) *at += done;
        const i64 got = read_bytes(kernel, task, file, {bytes.data(), want}, at);
        if (got < 0) return done ? static_cast<i64>(done) : got;
        const u64 copied = user.put(bytes.data(), static_cast<u64>(got));
        done += copied;
        if (copied < static_cast<u64>(got)) {
            // What did not reach the guest has not been read.
            if (file.regular() && !offset)
                (void)host::lseek(file.fd.get(), static_cast<off_t>(copied) - got, SEEK_CUR);
            return done ? static_cast<i64>(done) : -EFAULT;
        }
        if (static_cast<u64>(got) < want || !file.regular()) break;
    } while (done < total);
    return static_cast<i64>(done);
}

i64 check_write_limit(KernelState& kernel, Task& task, const OpenFile& file, u64 count,
                      std::optional<u64> offset) {
    const u64 limit = kernel.mm_of(task).rlimit(kRlimitFsize);
    const auto whole = static_cast<i64>(std::min(count, kMaxRwCount));
    if (limit == kRlimInfinity || !count || file.kind != OpenFile::Kind::kHost || !file.regular())
        return whole;
    struct stat status {};
    const bool append = host::fcntl(file.fd.get(), F_GETFL) & O_APPEND;
    if (append && host::fstat(file.fd.get(), &status) != 0) return -errno;
    const u64 at = append ? static_cast<u64>(status.st_size) : position_of(file, offset);
    if (at >= limit) return file_too_big(kernel, task);
    return static_cast<i64>(std::min(static_cast<u64>(whole), limit - at));
}

i64 check_new_size(KernelState& kernel, Task& task, int fd, u64 size) {
    const u64 limit = kernel.mm_of(task).rlimit(kRlimitFsize);
    struct stat status {};
    if (size <= limit || host::fstat(fd, &status) != 0 || size <= static_cast<u64>(status.st_size)) return 0;
    return file_too_big(kernel, task);
}

i64 write_file(KernelState& kernel, Task& task, OpenFile& file, std::span<const UserBuffer> buffers,
               std::optional<u64> offset) {
    if (!file.writable()) return -EBADF;
    if (file.kind == OpenFile::Kind::kDevice)
        return write_bytes(kernel, task, file, {static_cast<u8*>(nullptr), total_of(buffers)}, {});
    if (file.kind == OpenFile::Kind::kObject) return write_object(kernel, task, file, buffers);
    const i64 allowed = check_write_limit(kernel, task, file, total_of(buffers), offset);
    if (allowed < 0) return allowed;
    const u64 total = static_cast<u64>(allowed);
    UserStream user(kernel, task, buffers);
    std::vector<u8> bytes(std::min(total, kChunk));
    u64& done = task.blocked_call.progress;  // outlasts a wait for a terminal or a pipe of the host's
    user.skip(done);
    do {
        const u64 want = std::min<u64>(bytes.size(), total - done);
        u64 copied = user.take(bytes.data(), want);
        if (copied < want && S_ISFIFO(file.type)) copied -= copied % kPipeChunk;
        if (copied == 0 && want) return done ? static_cast<i64>(done) : -EFAULT;
        u64 written = 0;
        while (written < copied || !copied) {
            std::optional<u64> at = offset;
            if (at) *at += done;
            const i64 put = write_bytes(kernel, task, file, {bytes.data() + written, copied - written}, at);
            if (put == -kCallBlocked) return put;
            if (put < 0) return done ? static_cast<i64>(done) : put;
            done += static_cast<u64>(put);
            written += static_cast<u64>(put);
            if ((!S_ISFIFO(file.type) && !waits(file)) || put == 0) break;
        }
        if (written < want && !file.network) break;
    } while (done < total);
    return static_cast<i64>(done);
}

namespace {

/// A step could do nothing: the caller waits, or hears why not.
i64 wait_for_object(KernelState& kernel, Task& task, const OpenFile& file, short events, Wait wait) {
    if (wait == Wait::kNo || (file.flags & O_NONBLOCK)) return -EAGAIN;
    return wait_for_file(kernel, task, file, events);
}

/// Nanoseconds; 0: for ever.
u64 time_out_of(KernelState& kernel, const OpenFile& file, short events) {
    if (!is_object(file, kUnixOperations)) return 0;
    const auto& options = kernel.ipc.sockets.at(file.object).options;
    const int option = events & POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO;
    const auto seconds = options.find(option), us = options.find(-option);
    if (seconds == options.end() || us == options.end()) return 0;
    if (seconds->second < 0) return 1;  // sock_set_timeout(): no wait at all
    return static_cast<u64>(seconds->second) * 1'000'000'000 + static_cast<u64>(us->second) * 1000;
}

}  // namespace

i64 wait_for_file(KernelState& kernel, Task& task, const OpenFile& file, short events) {
    WaitFor wait;
    wait_on_file(kernel, task, file, events, wait);
    const u64 time_out = time_out_of(kernel, file, events);
    if (!time_out) return block(kernel, task, wait);
    const u64 now = kernel.clock.now_ns();
    u64& deadline = task.blocked_call.deadline_ns;
    if (!deadline) deadline = now + time_out;
    if (deadline <= now) return -EAGAIN;
    wait.deadline_ns = deadline;
    return block_or(kernel, task, wait, EINTR);  // sock_intr_errno()
}

i64 read_object(KernelState& kernel, Task& task, OpenFile& file, std::span<const UserBuffer> buffers,
                Wait wait) {
    if (!file.ops->read) return -EINVAL;
    UserStream user(kernel, task, buffers);
    FileCall call{kernel, task, file};
    const i64 got = file.ops->read(call, user, total_of(buffers));
    return got == -EAGAIN ? wait_for_object(kernel, task, file, POLLIN, wait) : got;
}

i64 write_object(KernelState& kernel, Task& task, OpenFile& file, std::span<const UserBuffer> buffers,
                 Wait wait) {
    if (!file.ops->write) return -EINVAL;
    const u64 total = total_of(buffers);
    UserStream user(kernel, task, buffers);
    u64& done = task.blocked_call.progress;
    user.skip(done);
    FileCall call{kernel, task, file};
    const i64 put = file.ops->write(call, user, total - done);
    if (put > 0) done += static_cast<u64>(put);
    if (put != -EAGAIN && (put < 0 || done == total)) return done ? static_cast<i64>(done) : put;
    const i64 waiting = wait_for_object(kernel, task, file, POLLOUT, wait);
    return waiting == -kCallBlocked || !done ? waiting : static_cast<i64>(done);
}

short poll_file(KernelState& kernel, Task& task, const OpenFile& file, short events) {
    constexpr short kAlways = POLLERR | POLLHUP;
    if (file.kind == OpenFile::Kind::kObject)
        return static_cast<short>(file.ops->poll(kernel, task, file) & (events | kAlways));
    if (file.kind != OpenFile::Kind::kHost || file.regular())
        return static_cast<short>(events & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM));
    pollfd entry{file.fd.get(), events, 0};
    return host::poll(&entry, 1, 0) == 1 ? entry.revents : short{0};
}

void wait_on_file(KernelState& kernel, Task& task, const OpenFile& file, short events, WaitFor& wait) {
    if (file.kind == OpenFile::Kind::kHost) wait.host.push_back({file.fd.get(), events, 0});
    if (file.kind != OpenFile::Kind::kObject) return;
    if (file.ops->key) wait.keys.push_back(file.ops->key(task, file));
    if (file.ops->watch) file.ops->watch(kernel, task, file, events, wait);
}

}  // namespace kernel
