#include "kernel/fs/host_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

#include "kernel/host/host.h"
#include "mmu/base/log.h"

namespace kernel {

using mmu::Expected;
using mmu::Unexpected;

namespace {

enum class Reach { kLoopback, kAny, kOutside, kInvalid };

template <class T>
T as(const SocketAddress& address) {
    T value{};
    std::memcpy(&value, &address.bytes, sizeof value);
    return value;
}

Reach reach_of_v4(u_int32_t network_order) {
    const u_int32_t host = ntohl(network_order);
    return host == INADDR_ANY ? Reach::kAny : host >> 24 == 127 ? Reach::kLoopback : Reach::kOutside;
}

Reach reach_of(const SocketAddress& address) {
    if (address.family() == AF_INET) {
        if (address.size < sizeof(sockaddr_in)) return Reach::kInvalid;
        return reach_of_v4(as<sockaddr_in>(address).sin_addr.s_addr);
    }
    if (address.family() == AF_INET6) {
        if (address.size < 24) return Reach::kInvalid;  // SIN6_LEN_RFC2133
        const in6_addr ip = as<sockaddr_in6>(address).sin6_addr;
        if (IN6_IS_ADDR_LOOPBACK(&ip)) return Reach::kLoopback;
        if (IN6_IS_ADDR_UNSPECIFIED(&ip)) return Reach::kAny;
        if (!IN6_IS_ADDR_V4MAPPED(&ip)) return Reach::kOutside;
        u_int32_t v4 = 0;
        std::memcpy(&v4, ip.s6_addr + 12, 4);
        return reach_of_v4(v4) == Reach::kLoopback ? Reach::kLoopback : Reach::kOutside;
    }
    return Reach::kInvalid;
}

void make_loopback(SocketAddress& address) {
    if (address.family() == AF_INET) {
        auto value = as<sockaddr_in>(address);
        value.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        std::memcpy(&address.bytes, &value, sizeof value);
    } else {
        auto value = as<sockaddr_in6>(address);
        value.sin6_addr = in6addr_loopback;
        std::memcpy(&address.bytes, &value, sizeof value);
    }
}

}  // namespace

Expected<OpenFile, int> make_host_socket(bool allowed, int domain, int type, int protocol, int flags) {
    if (!allowed) {
        return Unexpected{EACCES};
    }
    if (type != SOCK_STREAM && type != SOCK_DGRAM) return Unexpected{EPERM};
    const int fd = host::socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (fd < 0) return Unexpected{errno};
    return host_socket_file(fd, flags);
}

OpenFile host_socket_file(int fd, int flags) {
    OpenFile file;
    file.fd = UniqueFd{fd};
    file.type = S_IFSOCK;
    file.flags = O_RDWR | flags;
    file.network = true;
    struct stat status {};
    const bool known = host::fstat(fd, &status) == 0;
    file.path = "socket:[" + std::to_string(known ? status.st_ino : 1) + "]";
    return file;
}

int confine_bind(SocketAddress& address) {
    switch (reach_of(address)) {
        case Reach::kAny:
            make_loopback(address);
            return 0;
        case Reach::kLoopback:
            return 0;
        case Reach::kOutside:
            return EADDRNOTAVAIL;
        case Reach::kInvalid:
            return EINVAL;
    }
    return EINVAL;
}

int confine_target(SocketAddress& address) {
    if (address.family() == AF_UNSPEC) return 0;
    switch (reach_of(address)) {
        case Reach::kAny:
            make_loopback(address);
            return 0;
        case Reach::kLoopback:
            return 0;
        case Reach::kOutside:
            LOG(warn, "the guest may reach loopback addresses only: ENETUNREACH");
            return ENETUNREACH;
        case Reach::kInvalid:
            return address.family() == AF_INET || address.family() == AF_INET6 ? EINVAL : EAFNOSUPPORT;
    }
    return EINVAL;
}

void bind_to_loopback(int fd) {
    SocketAddress address;
    address.size = sizeof address.bytes;
    if (host::getsockname(fd, address.get(), &address.size) != 0) return;
    const bool v6 = address.family() == AF_INET6;
    const auto port = v6 ? as<sockaddr_in6>(address).sin6_port : as<sockaddr_in>(address).sin_port;
    if (port) return;
    make_loopback(address);
    (void)host::bind(fd, address.get(), address.size);
}

bool option_allowed(int level, int option) {
    struct Row {
        int level, option;
    };
    static constexpr Row kAllowed[] = {{SOL_SOCKET, SO_TYPE},
                                       {SOL_SOCKET, SO_ERROR},
                                       {SOL_SOCKET, SO_DOMAIN},
                                       {SOL_SOCKET, SO_PROTOCOL},
                                       {SOL_SOCKET, SO_ACCEPTCONN},
                                       {SOL_SOCKET, SO_REUSEADDR},
                                       {SOL_SOCKET, SO_REUSEPORT},
                                       {SOL_SOCKET, SO_KEEPALIVE},
                                       {SOL_SOCKET, SO_BROADCAST},
                                       {SOL_SOCKET, SO_LINGER},
                                       {SOL_SOCKET, SO_SNDBUF},
                                       {SOL_SOCKET, SO_RCVBUF},
                                       {SOL_SOCKET, SO_OOBINLINE},
                                       {SOL_SOCKET, SO_RCVLOWAT},
                                       {SOL_SOCKET, SO_PRIORITY},
                                       {SOL_SOCKET, SO_DONTROUTE},
                                       {IPPROTO_TCP, TCP_NODELAY},
                                       {IPPROTO_TCP, TCP_CORK},
                                       {IPPROTO_TCP, TCP_KEEPIDLE},
                                       {IPPROTO_TCP, TCP_KEEPINTVL},
                                       {IPPROTO_TCP, TCP_KEEPCNT},
                                       {IPPROTO_TCP, TCP_MAXSEG},
                                       {IPPROTO_TCP, TCP_QUICKACK},
                                       {IPPROTO_TCP, TCP_DEFER_ACCEPT},
                                       {IPPROTO_TCP, TCP_USER_TIMEOUT},
                                       {IPPROTO_TCP, TCP_SYNCNT},
                                       {IPPROTO_TCP, TCP_LINGER2},
                                       {IPPROTO_TCP, TCP_INFO},
                                       {IPPROTO_TCP, TCP_FASTOPEN},
                                       {IPPROTO_TCP, TCP_CONGESTION},
                                       {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
                                       {IPPROTO_IPV6, IPV6_V6ONLY},
                                       {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
                                       {IPPROTO_IPV6, IPV6_TCLASS},
                                       {IPPROTO_IPV6, IPV6_MTU_DISCOVER},
                                       {IPPROTO_IP, IP_MTU_DISCOVER},
                                       {IPPROTO_IPV6, IPV6_RECVERR},
                                       {IPPROTO_IP, IP_TOS},
                                       {IPPROTO_IP, IP_TTL},
                                       {IPPROTO_IP, IP_RECVERR}};
    for (const Row& row : kAllowed)
        if (row.level == level && row.option == option) return true;
    return false;
}

}  // namespace kernel
