// Sockets: making, naming and joining them. Unix sockets are the guest's own (fs/unix_socket.h); those of the
// internet are the host's, on loopback and under --net only (fs/host_socket.h). Linux: net/socket.c.
#include "kernel/syscalls/sockets.h"

#include <fcntl.h>
#include <sys/un.h>

#include "kernel/fs/file_io.h"
#include "kernel/fs/files.h"
#include "kernel/host/host.h"
#include "kernel/signal.h"
#include "kernel/syscalls/functions.h"
#include "kernel/unsupported.h"
#include "mmu/base/log.h"

namespace kernel::calls {

namespace {

using mmu::Expected;
using mmu::Unexpected;

constexpr int kTypeMask = 0xf;  ///< SOCK_TYPE_MASK
constexpr int kFamilies = 46;   ///< NPROTO
constexpr int kFlagMask = SOCK_CLOEXEC | SOCK_NONBLOCK;
constexpr usize kPathMax = sizeof(sockaddr_un::sun_path);

i64 install(Syscall& call, OpenFile file, int type) {
    return install_file(call.kernel, call.task, std::move(file), type & SOCK_CLOEXEC);
}

int file_flags(int type) {
    return type & SOCK_NONBLOCK ? O_NONBLOCK : 0;
}

/// unix_create(): types of the family.
Expected<int, int> unix_type(int type) {
    switch (type & kTypeMask) {
        case SOCK_STREAM:
        case SOCK_DGRAM:
        case SOCK_SEQPACKET:
            return type & kTypeMask;
        case SOCK_RAW:
            return SOCK_DGRAM;
        default:
            return Unexpected{ESOCKTNOSUPPORT};
    }
}

/// sockaddr_un as a name: sun_path to its NUL, or all bytes of an abstract one.
std::string text_of(const SocketAddress& address) {
    const char* path = reinterpret_cast<const sockaddr_un*>(&address.bytes)->sun_path;
    const usize size = address.size - offsetof(sockaddr_un, sun_path);
    return path[0] == '\0' ? std::string(path, size) : std::string(path, strnlen(path, size));
}

/// unix_autobind(): five hexadecimal digits.
UnixName free_name(KernelState& kernel) {
    for (u64 number = 1;; ++number) {
        char digits[8];
        std::snprintf(digits, sizeof digits, "%05x", static_cast<unsigned>(number & 0xfffff));
        UnixName name{std::string(1, '\0') + digits, {}};
        if (!unix_name_taken(kernel, name.text)) return name;
    }
}

i64 bind_unix(Syscall& call, const OpenFile& file, const SocketAddress& address) {
    if (address.size > sizeof(sockaddr_un) || address.size < offsetof(sockaddr_un, sun_path) ||
        address.family() != AF_UNIX)
        return -EINVAL;
    Socket& socket = call.kernel.ipc.sockets.at(file.object);
    if (address.size == offsetof(sockaddr_un, sun_path))
        return socket.name.empty() ? unix_bind(call.kernel, file.object, free_name(call.kernel)) : 0;
    UnixName name{text_of(address), {}};
    if (name.text[0] == '\0') {
        if (!socket.name.empty()) return -EINVAL;
        if (unix_name_taken(call.kernel, name.text)) return -EADDRINUSE;
        return unix_bind(call.kernel, file.object, name);
    }
    if (!socket.name.empty()) return -EINVAL;
    const mode_t mode = S_IFSOCK | (file.status.st_mode & 0777);
    if (const i64 error = make_node(call, AT_FDCWD, name.text, mode))
        return error == -EEXIST ? -EADDRINUSE : error;
    const auto node = lookup_path(call.kernel, call.task, AT_FDCWD, name.text, Follow::kNo);
    if (!node) return -node.error();
    name.node = {node->status.st_dev, node->status.st_ino};
    return unix_bind(call.kernel, file.object, name);
}

/// An address for the guest, cut to what it has room for; its length is the whole one's.
i64 put_address(Syscall& call, const SocketAddress& address, u64 to, u64 length_at) {
    if (!to) return 0;
    int room = 0;
    if (call.get(room, length_at)) return -EFAULT;
    if (room < 0) return -EINVAL;
    const auto size = std::min<usize>(static_cast<usize>(room), address.size);
    if (copy_to_user(call.system(), call.mm(), to, &address.bytes, size)) return -EFAULT;
    return call.put(static_cast<int>(address.size), length_at);
}

using HostName = int (*)(int, sockaddr*, socklen_t*);

i64 tell_name(Syscall& call, const std::string& (*unix_name)(const Syscall&, const OpenFile&),
              HostName host) {
    auto file = socket_of(call, call.integer(0));
    if (!file) return -file.error();
    SocketAddress address;
    if (is_object(**file, kUnixOperations)) {
        const Socket& socket = call.kernel.ipc.sockets.at((*file)->object);
        if (host == host::getpeername && !socket.peer) return -ENOTCONN;
        address = unix_address(unix_name(call, **file));
    } else {
        address.size = sizeof address.bytes;
        if (host((*file)->fd.get(), address.get(), &address.size) != 0) return -errno;
    }
    return put_address(call, address, call.args[1], call.args[2]);
}

i64 accept_host(Syscall& call, OpenFile& file, int flags, SocketAddress& peer) {
    peer.size = sizeof peer.bytes;
    const int fd = host::accept4(file.fd.get(), peer.get(), &peer.size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return -errno;
    return install(call, host_socket_file(fd, file_flags(flags)), flags);
}

i64 accept_unix(Syscall& call, OpenFile& file, int flags, SocketAddress& peer) {
    const i64 id = unix_accept(call.kernel, file.object);
    if (id < 0) return id;
    peer = unix_address(call.kernel.ipc.sockets.at(static_cast<u32>(id)).peer_name);
    return install(call, unix_file(call.kernel, static_cast<u32>(id), file_flags(flags)), flags);
}

i64 do_accept(Syscall& call, int flags) {
    if (flags & ~kFlagMask) return -EINVAL;
    auto file = socket_of(call, call.integer(0));
    if (!file) return -file.error();
    const OpenFileId id = (*file)->id;
    SocketAddress peer;
    const i64 fd = is_object(**file, kUnixOperations) ? accept_unix(call, **file, flags, peer)
                                                      : accept_host(call, **file, flags, peer);
    if (fd == -EAGAIN) return wait_for_socket(call, call.kernel.files.at(id), POLLIN, 0);
    if (fd < 0) return fd;
    const i64 error = put_address(call, peer, call.args[1], call.args[2]);
    if (!error) return fd;
    (void)close_file(call.kernel, call.task, static_cast<int>(fd));
    return error;
}

i64 connect_host(Syscall& call, OpenFile& file, SocketAddress address) {
    if (const int error = confine_target(address)) return -error;
    bind_to_loopback(file.fd.get());
    const bool again = call.task.blocked_call.progress != 0;
    if (again) {
        int error = 0;
        socklen_t size = sizeof error;
        (void)host::getsockopt(file.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        return -error;
    }
    if (host::connect(file.fd.get(), address.get(), address.size) == 0) return 0;
    if (errno != EINPROGRESS || (file.flags & O_NONBLOCK)) return -errno;
    call.task.blocked_call.progress = 1;
    return wait_for_socket(call, file, POLLOUT, 0);
}

i64 connect_unix(Syscall& call, OpenFile& file, const SocketAddress& address) {
    const u32 id = file.object;
    if (address.family() == AF_UNSPEC) {
        call.kernel.ipc.sockets.at(id).peer = 0;
        return 0;
    }
    const auto name = unix_name_of(call, address);
    if (!name) return -name.error();
    const i64 result = unix_connect(call.kernel, call.task, id, *name);
    if (result != -EAGAIN || (file.flags & O_NONBLOCK)) return result;
    WaitFor wait;
    for (const auto& entry : call.kernel.ipc.sockets)
        if (entry.second.state == Socket::State::kListening)
            wait.keys.push_back(wait_key(WaitKind::kSocket, entry.first));
    return block(call.kernel, call.task, wait);
}

}  // namespace

Expected<OpenFile*, int> socket_of(Syscall& call, int fd) {
    OpenFile* file = file_of(call.kernel, call.task, fd);
    if (!file) return Unexpected{EBADF};
    if (!is_object(*file, kUnixOperations) && !file->network) return Unexpected{ENOTSOCK};
    return file;
}

i64 wait_for_socket(Syscall& call, const OpenFile& file, short events, int flags) {
    if ((file.flags & O_NONBLOCK) || (flags & MSG_DONTWAIT)) return -EAGAIN;
    return wait_for_file(call.kernel, call.task, file, events);
}

Expected<SocketAddress, int> get_address(Syscall& call, u64 from, u64 size) {
    SocketAddress address;
    if (static_cast<int>(size) < 0 || size > sizeof address.bytes) return Unexpected{EINVAL};
    address.size = static_cast<socklen_t>(size);
    if (size && copy_from_user(call.system(), call.mm(), &address.bytes, from, size))
        return Unexpected{EFAULT};
    return address;
}

SocketAddress unix_address(const std::string& name) {
    SocketAddress address;
    sockaddr_un value{};
    value.sun_family = AF_UNIX;
    const usize size = std::min(name.size(), kPathMax);
    name.copy(value.sun_path, size);
    __builtin_memcpy(&address.bytes, &value, sizeof value);
    const bool path = size && name[0] != '\0';
    address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size + (path ? 1 : 0));
    return address;
}

Expected<UnixName, int> unix_name_of(Syscall& call, const SocketAddress& address) {
    if (address.size > sizeof(sockaddr_un) || address.size <= offsetof(sockaddr_un, sun_path) ||
        address.family() != AF_UNIX)
        return Unexpected{EINVAL};
    UnixName name{text_of(address), {}};
    if (name.text[0] == '\0') return name;
    const auto node = lookup_path(call.kernel, call.task, AT_FDCWD, name.text, Follow::kYes);
    if (!node) return Unexpected{node.error()};
    if (!S_ISSOCK(node->status.st_mode)) return Unexpected{ECONNREFUSED};
    name.node = {node->status.st_dev, node->status.st_ino};
    return name;
}

i64 socket(Syscall& call) {
    const int domain = call.integer(0), type = call.integer(1), protocol = call.integer(2);
    if (type & ~(kTypeMask | kFlagMask)) return -EINVAL;
    if (domain == AF_UNIX) {
        if (protocol && protocol != PF_UNIX) return -EPROTONOSUPPORT;
        const auto kind = unix_type(type);
        if (!kind) return -kind.error();
        return install(call, make_unix_socket(call.kernel, *kind, file_flags(type)), type);
    }
    if (domain < 0 || domain >= kFamilies) return -EAFNOSUPPORT;
    if (domain != AF_INET && domain != AF_INET6)
        return refuse_unsupported(call.kernel, "socket family", static_cast<u64>(domain), EAFNOSUPPORT);
    if (!call.kernel.config.network && call.kernel.logged_requests.emplace("network", 0).second)
        LOG(warn, "the guest may not use the network: EACCES; --net allows loopback");
    auto file =
        make_host_socket(call.kernel.config.network, domain, type & kTypeMask, protocol, file_flags(type));
    return file ? install(call, std::move(*file), type) : -file.error();
}

i64 socketpair(Syscall& call) {
    const int domain = call.integer(0), type = call.integer(1), protocol = call.integer(2);
    if (type & ~(kTypeMask | kFlagMask)) return -EINVAL;
    if (domain == AF_INET || domain == AF_INET6) return -EOPNOTSUPP;
    if (domain != AF_UNIX) return -EAFNOSUPPORT;
    if (protocol && protocol != PF_UNIX) return -EPROTONOSUPPORT;
    const auto kind = unix_type(type);
    if (!kind) return -kind.error();
    OpenFile first = make_unix_socket(call.kernel, *kind, file_flags(type));
    OpenFile second = make_unix_socket(call.kernel, *kind, file_flags(type));
    join_sockets(call.kernel, call.task, first.object, second.object);
    return install_pair(call.kernel, call.task, std::move(first), std::move(second), type & SOCK_CLOEXEC,
                        call.args[3]);
}

i64 bind(Syscall& call) {
    auto file = socket_of(call, call.integer(0));
    if (!file) return -file.error();
    auto address = get_address(call, call.args[1], call.args[2]);
    if (!address) return -address.error();
    if (is_object(**file, kUnixOperations)) return bind_unix(call, **file, *address);
    if (const int error = confine_bind(*address)) return -error;
    return host::bind((*file)->fd.get(), address->get(), address->size) < 0 ? -errno : 0;
}

i64 listen(Syscall& call) {
    auto file = socket_of(call, call.integer(0));
    if (!file) return -file.error();
    if (is_object(**file, kUnixOperations))
        return unix_listen(call.kernel, call.task, (*file)->object, call.integer(1));
    bind_to_loopback((*file)->fd.get());
    return host::listen((*file)->fd.get(), call.integer(1)) < 0 ? -errno : 0;
}

i64 accept(Syscall& call) {
    return do_accept(call, 0);
}
i64 accept4(Syscall& call) {
    return do_accept(call, call.integer(3));
}

i64 connect(Syscall& call) {
    auto file = socket_of(call, call.integer(0));
    if (!file) return -file.error();
    const auto address = get_address(call, call.args[1], call.args[2]);
    if (!address) return -address.error();
    return is_object(**file, kUnixOperations) ? connect_unix(call, **file, *address)
                                              : connect_host(call, **file, *address);
}

i64 getsockname(Syscall& call) {
    return tell_name(
        call,
        [](const Syscall& c, const OpenFile& file) -> const std::string& {
            return c.kernel.ipc.sockets.at(file.object).name;
        },
        host::getsockname);
}

i64 getpeername(Syscall& call) {
    return tell_name(
        call,
        [](const Syscall& c, const OpenFile& file) -> const std::string& {
            const Socket& socket = c.kernel.ipc.sockets.at(file.object);
            const Socket* peer = c.kernel.ipc.sockets.find(socket.peer);
            return peer ? peer->name : socket.peer_name;
        },
        host::getpeername);
}

i64 shutdown(Syscall& call) {
    auto file = socket_of(call, call.integer(0));
    if (!file) return -file.error();
    if (is_object(**file, kUnixOperations))
        return unix_shutdown(call.kernel, (*file)->object, call.integer(1));
    return host::shutdown((*file)->fd.get(), call.integer(1)) < 0 ? -errno : 0;
}

namespace {

constexpr int kBufferOption = 212992;

/// What SOL_SOCKET options of a unix socket read as; nothing: ENOPROTOOPT.
std::optional<int> unix_option(Socket& socket, int option) {
    switch (option) {
        case SO_TYPE:
            return socket.type;
        case SO_DOMAIN:
            return AF_UNIX;
        case SO_PROTOCOL:
            return 0;
        case SO_ERROR:
            return std::exchange(socket.error, 0);
        case SO_ACCEPTCONN:
            return socket.state == Socket::State::kListening;
        case SO_PASSCRED:
            return socket.pass_credentials;
        case SO_SNDBUF:
        case SO_RCVBUF:
            return socket.options.count(option) ? socket.options[option] : kBufferOption;
        case SO_RCVLOWAT:
            return 1;
        case SO_DEBUG:
        case SO_REUSEADDR:
        case SO_REUSEPORT:
        case SO_KEEPALIVE:
        case SO_BROADCAST:
        case SO_OOBINLINE:
        case SO_PRIORITY:
        case SO_TIMESTAMP:
            return socket.options[option];
        default:
            return std::nullopt;
    }
}

/// Level and option in one number.
i64 no_such_option(Syscall& call, const char* name) {
    const u64 request = call.args[1] << 16 | (call.args[2] & 0xffff);
    return refuse_unsupported(call.kernel, name, request & 0xffffffffffff, ENOPROTOOPT);
}

i64 put_option(Syscall& call, const void* bytes, usize size) {
    int room = 0;
    if (call.get(room, call.args[4])) return -EFAULT;
    if (room < 0) return -EINVAL;
    size = std::min(size, static_cast<usize>(room));
    if (copy_to_user(call.system(), call.mm(), call.args[3], bytes, size)) return -EFAULT;
    return call.put(static_cast<int>(size), call.args[4]);
}

/// sock_set_timeout(). The option's seconds are kept under its number, the microseconds under the negative of
/// it.
i64 set_time_out(Syscall& call, Socket& socket, int option, int size) {
    timeval time{};
    if (size < static_cast<int>(sizeof time)) return -EINVAL;
    if (call.get(time, call.args[3])) return -EFAULT;
    if (time.tv_usec < 0 || time.tv_usec >= 1'000'000) return -EDOM;
    constexpr i64 kMost = 1 << 30;
    socket.options[option] = static_cast<int>(std::clamp<i64>(time.tv_sec, -1, kMost));
    socket.options[-option] = static_cast<int>(time.tv_usec);
    return 0;
}

}  // namespace

i64 getsockopt(Syscall& call) {
    auto file = socket_of(call, call.integer(0));
    if (!file) return -file.error();
    const int level = call.integer(1), option = call.integer(2);
    if (!is_object(**file, kUnixOperations)) {
        if (!option_allowed(level, option)) return no_such_option(call, "getsockopt");
        u8 bytes[256];
        socklen_t size = sizeof bytes;
        return host::getsockopt((*file)->fd.get(), level, option, bytes, &size) < 0
                   ? -errno
                   : put_option(call, bytes, size);
    }
    if (level != SOL_SOCKET) return -EOPNOTSUPP;
    Socket& socket = call.kernel.ipc.sockets.at((*file)->object);
    if (option == SO_PEERCRED) {
        const ucred none{0, ~0u, ~0u};
        const bool known = socket.state != Socket::State::kOpen;
        return put_option(call, known ? &socket.peer_credentials : &none, sizeof none);
    }
    if (option == SO_RCVTIMEO || option == SO_SNDTIMEO) {
        const timeval time{socket.options[option], socket.options[-option]};
        return put_option(call, &time, sizeof time);
    }
    const auto value = unix_option(socket, option);
    return value ? put_option(call, &*value, sizeof *value) : no_such_option(call, "getsockopt");
}

i64 setsockopt(Syscall& call) {
    auto file = socket_of(call, call.integer(0));
    if (!file) return -file.error();
    const int level = call.integer(1), option = call.integer(2), size = call.integer(4);
    if (size < 0) return -EINVAL;
    if (!is_object(**file, kUnixOperations)) {
        u8 bytes[256];
        if (!option_allowed(level, option)) return no_such_option(call, "setsockopt");
        if (static_cast<usize>(size) > sizeof bytes) return -EINVAL;
        if (copy_from_user(call.system(), call.mm(), bytes, call.args[3], static_cast<usize>(size)))
            return -EFAULT;
        return host::setsockopt((*file)->fd.get(), level, option, bytes, static_cast<socklen_t>(size)) < 0
                   ? -errno
                   : 0;
    }
    if (level != SOL_SOCKET) return -EOPNOTSUPP;
    Socket& socket = call.kernel.ipc.sockets.at((*file)->object);
    if (size < static_cast<int>(sizeof(int))) return -EINVAL;
    int value = 0;
    if (call.get(value, call.args[3])) return -EFAULT;
    switch (option) {
        case SO_PASSCRED:
            socket.pass_credentials = value != 0;
            return 0;
        case SO_SNDBUF:  // Deviation: only remembered
        case SO_RCVBUF:
            socket.options[option] = std::clamp(value, 1152, kBufferOption) * 2;
            return 0;
        case SO_RCVTIMEO:
        case SO_SNDTIMEO:
            return set_time_out(call, socket, option, size);
        case SO_LINGER:
            return 0;
        case SO_TYPE:
        case SO_DOMAIN:
        case SO_PROTOCOL:
        case SO_ERROR:
        case SO_ACCEPTCONN:
            return -ENOPROTOOPT;
        default:
            if (!unix_option(socket, option)) return no_such_option(call, "setsockopt");
            socket.options[option] = value != 0;
            return 0;
    }
}

}  // namespace kernel::calls
