// Sockets of the host's under --net: TCP and UDP over loopback, nothing else. Addresses are checked and
// rewritten here, so that no guest reaches or is reached from beyond 127.0.0.0/8 and ::1. The host's sockets
// never wait: O_NONBLOCK is set on the host, and the guest's own flag is in OpenFile::flags.
#pragma once

#include <sys/socket.h>

#include "kernel/fs/file_table.h"
#include "mmu/base/expected.h"

namespace kernel {

/// A socket address as the guest gave it.
struct SocketAddress {
    sockaddr_storage bytes{};
    socklen_t size = 0;
    int family() const { return size >= sizeof(sa_family_t) ? bytes.ss_family : -1; }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&bytes); }
};

/// socket(2) of AF_INET or AF_INET6: EACCES without --net, EPERM for raw sockets.
mmu::Expected<OpenFile, int> make_host_socket(bool allowed, int domain, int type, int protocol, int flags);
/// An accepted one.
OpenFile host_socket_file(int fd, int flags);

/// Makes `address` one of loopback's: "any" becomes loopback; others EADDRNOTAVAIL.
int confine_bind(SocketAddress& address);
/// "any" means loopback, as on Linux; others ENETUNREACH and a log line.
int confine_target(SocketAddress& address);
/// A socket without a name gets one of loopback's, before the host would give it one of all interfaces.
void bind_to_loopback(int fd);
/// Options that may be passed on.
bool option_allowed(int level, int option);

}  // namespace kernel
