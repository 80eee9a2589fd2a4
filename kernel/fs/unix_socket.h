// Unix sockets between guest processes: stream, datagram and sequenced packets, with names in the file system
// (the node is the host's, what listens behind it is the guest's own) or abstract ones, and descriptors as
// messages. The host's own sockets are never reached. Linux: net/unix/af_unix.c.
#pragma once

#include <sys/socket.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "kernel/fs/anon_inode.h"

namespace kernel {

struct SocketMessage {
    std::vector<u8> bytes;
    u32 offset = 0;
    std::string from;               ///< sender's name; empty: unnamed
    std::vector<OpenFileId> files;  ///< SCM_RIGHTS: each a reference
    ucred sender{};
    u64 left() const { return bytes.size() - offset; }
};

/// unix_sock.
struct Socket {
    static constexpr u64 kSendBuffer = 212992;  ///< net.core.wmem_default
    static constexpr u8 kReceiveShut = 1, kSendShut = 2;
    int type = SOCK_STREAM;
    enum class State : u8 { kOpen, kListening, kConnected };
    State state = State::kOpen;
    u8 shutdown = 0;
    u32 peer = 0;      ///< 0: none, or it is closed
    std::string name;  ///< sun_path's bytes; empty: unnamed
    std::pair<u64, u64> node{};
    std::deque<u32> backlog;  ///< sockets that connect() made, for accept()
    u32 backlog_limit = 0;
    std::deque<SocketMessage> queue;
    u64 queued = 0;  ///< bytes in it
    bool pass_credentials = false;
    int error = 0;  ///< SO_ERROR
    ucred peer_credentials{};
    std::string peer_name;
    u64 inode = 0;
    std::map<int, int> options;  ///< SOL_SOCKET options that are only remembered
};

extern const FileOperations kUnixOperations;

/// An open file for a new socket of `type`.
OpenFile make_unix_socket(KernelState& kernel, int type, int flags);
/// socketpair(2): two sockets that are each other's peer.
void join_sockets(KernelState& kernel, Task& task, u32 first, u32 second);

/// A name as connect() and sendto() take it: of a node (found by the caller) or abstract.
struct UnixName {
    std::string text;  ///< sun_path; an abstract one starts with NUL
    std::pair<u64, u64> node{};
};
/// 0 or -errno. bind: the node of a path has been made by the caller.
i64 unix_bind(KernelState& kernel, u32 id, const UnixName& name);
bool unix_name_taken(KernelState& kernel, const std::string& name);
i64 unix_listen(KernelState& kernel, Task& task, u32 id, int backlog);
/// -EAGAIN: the backlog is full.
i64 unix_connect(KernelState& kernel, Task& task, u32 id, const UnixName& name);
/// The id of the next connected socket; -EAGAIN: none.
i64 unix_accept(KernelState& kernel, u32 id);
i64 unix_shutdown(KernelState& kernel, u32 id, int how);
OpenFile unix_file(KernelState& kernel, u32 id, int flags);

struct UnixSend {
    const UnixName* to = nullptr;
    std::vector<OpenFileId> files;  ///< references go over to the message
    ucred sender{};
    bool no_signal = false;
};
/// Bytes sent, -EAGAIN, -errno. `send.files` is emptied when they have gone.
i64 unix_send(KernelState& kernel, Task& task, u32 id, UserStream& from, u64 size, UnixSend& send);

struct UnixReceived {
    std::string from;
    std::vector<OpenFileId> files;  ///< the caller's references now
    ucred sender{};
    bool truncated = false;
    u64 full_size = 0;
};
i64 unix_receive(KernelState& kernel, u32 id, UserStream& to, u64 size, bool peek, UnixReceived& received);

ucred credentials_of(const Task& task);

}  // namespace kernel
