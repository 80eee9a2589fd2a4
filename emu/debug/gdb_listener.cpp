#include "emu/debug/gdb_listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <optional>

#include "emu/debug/gdb_server.h"
#include "emu/debug/rsp_connection.h"
#include "kernel/host/journal.h"
#include "kernel/task.h"

namespace emu {

using kernel::UniqueFd;
using kernel::host::get_bytes, kernel::host::get_number, kernel::host::put_bytes, kernel::host::put_number;
using mmu::Error, mmu::Expected, mmu::Unexpected;

namespace {

Unexpected<Error> failed(const std::string& where, const char* why) {
    return Unexpected{Error{"--gdb " + where + ": " + why}};
}

Expected<UniqueFd, Error> listen_unix(const std::string& where, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return failed(where, "unusable path of a socket");
    memcpy(address.sun_path, path.c_str(), path.size() + 1);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd.get(), 4) != 0)
        return failed(where, strerror(errno));
    return fd;
}

Expected<UniqueFd, Error> listen_tcp(const std::string& where, const std::string& host,
                                     const std::string& port) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found))
        return failed(where, gai_strerror(error));
    UniqueFd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (fd) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const bool bound =
        fd && ::bind(fd.get(), found->ai_addr, found->ai_addrlen) == 0 && ::listen(fd.get(), 4) == 0;
    freeaddrinfo(found);
    if (!bound) return failed(where, strerror(errno));
    return fd;
}

std::string port_of(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    char port[16] = "?";
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0)
        getnameinfo(reinterpret_cast<sockaddr*>(&address), size, nullptr, 0, port, sizeof port,
                    NI_NUMERICSERV);
    return port;
}

/// While it lives, bytes from the client, or a new client where the listener is meant, stop the guest: what
/// it waits for on the host, and code that runs by itself. A signal handler can reach nothing but statics.
class WakeByClient {
  public:
    WakeByClient(Machine& machine, int fd) : fd_(fd) {
        target().store(&machine);
        struct sigaction action {};
        action.sa_handler = [](int) {
            if (Machine* guest = target().load()) guest->request_break();
        };
        sigaction(SIGIO, &action, nullptr);
        fcntl(fd_, F_SETOWN, getpid());
        fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_ASYNC);
    }
    ~WakeByClient() {
        fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) & ~O_ASYNC);
        ::signal(SIGIO, SIG_IGN);
        target().store(nullptr);
    }
    WakeByClient(const WakeByClient&) = delete;
    WakeByClient& operator=(const WakeByClient&) = delete;

  private:
    static std::atomic<Machine*>& target() {
        static std::atomic<Machine*> machine{nullptr};
        return machine;
    }
    int fd_;
};

}  // namespace

Expected<GdbListener, Error> GdbListener::open(const std::string& where) {
    GdbListener result;
    result.name_ = where;
    if (where == "stdio") {
        // The protocol keeps the two to itself; the guest gets nothing to read and writes to stderr.
        result.in_ = UniqueFd(fcntl(0, F_DUPFD_CLOEXEC, 3));
        result.out_ = UniqueFd(fcntl(1, F_DUPFD_CLOEXEC, 3));
        const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!result.in_ || !result.out_ || dup2(null.get(), 0) < 0 || dup2(2, 1) < 0)
            return failed(where, strerror(errno));
        return result;
    }
    if (where.starts_with("unix:")) {
        auto fd = listen_unix(where, where.substr(5));
        if (!fd) return Unexpected{fd.error()};
        result.listener_ = std::move(*fd);
        result.path_ = result.name_ = where.substr(5);
        return result;
    }
    const auto colon = where.rfind(':');
    std::string host = colon == std::string::npos ? "" : where.substr(0, colon);
    const std::string port = colon == std::string::npos ? where : where.substr(colon + 1);
    if (host.empty()) host = "127.0.0.1";
    if (port.empty() || port.find_first_not_of("0123456789") != std::string::npos)
        return failed(where, "is none of PORT, HOST:PORT, unix:PATH, stdio");
    // The C library would take a longer number for another one.
    if (port.size() > 5 || std::stoul(port) > 65535) return failed(where, "ports go up to 65535");
    auto fd = listen_tcp(where, host, port);
    if (!fd) return Unexpected{fd.error()};
    result.listener_ = std::move(*fd);
    result.name_ = host + ":" + port_of(result.listener_.get());
    return result;
}

GdbListener::~GdbListener() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

