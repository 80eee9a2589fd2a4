#include "kernel/fs/unix_socket.h"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "kernel/errno.h"
#include "kernel/fs/files.h"
#include "kernel/fs/user_stream.h"
#include "kernel/host/host.h"
#include "kernel/signal.h"
#include "kernel/state.h"

namespace kernel {

namespace {

constexpr u64 kMaxDatagrams = 512;  ///< net.unix.max_dgram_qlen

Socket& socket_at(KernelState& kernel, u32 id) {
    return kernel.ipc.sockets.at(id);
}

void wake(KernelState& kernel, u32 id) {
    if (id) wake_up(kernel, wait_key(WaitKind::kSocket, id));
}

constexpr short kReadable = POLLIN | POLLPRI | POLLRDNORM | POLLRDBAND;
constexpr short kWritable = POLLOUT | POLLWRNORM | POLLWRBAND;
/// u->peer_wait: for those who wait for room at the other's; nothing that poll() says of the socket itself.
constexpr short kRoom = POLLMSG;

/// sock_def_readable()
void wake_readers(KernelState& kernel, u32 id) {
    const WaitKey key = wait_key(WaitKind::kSocket, id);
    wake_up(kernel, key, kReadable);
    kill_fasync(kernel, key, IoBand::kIn);
}

bool connection(const Socket& socket) {
    return socket.type != SOCK_DGRAM;
}

void drop_message(KernelState& kernel, SocketMessage& message) {
    for (const OpenFileId file : message.files) fput(kernel, file);
    message.files.clear();
}

/// unix_release_sock(): the peer hears of it, what was queued goes.
void close_socket(KernelState& kernel, u32 id) {
    Socket socket = std::move(socket_at(kernel, id));
    kernel.ipc.sockets.erase(id);
    if (!socket.name.empty()) {
        std::erase_if(kernel.ipc.socket_names, [&](const auto& entry) { return entry.second == id; });
        std::erase_if(kernel.ipc.socket_nodes, [&](const auto& entry) { return entry.second == id; });
    }
    if (Socket* peer = kernel.ipc.sockets.find(socket.peer); peer && peer->peer == id) {
        if (connection(socket)) {
            peer->shutdown = Socket::kReceiveShut | Socket::kSendShut;
            if (!socket.queue.empty()) peer->error = ECONNRESET;
        } else {
            peer->error = ECONNREFUSED;
        }
        peer->peer = 0;
        wake(kernel, socket.peer);
        if (connection(socket))
            kill_fasync(kernel, wait_key(WaitKind::kSocket, socket.peer), IoBand::kHangUp);
    }
    for (const u32 waiting : socket.backlog) {
        if (Socket* peer = kernel.ipc.sockets.find(socket_at(kernel, waiting).peer)) peer->error = ECONNRESET;
        close_socket(kernel, waiting);
    }
    for (SocketMessage& message : socket.queue) drop_message(kernel, message);
    wake(kernel, id);
}

i64 broken(KernelState& kernel, Task& task, const UnixSend& send, const Socket& socket) {
    if (send.no_signal || socket.type != SOCK_STREAM) return -EPIPE;
    return broken_pipe(kernel, task);
}

u32 find_name(KernelState& kernel, const UnixName& name) {
    if (!name.text.empty() && name.text[0] == '\0') {
        const auto found = kernel.ipc.socket_names.find(name.text);
        return found == kernel.ipc.socket_names.end() ? 0 : found->second;
    }
    const auto found = kernel.ipc.socket_nodes.find(name.node);
    return found == kernel.ipc.socket_nodes.end() ? 0 : found->second;
}

i64 deliver(KernelState& kernel, u32 from, u32 to, std::vector<u8> bytes, UnixSend& send) {
    Socket& target = socket_at(kernel, to);
    SocketMessage message;
    message.from = socket_at(kernel, from).name;
    message.files = std::exchange(send.files, {});
    message.sender = send.sender;
    const u64 size = bytes.size();
    message.bytes = std::move(bytes);
    target.queued += size;
    target.queue.push_back(std::move(message));
    wake_readers(kernel, to);
    return static_cast<i64>(size);
}

i64 read(FileCall& call, UserStream& to, u64 size) {
    UnixReceived received;
    const i64 got = unix_receive(call.kernel, call.file.object, to, size, false, received);
    for (const OpenFileId file : received.files) fput(call.kernel, file);
    return got;
}

i64 write(FileCall& call, UserStream& from, u64 size) {
    UnixSend send;
    send.sender = credentials_of(call.task);
    return unix_send(call.kernel, call.task, call.file.object, from, size, send);
}

/// unix_poll(), unix_dgram_poll()
short poll(KernelState& kernel, Task&, const OpenFile& file) {
    const Socket& socket = socket_at(kernel, file.object);
    int mask = 0;
    if (socket.error) mask |= POLLERR;
    if (socket.shutdown == (Socket::kReceiveShut | Socket::kSendShut)) mask |= POLLHUP;
    if (socket.shutdown & Socket::kReceiveShut) mask |= POLLRDHUP | POLLIN | POLLRDNORM;
    if (!socket.queue.empty() || !socket.backlog.empty()) mask |= POLLIN | POLLRDNORM;
    if (connection(socket) && socket.state == Socket::State::kOpen) mask |= POLLHUP;
    if (socket.state == Socket::State::kListening) return static_cast<short>(mask);
    const Socket* peer = kernel.ipc.sockets.find(socket.peer);
    const bool room = !peer || (connection(socket) ? peer->queued * 4 <= Socket::kSendBuffer
                                                   : peer->queue.size() < kMaxDatagrams);
    if (room) mask |= POLLOUT | POLLWRNORM | POLLWRBAND;
    return static_cast<short>(mask);
}

WaitKey key_of(const Task&, const OpenFile& file) {
    return wait_key(WaitKind::kSocket, file.object);
}

void watch(KernelState& kernel, Task&, const OpenFile& file, short, WaitFor& wait) {
    if (const u32 peer = socket_at(kernel, file.object).peer)
        wait.keys.push_back(wait_key(WaitKind::kSocket, peer));
}

void release(KernelState& kernel, OpenFile& file) {
    close_socket(kernel, file.object);
}

i64 ioctl(FileCall& call, u64 request, u64 argument) {
    const Socket& socket = socket_at(call.kernel, call.file.object);
    int value = 0;
    if (request == FIONREAD) {
        if (socket.state == Socket::State::kListening) return -EINVAL;
        value = static_cast<int>(connection(socket)     ? socket.queued
                                 : socket.queue.empty() ? 0
                                                        : socket.queue.front().left());
    } else if (request == TIOCOUTQ) {
        const Socket* peer = call.kernel.ipc.sockets.find(socket.peer);
        value = peer ? static_cast<int>(peer->queued) : 0;
    } else {
        return -ENOTTY;
    }
    return put_user(call.kernel.system, call.kernel.mm_of(call.task), value, argument);
}

}  // namespace

const FileOperations kUnixOperations = {.name = "socket",
                                        .read = read,
                                        .write = write,
                                        .poll = poll,
                                        .key = key_of,
                                        .release = release,
                                        .ioctl = ioctl,
                                        .watch = watch};

ucred credentials_of(const Task& task) {
    return {task.tgid, host::geteuid(), host::getegid()};
}

OpenFile unix_file(KernelState& kernel, u32 id, int flags) {
    OpenFile file = anon_file(kUnixOperations, id, O_RDWR | flags);
    file.type = S_IFSOCK;
    const u64 inode = socket_at(kernel, id).inode;
    file.path = "socket:[" + std::to_string(inode) + "]";
    file.status.st_mode = S_IFSOCK | 0777;
    file.status.st_ino = inode;
    file.status.st_dev = 8;
    file.status.st_uid = host::geteuid();
    file.status.st_gid = host::getegid();
    return file;
}

OpenFile make_unix_socket(KernelState& kernel, int type, int flags) {
    Socket socket;
    socket.type = type;
    socket.inode = kernel.ipc.next_inode++;
    const u32 id = kernel.ipc.sockets.add(std::move(socket));
    return unix_file(kernel, id, flags);
}

void join_sockets(KernelState& kernel, Task& task, u32 first, u32 second) {
    for (const auto& [mine, other] : {std::pair{first, second}, std::pair{second, first}}) {
        Socket& socket = socket_at(kernel, mine);
        socket.peer = other;
        socket.state = Socket::State::kConnected;
        socket.peer_credentials = credentials_of(task);
    }
}

bool unix_name_taken(KernelState& kernel, const std::string& name) {
    return kernel.ipc.socket_names.count(name) != 0;
}

i64 unix_bind(KernelState& kernel, u32 id, const UnixName& name) {
    Socket& socket = socket_at(kernel, id);
    socket.name = name.text;
    socket.node = name.node;
    if (name.text[0] == '\0')
        kernel.ipc.socket_names[name.text] = id;
    else
        kernel.ipc.socket_nodes[name.node] = id;
    return 0;
}

i64 unix_listen(KernelState& kernel, Task& task, u32 id, int backlog) {
    Socket& socket = socket_at(kernel, id);
    if (!connection(socket)) return -EOPNOTSUPP;
    if (socket.name.empty() || socket.state == Socket::State::kConnected) return -EINVAL;
    constexpr int kMaxBacklog = 4096;  ///< net.core.somaxconn
    socket.backlog_limit = static_cast<u32>(backlog < 0 || backlog > kMaxBacklog ? kMaxBacklog : backlog);
    socket.state = Socket::State::kListening;
    socket.peer_credentials = credentials_of(task);
    wake(kernel, id);
    return 0;
}

i64 unix_connect(KernelState& kernel, Task& task, u32 id, const UnixName& name) {
    Socket& socket = socket_at(kernel, id);
    const u32 target_id = find_name(kernel, name);
    Socket* target = kernel.ipc.sockets.find(target_id);
    if (!connection(socket)) {
        if (!target) return -ECONNREFUSED;
        if (target->type != socket.type) return -EPROTOTYPE;
        socket.peer = target_id;
        socket.state = Socket::State::kConnected;
        socket.peer_name = target->name;
        return 0;
    }
    if (socket.state == Socket::State::kConnected) return -EISCONN;
    if (socket.state == Socket::State::kListening) return -EINVAL;
    if (!target) return -ECONNREFUSED;
    if (target->type != socket.type) return -EPROTOTYPE;
    if (target->state != Socket::State::kListening || (target->shutdown & Socket::kReceiveShut))
        return -ECONNREFUSED;
    if (target->backlog.size() > target->backlog_limit) return -EAGAIN;
    Socket made;
    made.type = socket.type;
    made.inode = kernel.ipc.next_inode++;
    made.state = Socket::State::kConnected;
    made.peer = id;
    made.name = target->name;
    made.peer_name = socket.name;
    made.peer_credentials = credentials_of(task);
    made.pass_credentials = target->pass_credentials;
    socket.state = Socket::State::kConnected;
    socket.peer_credentials = target->peer_credentials;
    socket.peer_name = target->name;
    const u32 made_id = kernel.ipc.sockets.add(std::move(made));
    socket_at(kernel, id).peer = made_id;
    socket_at(kernel, target_id).backlog.push_back(made_id);
    wake_readers(kernel, target_id);
    return 0;
}

i64 unix_accept(KernelState& kernel, u32 id) {
    Socket& socket = socket_at(kernel, id);
    if (!connection(socket)) return -EOPNOTSUPP;
    if (socket.state != Socket::State::kListening) return -EINVAL;
    if (socket.backlog.empty()) return -EAGAIN;
    const u32 made = socket.backlog.front();
    socket.backlog.pop_front();
    wake_up(kernel, wait_key(WaitKind::kSocket, id), kRoom);
    return made;
}

i64 unix_shutdown(KernelState& kernel, u32 id, int how) {
    if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
    Socket& socket = socket_at(kernel, id);
    const u8 bits = static_cast<u8>(how + 1);
    socket.shutdown |= bits;
    if (Socket* peer = kernel.ipc.sockets.find(socket.peer); peer && connection(socket)) {
        if (bits & Socket::kReceiveShut) peer->shutdown |= Socket::kSendShut;
        if (bits & Socket::kSendShut) peer->shutdown |= Socket::kReceiveShut;
        wake(kernel, socket.peer);
        const bool whole = peer->shutdown == (Socket::kReceiveShut | Socket::kSendShut);
        if (peer->shutdown & Socket::kReceiveShut)
            kill_fasync(kernel, wait_key(WaitKind::kSocket, socket.peer),
                        whole ? IoBand::kHangUp : IoBand::kIn);
    }
    wake(kernel, id);
    return 0;
}

i64 unix_send(KernelState& kernel, Task& task, u32 id, UserStream& from, u64 size, UnixSend& send) {
    Socket& socket = socket_at(kernel, id);
    if (socket.type == SOCK_STREAM && send.to)
        return socket.state == Socket::State::kConnected ? -EISCONN : -EOPNOTSUPP;
    if (socket.type == SOCK_SEQPACKET && socket.error)  // unix_seqpacket_sendmsg()
        return -std::exchange(socket.error, 0);
    if (socket.shutdown & Socket::kSendShut) return broken(kernel, task, send, socket);
    if (socket.error) return -std::exchange(socket.error, 0);
    u32 target_id = socket.peer;
    if (send.to && socket.type == SOCK_DGRAM) {
        target_id = find_name(kernel, *send.to);
        if (!target_id) return -ECONNREFUSED;
    } else if (!target_id) {
        return socket.state == Socket::State::kConnected ? broken(kernel, task, send, socket) : -ENOTCONN;
    }
    Socket& target = socket_at(kernel, target_id);
    if (target.type != socket.type) return -EPROTOTYPE;
    if (target.shutdown & Socket::kReceiveShut) return broken(kernel, task, send, socket);
    if (socket.type == SOCK_STREAM) {
        if (!size) return 0;
        if (target.queued >= Socket::kSendBuffer) return -EAGAIN;
        size = std::min(size, Socket::kSendBuffer - target.queued);
    } else {
        if (size > Socket::kSendBuffer - 32) return -EMSGSIZE;
        if (target.queue.size() >= kMaxDatagrams || target.queued + size > Socket::kSendBuffer)
            return -EAGAIN;
    }
    std::vector<u8> bytes(size);
    if (from.take(bytes.data(), size) < size) return -EFAULT;
    return deliver(kernel, id, target_id, std::move(bytes), send);
}

namespace {

/// A whole packet: what does not fit is lost.
i64 receive_packet(KernelState& kernel, Socket& socket, UserStream& to, u64 size, bool peek,
                   UnixReceived& received) {
    SocketMessage& message = socket.queue.front();
    const u64 step = std::min(size, message.left());
    if (to.put(message.bytes.data() + message.offset, step) < step) return -EFAULT;
    received.truncated = step < message.left();
    received.full_size = message.left();
    received.from = message.from;
    received.sender = message.sender;
    if (peek) return static_cast<i64>(step);
    received.files = std::exchange(message.files, {});
    socket.queued -= message.bytes.size();
    socket.queue.pop_front();
    (void)kernel;
    return static_cast<i64>(step);
}

/// unix_stream_read_generic(): descriptors and senders are not mixed in one answer.
i64 receive_stream(Socket& socket, UserStream& to, u64 size, bool peek, UnixReceived& received) {
    u64 done = 0;
    for (usize i = 0; i < socket.queue.size() && done < size;) {
        SocketMessage& message = socket.queue[i];
        if (done && (message.sender.pid != received.sender.pid || !received.files.empty())) break;
        if (!done) {
            received.from = message.from;
            received.sender = message.sender;
        }
        const u64 step = std::min(size - done, message.left());
        if (to.put(message.bytes.data() + message.offset, step) < step) {
            if (!done) return -EFAULT;
            break;
        }
        done += step;
        if (peek) {
            ++i;
            continue;
        }
        if (!message.files.empty()) received.files = std::exchange(message.files, {});
        message.offset += static_cast<u32>(step);
        socket.queued -= step;
        if (message.left()) break;
        socket.queue.erase(socket.queue.begin() + static_cast<std::ptrdiff_t>(i));
    }
    received.full_size = done;
    return static_cast<i64>(done);
}

}  // namespace

i64 unix_receive(KernelState& kernel, u32 id, UserStream& to, u64 size, bool peek, UnixReceived& received) {
    Socket& socket = socket_at(kernel, id);
    if (connection(socket) && socket.state != Socket::State::kConnected) return -EINVAL;
    if (socket.type != SOCK_STREAM && socket.error)  // __skb_try_recv_datagram(): before what is queued
        return -std::exchange(socket.error, 0);
    if (socket.queue.empty()) {
        if (socket.error) return -std::exchange(socket.error, 0);
        if (socket.shutdown & Socket::kReceiveShut) return 0;
        return -EAGAIN;
    }
    if (socket.type == SOCK_STREAM && !size) return 0;
    const i64 got = socket.type == SOCK_STREAM ? receive_stream(socket, to, size, peek, received)
                                               : receive_packet(kernel, socket, to, size, peek, received);
    if (!peek) {
        wake_up(kernel, wait_key(WaitKind::kSocket, id), kRoom);
        if (socket.peer) wake_up(kernel, wait_key(WaitKind::kSocket, socket.peer), kWritable);
    }
    return got;
}

}  // namespace kernel
