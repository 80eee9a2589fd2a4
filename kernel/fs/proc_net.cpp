// Purpose: /proc/PID/net: one loopback interface, the guest's unix sockets, and under --net its TCP and UDP
// sockets. See proc_table.h. Linux: net/core/net-procfs.c, net/ipv4/tcp_ipv4.c get_tcp4_sock(),
// net/unix/af_unix.c unix_seq_show(). Deviation: packets are not counted; queues are told as empty.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstring>

#include "kernel/fs/files.h"
#include "kernel/fs/host_socket.h"
#include "kernel/fs/proc_table.h"
#include "kernel/host/host.h"

namespace kernel {

namespace {

std::string dev(KernelState&, Task&) {
    return "Inter-|   Receive                                                |  Transmit\n"
           " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
           "fifo "
           "colls carrier compressed\n"
           "    lo:       0       0    0    0    0     0          0         0        0       0    0    0    "
           "0     "
           "0       0          0\n";
}
std::string if_inet6(KernelState&, Task&) {
    return "00000000000000000000000000000001 01 80 10 80       lo\n";
}
std::string route(KernelState&, Task&) {
    std::string title = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
    title.resize(127, ' ');
    return title + "\n";
}
std::string ipv6_route(KernelState&, Task&) {
    return "00000000000000000000000000000001 80 00000000000000000000000000000000 00 "
           "00000000000000000000000000000000 00000000 00000001 00000000 80200001       lo\n";
}
std::string arp(KernelState&, Task&) {
    return "IP address       HW type     Flags       HW address            Mask     Device\n";
}
std::string netlink(KernelState&, Task&) {
    return "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n";
}
std::string packet(KernelState&, Task&) {
    return "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n";
}

/// unix_seq_show()
std::string unix_sockets(KernelState& kernel, Task&) {
    std::string text = "Num       RefCount Protocol Flags    Type St Inode Path\n";
    constexpr unsigned kAcceptsConnections = 1u << 16;        // __SO_ACCEPTCON
    constexpr unsigned kSsUnconnected = 1, kSsConnected = 3;  // linux/net.h
    for (const auto& [id, socket] : kernel.ipc.sockets) {
        const bool listens = socket.state == Socket::State::kListening;
        const unsigned state = socket.state == Socket::State::kConnected ? kSsConnected : kSsUnconnected;
        text += proc_format("%016llx: %08X %08X %08X %04X %02X %5llu", proc_number(0), 2u, 0u,
                            listens ? kAcceptsConnections : 0u, static_cast<unsigned>(socket.type), state,
                            proc_number(socket.inode));
        if (!socket.name.empty()) {
            text += " ";
            for (const char c : socket.name) text += c ? c : '@';
        }
        text += "\n";
    }
    return text;
}

/// One of the host's sockets that the guest has.
struct NetSocket {
    int family = 0, type = 0;
    unsigned state = 0;
    SocketAddress local, remote;
    u64 inode = 0;
};

int integer_option(int fd, int level, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    return host::getsockopt(fd, level, option, &value, &size) == 0 ? value : -1;
}

std::vector<NetSocket> net_sockets(KernelState& kernel) {
    constexpr unsigned kClosed = 7;  // TCP_CLOSE
    std::vector<NetSocket> sockets;
    for (const auto& [id, file] : kernel.files) {
        if (!file.network) continue;
        const int fd = file.fd.get();
        NetSocket socket{integer_option(fd, SOL_SOCKET, SO_DOMAIN),
                         integer_option(fd, SOL_SOCKET, SO_TYPE),
                         kClosed,
                         {},
                         {},
                         0};
        socket.local.size = socket.remote.size = sizeof socket.local.bytes;
        if (host::getsockname(fd, socket.local.get(), &socket.local.size) != 0) continue;
        if (host::getpeername(fd, socket.remote.get(), &socket.remote.size) != 0) socket.remote.size = 0;
        if (socket.type == SOCK_DGRAM) {
            if (socket.remote.size) socket.state = 1;  // TCP_ESTABLISHED
        } else {
            tcp_info info{};
            socklen_t size = sizeof info;
            if (host::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
                socket.state = info.tcpi_state;
        }
        struct stat status {};
        if (stat_file(file, status) == 0) socket.inode = status.st_ino;
        sockets.push_back(socket);
    }
    return sockets;
}

/// "0100007F:1F90": words of the address as the machine has them, and the port.
std::string address_text(const SocketAddress& address, int family) {
    std::string text;
    unsigned port = 0;
    u32 words[4] = {};
    const unsigned count = family == AF_INET ? 1 : 4;
    if (address.size) {
        const u8* bytes = reinterpret_cast<const u8*>(&address.bytes);
        std::memcpy(words, bytes + (family == AF_INET ? 4 : 8), count * sizeof(u32));
        port = static_cast<unsigned>(bytes[2]) << 8 | bytes[3];
    }
    for (unsigned i = 0; i < count; ++i) text += proc_format("%08X", words[i]);
    return text + proc_format(":%04X", port);
}

template <int kFamily, int kType>
std::string internet(KernelState& kernel, Task&) {
    constexpr bool kV4 = kFamily == AF_INET, kTcp = kType == SOCK_STREAM;
    std::string text =
        kV4 ? "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
              "inode"
            : "  sl  local_address                         remote_address                        st tx_queue "
              "rx_queue tr tm->when retrnsmt   uid  timeout inode";
    if (kTcp && kV4) text.resize(149, ' ');
    if (!kTcp) text += " ref pointer drops";
    if (!kTcp && kV4) text.resize(127, ' ');
    text += "\n";
    unsigned line = 0;
    for (const NetSocket& socket : net_sockets(kernel)) {
        if (socket.family != kFamily || socket.type != kType) continue;
        std::string row = proc_format(kTcp ? "%4u: " : "%5u: ", line++) +
                          address_text(socket.local, kFamily) + " " + address_text(socket.remote, kFamily);
        row += proc_format(" %02X %08X:%08X %02X:%08X %08X %5u %8d %llu %d %016llx %s", socket.state, 0u, 0u,
                           0u, 0u, 0u, host::getuid(), 0, proc_number(socket.inode), 2, proc_number(0),
                           kTcp ? "100 0 0 10 0" : "0");
        if (kV4) row.resize(std::max<usize>(row.size(), kTcp ? 149 : 127), ' ');
        text += row + "\n";
    }
    return text;
}

/// socket_seq_show(), with what the guest has.
std::string sockstat(KernelState& kernel, Task&) {
    unsigned tcp = 0, udp = 0, all = 0;
    for ([[maybe_unused]] const auto& entry : kernel.ipc.sockets) ++all;
    for (const NetSocket& socket : net_sockets(kernel)) {
        ++all;
        if (socket.family == AF_INET) ++(socket.type == SOCK_STREAM ? tcp : udp);
    }
    return proc_format(
        "sockets: used %u\nTCP: inuse %u orphan 0 tw 0 alloc %u mem 0\nUDP: inuse %u mem 0\nUDPLITE: inuse "
        "0\n"
        "RAW: inuse 0\nFRAG: inuse 0 memory 0\n",
        all, tcp, tcp, udp);
}

constexpr ProcRow kRows[] = {
    {"net/arp", arp},
    {"net/dev", dev},
    {"net/if_inet6", if_inet6},
    {"net/ipv6_route", ipv6_route},
    {"net/netlink", netlink},
    {"net/packet", packet},
    {"net/raw", internet<AF_INET, SOCK_RAW>},
    {"net/raw6", internet<AF_INET6, SOCK_RAW>},
    {"net/route", route},
    {"net/sockstat", sockstat},
    {"net/tcp", internet<AF_INET, SOCK_STREAM>},
    {"net/tcp6", internet<AF_INET6, SOCK_STREAM>},
    {"net/udp", internet<AF_INET, SOCK_DGRAM>},
    {"net/udp6", internet<AF_INET6, SOCK_DGRAM>},
    {"net/unix", unix_sockets},
};

}  // namespace

std::span<const ProcRow> proc_net_rows() {
    return kRows;
}

}  // namespace kernel
