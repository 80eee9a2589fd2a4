// What the socket calls share: descriptors and addresses as the guest gives them.
#pragma once

#include "kernel/fs/host_socket.h"
#include "kernel/fs/unix_socket.h"
#include "kernel/syscall_table.h"

namespace kernel::calls {

/// EBADF, ENOTSOCK.
mmu::Expected<OpenFile*, int> socket_of(Syscall& call, int fd);
/// -EAGAIN for one that does not wait (O_NONBLOCK, or MSG_DONTWAIT in `flags`); else what block() says.
i64 wait_for_socket(Syscall& call, const OpenFile& file, short events, int flags);
/// move_addr_to_kernel(): EINVAL, EFAULT.
mmu::Expected<SocketAddress, int> get_address(Syscall& call, u64 from, u64 size);
SocketAddress unix_address(const std::string& name);
/// unix_find_other()'s first half: the node of a path, or the abstract name.
mmu::Expected<UnixName, int> unix_name_of(Syscall& call, const SocketAddress& address);
/// mknod(2) of a file, FIFO or socket; 0 or -errno (tree.cpp).
i64 make_node(Syscall& call, int dirfd, const std::string& path, mode_t mode);

}  // namespace kernel::calls
