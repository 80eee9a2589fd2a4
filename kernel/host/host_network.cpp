// Purpose: sockets. See host.h.
#include <algorithm>

#include "kernel/host/perform.h"

namespace kernel::host {

int socket(int domain, int type, int protocol) {
    return static_cast<int>(perform({Call::kSocket, -1, true, kAny},
                                    {given(domain), given(type), given(protocol)}, {},
                                    [&] { return ::socket(domain, type, protocol); }));
}
int bind(int fd, const sockaddr* address, socklen_t size) {
    return static_cast<int>(perform({Call::kBind, fd, false, kAny}, {given(fd), In{address, size}}, {},
                                    [&] { return ::bind(fd, address, size); }));
}
int connect(int fd, const sockaddr* address, socklen_t size) {
    return static_cast<int>(perform({Call::kConnect, fd, false, kAny}, {given(fd), In{address, size}}, {},
                                    [&] { return ::connect(fd, address, size); }));
}
int listen(int fd, int backlog) {
    return static_cast<int>(perform({Call::kListen, fd, false, kAny}, {given(fd), given(backlog)}, {},
                                    [&] { return ::listen(fd, backlog); }));
}
int shutdown(int fd, int how) {
    return static_cast<int>(perform({Call::kShutdown, fd, false, kAny}, {given(fd), given(how)}, {},
                                    [&] { return ::shutdown(fd, how); }));
}
int setsockopt(int fd, int level, int option, const void* value, socklen_t size) {
    return static_cast<int>(perform({Call::kSetsockopt, fd, false, kAny},
                                    {given(fd), given(level), given(option), In{value, size}}, {},
                                    [&] { return ::setsockopt(fd, level, option, value, size); }));
}
ssize_t sendto(int fd, const void* bytes, usize size, int flags, const sockaddr* to, socklen_t to_size) {
    return perform({Call::kSendto, fd, false, static_cast<long>(size)},
                   {given(fd), In{bytes, size}, given(flags), In{to, to_size}}, {},
                   [&] { return ::sendto(fd, bytes, size, flags, to, to_size); });
}
namespace {

/// The host cuts an address to `room` and tells its whole length.
template <class Direct>
int with_address(const About& about, std::initializer_list<In> in, void* bytes, socklen_t* size,
                 Direct direct) {
    const socklen_t room = *size;
    const long result = perform(about, in, {Out{bytes, bytes ? room : 0}, Out{size, sizeof *size}}, direct);
    *size = std::min(*size, room);
    return static_cast<int>(result);
}

}  // namespace

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
    return with_address({Call::kAccept4, fd, true, kAny}, {given(fd), given(flags)}, address, size,
                        [&] { return ::accept4(fd, address, size, flags); });
}
int getsockname(int fd, sockaddr* address, socklen_t* size) {
    return with_address({Call::kGetsockname, fd, false, kAny}, {given(fd)}, address, size,
                        [&] { return ::getsockname(fd, address, size); });
}
int getpeername(int fd, sockaddr* address, socklen_t* size) {
    return with_address({Call::kGetpeername, fd, false, kAny}, {given(fd)}, address, size,
                        [&] { return ::getpeername(fd, address, size); });
}
int getsockopt(int fd, int level, int option, void* value_at, socklen_t* size) {
    return with_address({Call::kGetsockopt, fd, false, kAny}, {given(fd), given(level), given(option)},
                        value_at, size, [&] { return ::getsockopt(fd, level, option, value_at, size); });
}

ssize_t recvfrom(int fd, void* bytes, usize size, int flags, sockaddr* from, socklen_t* from_size,
                 int* message_flags) {
    const socklen_t room = *from_size;
    const long result = perform({Call::kRecvfrom, fd, false, kAny}, {given(fd), given(size), given(flags)},
                                {Out{bytes, size, true}, Out{from, room}, Out{from_size, sizeof *from_size},
                                 Out{message_flags, sizeof *message_flags}},
                                [&] {
                                    iovec part{bytes, size};
                                    msghdr header{};
                                    header.msg_name = from;
                                    header.msg_namelen = room;
                                    header.msg_iov = &part;
                                    header.msg_iovlen = 1;
                                    const ssize_t got = ::recvmsg(fd, &header, flags);
                                    *from_size = header.msg_namelen;
                                    *message_flags = header.msg_flags;
                                    return got;
                                });
    *from_size = std::min(*from_size, room);
    return result;
}

}  // namespace kernel::host
