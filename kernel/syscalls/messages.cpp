// Messages of sockets: sendto, recvfrom, sendmsg, recvmsg and their plural forms; descriptors and credentials
// in control messages. Linux: net/socket.c ____sys_sendmsg(), net/core/scm.c.
#include <fcntl.h>
#include <sys/socket.h>

#include <csignal>
#include <cstring>

#include "kernel/fs/file_io.h"
#include "kernel/fs/files.h"
#include "kernel/host/host.h"
#include "kernel/signal.h"
#include "kernel/syscalls/functions.h"
#include "kernel/syscalls/sockets.h"

namespace kernel::calls {

namespace {

using mmu::Expected;
using mmu::Unexpected;

constexpr u64 kMaxIovecs = 1024, kMaxControl = 64 << 10, kMaxFiles = 253;  ///< SCM_MAX_FD
constexpr u64 kHostChunk = 256 << 10;

/// struct user_msghdr.
struct UserMessage {
    u64 name = 0;
    u32 name_size = 0, padding = 0;
    u64 buffers = 0, buffer_count = 0, control = 0, control_size = 0;
    u32 flags = 0, padding2 = 0;
};
static_assert(sizeof(UserMessage) == 56);

struct Message {
    UserMessage user;
    std::vector<UserBuffer> buffers;
    u64 total = 0;
};

Expected<Message, int> get_message(Syscall& call, u64 address) {
    Message message;
    if (call.get(message.user, address)) return Unexpected{EFAULT};
    if (static_cast<int>(message.user.name_size) < 0) return Unexpected{EINVAL};
    if (message.user.buffer_count > kMaxIovecs) return Unexpected{EMSGSIZE};
    message.buffers.resize(message.user.buffer_count);
    if (copy_from_user(call.system(), call.mm(), message.buffers.data(), message.user.buffers,
                       message.buffers.size() * sizeof(UserBuffer)))
        return Unexpected{EFAULT};
    for (const UserBuffer& buffer : message.buffers) {
        if (static_cast<i64>(buffer.size) < 0) return Unexpected{EINVAL};
        if (!access_ok(call.mm(), buffer.base, buffer.size)) return Unexpected{EFAULT};
    }
    message.total = total_of(message.buffers);
    return message;
}

Message plain_message(u64 base, u64 size, u64 name, u32 name_size) {
    Message message;
    message.user.name = name;
    message.user.name_size = name_size;
    message.buffers = {{base, size}};
    message.total = total_of(message.buffers);
    return message;
}

void put_files(KernelState& kernel, std::vector<OpenFileId>& files) {
    for (const OpenFileId file : files) fput(kernel, file);
    files.clear();
}

/// __scm_send(): descriptors become references, credentials are checked.
i64 get_control(Syscall& call, const UserMessage& user, UnixSend& send) {
    if (!user.control_size) return 0;
    if (user.control_size > kMaxControl) return -ENOBUFS;
    std::vector<u8> bytes(user.control_size);
    if (copy_from_user(call.system(), call.mm(), bytes.data(), user.control, bytes.size())) return -EFAULT;
    for (usize at = 0; at + sizeof(cmsghdr) <= bytes.size();) {
        cmsghdr header;
        std::memcpy(&header, bytes.data() + at, sizeof header);
        if (header.cmsg_len < sizeof header || header.cmsg_len > bytes.size() - at) return -EINVAL;
        const u8* data = bytes.data() + at + sizeof header;
        const usize size = header.cmsg_len - sizeof header;
        if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS) {
            if (size / sizeof(int) + send.files.size() > kMaxFiles) return -EINVAL;
            for (usize i = 0; i + sizeof(int) <= size; i += sizeof(int)) {
                int fd = 0;
                std::memcpy(&fd, data + i, sizeof fd);
                const OpenFile* file = file_of(call.kernel, call.task, fd, FileUse::kAnyFile);
                if (!file) return -EBADF;
                call.kernel.files.get(file->id);
                send.files.push_back(file->id);
            }
        } else if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_CREDENTIALS) {
            if (size != sizeof(ucred)) return -EINVAL;
            std::memcpy(&send.sender, data, sizeof(ucred));
            if (send.sender.pid != call.task.tgid && host::geteuid() != 0) return -EPERM;
        } else if (header.cmsg_level == SOL_SOCKET) {
            return -EINVAL;
        }
        at += (header.cmsg_len + 7) & ~usize{7};
    }
    return 0;
}

