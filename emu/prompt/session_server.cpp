#include "emu/prompt/session_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "emu/machine/machine.h"
#include "emu/prompt/session_port.h"
#include "emu/prompt/wire.h"
#include "kernel/host/journal.h"
#include "kernel/host/seam.h"
#include "kernel/state.h"

namespace emu {

using kernel::host::get_bytes, kernel::host::get_number, kernel::host::put_bytes, kernel::host::put_number;

namespace {

constexpr int kGoneStatus = 1;  ///< the terminal's process has died

/// Whose run the terminal's bytes end. A signal handler can reach nothing but statics.
std::atomic<Machine*>& waking() {
    static std::atomic<Machine*> machine{nullptr};
    return machine;
}

std::string panel_bytes(const Panel& panel) {
    std::string out;
    put_number(out, panel.size());
    for (const PanelLine& line : panel) {
        put_number(out, line.size());
        for (const Part& part : line) {
            put_number(out, static_cast<u64>(part.style));
            put_bytes(out, part.text);
        }
    }
    return out;
}

}  // namespace

SessionServer::SessionServer(DebugSession& session, int stream, int terminal)
    : session_(session), stream_(stream), terminal_(terminal) {
    waking().store(&session_.debugger().machine());
    kernel::KernelState& kernel = session_.debugger().machine().kernel().state();
    struct sigaction action {};
    action.sa_handler = [](int) {
        if (Machine* const machine = waking().load()) machine->request_break();
    };
    action.sa_flags = SA_RESTART;
    sigaction(SIGIO, &action, nullptr);
    ::fcntl(stream_, F_SETFL, ::fcntl(stream_, F_GETFL) | O_ASYNC);
    take_over();
    if (session_.debugger().has_task()) {
        kernel::FdTable& table = kernel.fd_table(session_.debugger().task());
        if (const auto* const out = table.find(STDOUT_FILENO)) guest_out_ = out->file;
        if (const auto* const error = table.find(STDERR_FILENO)) guest_error_ = error->file;
    }
    session_.set_host({.arrive = [this](const DebugSession::Answer& first) { arrive(first); },
                       .interrupted = [this] { return interrupted(); },
                       .take_over = [this] { take_over(); },
                       .use_terminal = [this](bool own) { use_terminal(own); },
                       .stream = stream_});
}

SessionServer::~SessionServer() {
    use_terminal(false);
    ::fcntl(stream_, F_SETFL, ::fcntl(stream_, F_GETFL) & ~O_ASYNC);
    ::signal(SIGIO, SIG_IGN);
    waking().store(nullptr);
    session_.set_host({});
}

/// What the terminal sends is told to this process.
void SessionServer::take_over() const {
    (void)::fcntl(stream_, F_SETOWN, ::getpid());
}

/// Between the terminal's requests there is nothing but an interrupt, or its end.
bool SessionServer::interrupted() {
    pollfd entry{stream_, POLLIN, 0};
    if (gone_ || ::poll(&entry, 1, 0) <= 0) return gone_;
    gone_ = !receive_frame(stream_);
    return true;
}

int SessionServer::serve() {
    while (true) {
        const auto frame = gone_ ? std::nullopt : receive_frame(stream_);
        if (!frame || frame->empty()) return kGoneStatus;
        const auto kind = static_cast<WireKind>((*frame)[0]);
        if (kind == WireKind::kInterrupt) continue;  // nothing runs any more
        if (kind == WireKind::kBye) return frame->size() > 1 ? static_cast<u8>((*frame)[1]) : 0;
        const std::string reply = answer(*frame);
        if (const auto left = session_.left()) return *left;
        if (auto anew = session_.take_anew()) {
            anew_ = std::move(*anew);
            return kAnew;
        }
        if (!send_frame(stream_, reply)) return kGoneStatus;
    }
}

int SessionServer::serve_on(const DebugSession::Answer& first) {
    return send_frame(stream_, command_answer(first)) ? serve() : kGoneStatus;
}

/// This process has been sent to another moment and serves from now on.
void SessionServer::arrive(const DebugSession::Answer& first) {
    session_.leave(serve_on(first));
}

std::string SessionServer::command_answer(const DebugSession::Answer& answer) {
    const SessionPort::Wishes wishes = LocalPort(session_).take_wishes();
    std::string out;
    put_bytes(out, answer.text);
    put_number(out, answer.failed);
    put_number(out, wishes.quit);
    put_number(out, wishes.tui);
    put_number(out, wishes.source.has_value());
    if (wishes.source) {
        put_bytes(out, wishes.source->name);
        put_bytes(out, wishes.source->text);
    }
    return out;
}

std::string SessionServer::answer(const std::string& frame) {
    std::string_view rest(frame);
    rest.remove_prefix(1);
    const std::string text(rest);
    std::string out;
    switch (static_cast<WireKind>(frame[0])) {
        case WireKind::kExecute:
            session_.forget_interrupt();
            return command_answer(session_.execute(text));
        case WireKind::kComplete:
            for (const std::string& word : session_.complete(text)) put_bytes(out, word);
            return out;
        case WireKind::kScreen: {
            u64 rows = 0, columns = 0;
            std::string_view output, input, status;
            const bool whole = get_number(rest, rows) && get_number(rest, columns) &&
                               get_bytes(rest, output) && get_bytes(rest, input) && get_bytes(rest, status);
            if (!whole) return out;
            const ScreenText shown{std::string(output), std::string(input), std::string(status)};
            return panel_bytes(
                compose(session_, shown, static_cast<unsigned>(rows), static_cast<unsigned>(columns)));
        }
        case WireKind::kHolds: {
            const auto holds = LocalPort(session_).holds(text);
            put_number(out, holds ? 1 + u64{*holds} : 0);
            put_bytes(out, holds ? "" : holds.error());
            return out;
        }
        case WireKind::kStandsAt: {
            const SessionPort::Standing standing = LocalPort(session_).stands_at(text);
            put_number(out, standing.there);
            put_bytes(out, standing.where);
            return out;
        }
        case WireKind::kTerminal:
            session_.use_own_terminal(text == "1");
            return out;
        default:
            return out;
    }
}

/// Our 1 or 2, and the copy of it that the guest was given, lead elsewhere; files and pipes stay what they
/// are.
void SessionServer::lead_to(int number, int target) {
    if (::isatty(number)) ::dup2(target, number);
    // The numbers of a replay are recorded ones, and may be anything here.
    if (kernel::host::Seam::get().mode() == kernel::host::Seam::Mode::kReplay) return;
    const kernel::OpenFileId wanted = number == STDOUT_FILENO ? guest_out_ : guest_error_;
    for (const auto& [id, file] : session_.debugger().machine().kernel().state().files)
        if (id == wanted && file.kind == kernel::OpenFile::Kind::kHost && ::isatty(file.fd.get()))
            ::dup3(target, file.fd.get(), O_CLOEXEC);
}

/// The guest's 1 and 2 are the terminal of its own, or what they were.
void SessionServer::use_terminal(bool own) {
    if (terminal_ < 0 || own == (shared_out_ >= 0)) return;
    if (own) {
        shared_out_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        shared_error_ = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        lead_to(STDOUT_FILENO, terminal_);
        lead_to(STDERR_FILENO, terminal_);
        return;
    }
    lead_to(STDOUT_FILENO, shared_out_);
    lead_to(STDERR_FILENO, shared_error_);
    ::close(shared_out_);
    ::close(shared_error_);
    shared_out_ = shared_error_ = -1;
}

}  // namespace emu