UniqueFd GdbListener::accept_one() const {
    while (true) {
        UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!fd && (errno == EINTR || errno == ECONNABORTED)) continue;
        const int on = 1;
        if (fd) setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return fd;
    }
}

bool GdbListener::somebody_waits() const {
    pollfd entry{listener_.get(), POLLIN, 0};
    return ::poll(&entry, 1, 0) > 0;
}

/// After `detach`: the guest runs on; true: a new client has come.
bool GdbListener::run_alone(Debugger& debugger) const {
    std::set<int> all;
    for (int signal = 1; signal <= kernel::kSignals; ++signal) all.insert(signal);
    debugger.pass_signals(std::move(all));
    std::optional<WakeByClient> wake;
    if (listener_) wake.emplace(debugger.machine(), listener_.get());
    debugger.set_interrupt_check([this] { return listener_ && somebody_waits(); });
    const Stop stop = debugger.resume({});
    debugger.set_interrupt_check({});
    debugger.pass_signals({});
    return stop.kind == Stop::Kind::kInterrupted;
}

std::optional<Again> GdbListener::serve(Machine& machine, KernelNames names, const GdbOptions& options) {
    return serve(machine, names, Clients::kMany, options);
}

std::optional<Again> GdbListener::serve_one(Machine& machine, KernelNames names, const GdbOptions& options) {
    return serve(machine, names, Clients::kOne, options);
}

/// Descriptors that outlive this object, and the socket's file, which is the next run's to remove.
void GdbListener::hand_on(Again& again, const RspConnection& connection) {
    std::string state;
    for (const int fd : {connection.descriptor(), connection.out_descriptor(), listener_.get()}) {
        const int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
        put_number(state, static_cast<u64>(copy + 1));
        if (copy >= 0) again.descriptors.push_back(copy);
    }
    put_bytes(state, name_);
    put_bytes(state, std::exchange(path_, {}));
    put_bytes(state, again.state);
    again.state = std::move(state);
}

Expected<GdbListener, Error> GdbListener::inherit(const std::string& state) {
    GdbListener result;
    std::string_view text = state, bytes;
    u64 number = 0;
    for (UniqueFd* const fd : {&result.in_, &result.out_, &result.listener_})
        if (get_number(text, number) && number) *fd = UniqueFd(static_cast<int>(number) - 1);
    if (get_bytes(text, bytes)) result.name_ = bytes;
    if (get_bytes(text, bytes)) result.path_ = bytes;
    if (!get_bytes(text, bytes) || !result.in_ || !result.out_)
        return failed(result.name_, "nobody is there");
    result.client_ = bytes;
    return result;
}

std::optional<Again> GdbListener::serve(Machine& machine, KernelNames names, Clients clients,
                                        const GdbOptions& options) {
    Debugger debugger(machine);
    debugger.set_kernel_names(names);
    const auto kill = [&]() -> std::optional<Again> {
        machine.kernel().kill(SIGKILL);
        return std::nullopt;
    };
    while (true) {
        const bool listening = static_cast<bool>(listener_);
        const auto client = std::exchange(client_, {});
        UniqueFd in = listening && !client ? accept_one() : std::move(in_);
        if (!in) return kill();
        UniqueFd out = listening && !client ? UniqueFd(fcntl(in.get(), F_DUPFD_CLOEXEC, 3)) : std::move(out_);
        RspConnection connection(std::move(in), std::move(out));
        if (listening) connection.turn_away(listener_.get());
        // From here on the connection says when the client is gone; there is something to tidy up then.
        if (clients == Clients::kOne) prctl(PR_SET_PDEATHSIG, 0);
        GdbServer::End end;
        {
            const WakeByClient wake(machine, connection.descriptor());
            // A gdb that we have started has the symbols.
            const auto symbols =
                clients == Clients::kOne ? GdbServer::Symbols::kGiven : GdbServer::Symbols::kServed;
            GdbServer server(debugger, connection, symbols, options);
            if (client) server.go_on_from(*client);
            end = server.serve();
            if (end == GdbServer::End::kAgain) {
                Again again = server.again();
                hand_on(again, connection);
                return again;
            }
        }
        if (machine.ended()) return std::nullopt;
        if (end == GdbServer::End::kKilled) return kill();
        const bool last = !listening || clients == Clients::kOne;
        if (end == GdbServer::End::kGone && last) return kill();
        if (end == GdbServer::End::kDetached && !run_alone(debugger)) return std::nullopt;
    }
}

}  // namespace emu