/// One step of sending through the host; -EAGAIN when it would wait.
i64 send_host(Syscall& call, OpenFile& file, UserStream& from, u64 size, SocketAddress* to, int flags) {
    if (to)
        if (const int error = confine_target(*to)) return -error;
    std::vector<u8> bytes(std::min(size, kHostChunk));
    if (from.take(bytes.data(), bytes.size()) < bytes.size()) return -EFAULT;
    bind_to_loopback(file.fd.get());
    const ssize_t put = host::sendto(file.fd.get(), bytes.data(), bytes.size(),
                                     (flags & (MSG_OOB | MSG_MORE)) | MSG_DONTWAIT | MSG_NOSIGNAL,
                                     to ? to->get() : nullptr, to ? to->size : 0);
    if (put >= 0) return put;
    return errno == EPIPE ? (flags & MSG_NOSIGNAL ? -EPIPE : broken_pipe(call.kernel, call.task)) : -errno;
}

bool is_unix(const OpenFile& file) {
    return is_object(file, kUnixOperations);
}

i64 do_send(Syscall& call, OpenFile& file, const Message& message, UnixSend& send, int flags) {
    std::optional<SocketAddress> to;
    UnixName name;
    if (message.user.name && message.user.name_size) {
        const auto address = get_address(call, message.user.name, message.user.name_size);
        if (!address) return -address.error();
        to = *address;
        if (is_unix(file) && call.kernel.ipc.sockets.at(file.object).type == SOCK_DGRAM) {
            auto found = unix_name_of(call, *to);
            if (!found) return -found.error();
            name = std::move(*found);
        }
        send.to = &name;
    }
    u64& done = call.task.blocked_call.progress;
    UserStream stream(call.kernel, call.task, message.buffers);
    stream.skip(done);
    const u64 left = message.total - done;
    send.no_signal = flags & MSG_NOSIGNAL;
    const i64 put = is_unix(file) ? unix_send(call.kernel, call.task, file.object, stream, left, send)
                                  : send_host(call, file, stream, left, to ? &*to : nullptr, flags);
    if (put > 0) done += static_cast<u64>(put);
    if (put != -EAGAIN && (put < 0 || done == message.total)) return done ? static_cast<i64>(done) : put;
    const i64 waiting = wait_for_socket(call, file, POLLOUT, flags);
    return waiting == -kCallBlocked || !done ? waiting : static_cast<i64>(done);
}

i64 send_message(Syscall& call, int fd, const Message& message, int flags) {
    auto file = socket_of(call, fd);
    if (!file) return -file.error();
    if (flags & MSG_OOB && is_unix(**file)) return -EOPNOTSUPP;
    UnixSend send;
    send.sender = credentials_of(call.task);
    i64 result = get_control(call, message.user, send);
    if (!result) result = do_send(call, **file, message, send, flags);
    put_files(call.kernel, send.files);
    return result;
}

/// put_cmsg(): false when there is no room for it.
bool append_control(std::vector<u8>& bytes, u64 room, int type, const void* data, usize size) {
    cmsghdr header{};
    header.cmsg_len = sizeof header + size;
    header.cmsg_level = SOL_SOCKET;
    header.cmsg_type = type;
    if (bytes.size() + header.cmsg_len > room) return false;
    const usize at = bytes.size();
    bytes.resize(std::min<usize>(at + ((header.cmsg_len + 7) & ~usize{7}), room));
    std::memcpy(bytes.data() + at, &header, sizeof header);
    std::memcpy(bytes.data() + at + sizeof header, data, size);
    return true;
}

/// scm_recv(): credentials, then descriptors, each of which is installed.
i64 put_control(Syscall& call, const UserMessage& user, u64 header_at, UnixReceived& received,
                bool credentials, int flags, u32& out_flags) {
    std::vector<u8> bytes;
    if (credentials &&
        !append_control(bytes, user.control_size, SCM_CREDENTIALS, &received.sender, sizeof(ucred)))
        out_flags |= MSG_CTRUNC;
    const u64 used = bytes.size() + sizeof(cmsghdr);
    const u64 room = user.control_size > used ? (user.control_size - used) / sizeof(int) : 0;
    std::vector<int> numbers;
    for (const OpenFileId file : received.files) {
        if (numbers.size() >= room) {
            out_flags |= MSG_CTRUNC;
            break;
        }
        const int fd = install_reference(call.kernel, call.task, file, flags & MSG_CMSG_CLOEXEC);
        if (fd < 0) {
            out_flags |= MSG_CTRUNC;
            break;
        }
        numbers.push_back(fd);
    }
    if (!numbers.empty())
        append_control(bytes, user.control_size, SCM_RIGHTS, numbers.data(), numbers.size() * sizeof(int));
    if (copy_to_user(call.system(), call.mm(), user.control, bytes.data(), bytes.size())) return -EFAULT;
    return call.put(static_cast<u64>(bytes.size()), header_at + offsetof(UserMessage, control_size));
}

/// One step of receiving through the host.
i64 receive_host(OpenFile& file, UserStream& to, u64 size, int flags, SocketAddress& from, u32& out_flags) {
    std::vector<u8> bytes(std::min(size, kHostChunk));
    from.size = sizeof from.bytes;
    int message_flags = 0;
    const ssize_t got = host::recvfrom(file.fd.get(), bytes.data(), bytes.size(),
                                       (flags & (MSG_PEEK | MSG_TRUNC | MSG_OOB)) | MSG_DONTWAIT, from.get(),
                                       &from.size, &message_flags);
    if (got < 0) return -errno;
    out_flags |= static_cast<u32>(message_flags) & (MSG_TRUNC | MSG_OOB);
    const u64 present = std::min<u64>(static_cast<u64>(got), bytes.size());
    return to.put(bytes.data(), present) < present ? -EFAULT : got;
}

struct Received {
    SocketAddress from;
    UnixReceived unix;
    u32 flags = 0;
};

i64 do_receive(Syscall& call, OpenFile& file, const Message& message, int flags, Received& received) {
    u64& done = call.task.blocked_call.progress;
    UserStream stream(call.kernel, call.task, message.buffers);
    stream.skip(done);
    const u64 left = message.total - done;
    i64 got = 0;
    if (is_unix(file)) {
        got = unix_receive(call.kernel, file.object, stream, left, flags & MSG_PEEK, received.unix);
        if (received.unix.truncated) received.flags |= MSG_TRUNC;
        if (got >= 0 && received.unix.truncated && (flags & MSG_TRUNC))
            got = static_cast<i64>(received.unix.full_size);
        received.from = unix_address(received.unix.from);
        if (received.unix.from.empty()) received.from.size = 0;
    } else {
        got = receive_host(file, stream, left, flags, received.from, received.flags);
    }
    if (got == -EAGAIN) {
        const i64 waiting = wait_for_socket(call, file, POLLIN, flags);
        return waiting == -kCallBlocked || !done ? waiting : static_cast<i64>(done);
    }
    if (got <= 0) return done ? static_cast<i64>(done) : got;
    done += static_cast<u64>(got);
    const bool stream_type = !is_unix(file) || call.kernel.ipc.sockets.at(file.object).type == SOCK_STREAM;
    if ((flags & MSG_WAITALL) && !(flags & MSG_PEEK) && stream_type && done < message.total &&
        received.unix.files.empty()) {
        const i64 waiting = wait_for_socket(call, file, POLLIN, flags);
        if (waiting == -kCallBlocked) return waiting;
    }
    return static_cast<i64>(done);
}

i64 put_name(Syscall& call, const SocketAddress& from, u64 to, u64 room) {
    if (!to) return 0;
    const usize size = std::min<usize>(room, from.size);
    return copy_to_user(call.system(), call.mm(), to, &from.bytes, size) ? -EFAULT : 0;
}

i64 receive_message(Syscall& call, int fd, u64 header_at, int flags) {
    auto file = socket_of(call, fd);
    if (!file) return -file.error();
    const auto message = get_message(call, header_at);
    if (!message) return -message.error();
    const bool credentials = is_unix(**file) && call.kernel.ipc.sockets.at((*file)->object).pass_credentials;
    Received received;
    i64 result = do_receive(call, **file, *message, flags, received);
    if (result >= 0) {
        u32 out_flags = received.flags | (static_cast<u32>(flags) & MSG_CMSG_CLOEXEC);
        i64 error = put_name(call, received.from, message->user.name, message->user.name_size);
        if (!error && message->user.name)
            error =
                call.put(static_cast<u32>(received.from.size), header_at + offsetof(UserMessage, name_size));
        if (!error)
            error = put_control(call, message->user, header_at, received.unix, credentials, flags, out_flags);
        if (!error) error = call.put(out_flags, header_at + offsetof(UserMessage, flags));
        if (error) result = error;
    }
    put_files(call.kernel, received.unix.files);
    return result;
}

/// struct mmsghdr: a message and what was moved.
constexpr u64 kPluralSize = sizeof(UserMessage) + 8;

}  // namespace

i64 sendto(Syscall& call) {
    if (!access_ok(call.mm(), call.args[1], call.args[2])) return -EFAULT;
    const Message message =
        plain_message(call.args[1], call.args[2], call.args[4], static_cast<u32>(call.args[5]));
    return send_message(call, call.integer(0), message, call.integer(3));
}

i64 recvfrom(Syscall& call) {
    auto file = socket_of(call, call.integer(0));
    if (!file) return -file.error();
    if (!access_ok(call.mm(), call.args[1], call.args[2])) return -EFAULT;
    Received received;
    const Message message = plain_message(call.args[1], call.args[2], 0, 0);
    i64 result = do_receive(call, **file, message, call.integer(3), received);
    put_files(call.kernel, received.unix.files);
    if (result < 0 || !call.args[4]) return result;
    int room = 0;
    if (call.get(room, call.args[5])) return -EFAULT;
    if (room < 0) return -EINVAL;
    if (put_name(call, received.from, call.args[4], static_cast<u64>(room))) return -EFAULT;
    const i64 error = call.put(static_cast<int>(received.from.size), call.args[5]);
    return error ? error : result;
}

i64 sendmsg(Syscall& call) {
    auto file = socket_of(call, call.integer(0));
    if (!file) return -file.error();
    const auto message = get_message(call, call.args[1]);
    return message ? send_message(call, call.integer(0), *message, call.integer(2)) : -message.error();
}

i64 recvmsg(Syscall& call) {
    return receive_message(call, call.integer(0), call.args[1], call.integer(2));
}

i64 sendmmsg(Syscall& call) {
    const u64 count = std::min<u64>(call.args[2] & 0xffffffff, kMaxIovecs);
    i64 done = 0;
    for (u64 i = 0; i < count; ++i) {
        const u64 at = call.args[1] + i * kPluralSize;
        const auto message = get_message(call, at);
        const i64 result = message ? send_message(call, call.integer(0), *message,
                                                  call.integer(3) | (done ? MSG_DONTWAIT : 0))
                                   : -message.error();
        if (result < 0) return done ? done : result;
        call.task.blocked_call.progress = 0;
        if (call.put(static_cast<u32>(result), at + sizeof(UserMessage))) return done ? done : -EFAULT;
        done++;
    }
    return done;
}

/// Deviation: the time-out is not looked at, as a first message ends the wait.
i64 recvmmsg(Syscall& call) {
    const u64 count = std::min<u64>(call.args[2] & 0xffffffff, kMaxIovecs);
    i64 done = 0;
    for (u64 i = 0; i < count; ++i) {
        const u64 at = call.args[1] + i * kPluralSize;
        const i64 result =
            receive_message(call, call.integer(0), at, call.integer(3) | (done ? MSG_DONTWAIT : 0));
        if (result < 0) return done ? done : result;
        call.task.blocked_call.progress = 0;
        if (call.put(static_cast<u32>(result), at + sizeof(UserMessage))) return done ? done : -EFAULT;
        done++;
    }
    return done;
}

}  // namespace kernel::calls
