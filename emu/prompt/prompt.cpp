#include "emu/prompt/prompt.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "emu/machine/machine.h"
#include "emu/prompt/debug_session.h"
#include "emu/prompt/guest_terminal.h"
#include "emu/prompt/line_editor.h"
#include "emu/prompt/remote_port.h"
#include "emu/prompt/script.h"
#include "emu/prompt/session_server.h"
#include "emu/prompt/tui.h"
#include "kernel/host/journal.h"

namespace emu {
namespace {

using mmu::Error, mmu::Expected, mmu::Unexpected;

constexpr const char* kPrompt = "(mmuscope) ";

// A signal handler has nothing but globals; they are written before it is set.
std::atomic<bool> interrupt_asked{false};
std::atomic<int> ending_signal{0};
std::atomic<pid_t> terminal_process{0};

/// Of the terminal's process: Ctrl-C stops the guest, SIGTERM and SIGHUP end the session.
void listen_to_signals() {
    struct sigaction action {};
    action.sa_handler = [](int signal) {
        if (signal != SIGINT) ending_signal.store(signal);
        interrupt_asked.store(true);
    };  // without SA_RESTART: what waits for a line wakes
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

/// While it lives this is the guest's process: Ctrl-C is the terminal's process's, which is told of signals
/// that end.
class PassSignalsOn {
  public:
    explicit PassSignalsOn(pid_t terminal) {
        terminal_process.store(terminal);
        struct sigaction action {};
        action.sa_flags = SA_RESTART;
        action.sa_handler = [](int signal) { ::kill(terminal_process.load(), signal); };
        sigaction(SIGTERM, &action, &before_[0]);
        sigaction(SIGHUP, &action, &before_[1]);
        action.sa_handler = SIG_IGN;
        sigaction(SIGINT, &action, &before_[2]);
        ::signal(SIGPIPE, SIG_IGN);
    }
    ~PassSignalsOn() {
        sigaction(SIGTERM, &before_[0], nullptr);
        sigaction(SIGHUP, &before_[1], nullptr);
        sigaction(SIGINT, &before_[2], nullptr);
    }
    PassSignalsOn(const PassSignalsOn&) = delete;
    PassSignalsOn& operator=(const PassSignalsOn&) = delete;

  private:
    struct sigaction before_[3];
};

void say(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

Expected<std::string, Error> read_script(const std::string& path) {
    std::FILE* const file = std::fopen(path.c_str(), "re");
    struct stat status {};
    if (!file || fstat(fileno(file), &status) != 0 || S_ISDIR(status.st_mode)) {
        const std::string why = file ? "is a folder" : strerror(errno);
        if (file) std::fclose(file);
        return Unexpected{Error{"--script " + path + ": " + why}};
    }
    std::string text;
    char part[4096];
    constexpr usize kMost = usize{1} << 20;
    while (const usize got = std::fread(part, 1, sizeof part, file)) {
        text.append(part, got);
        if (text.size() > kMost) break;
    }
    std::fclose(file);
    if (text.size() > kMost) return Unexpected{Error{"--script " + path + ": longer than a megabyte"}};
    return text;
}

bool ending() {
    return ending_signal.load() != 0;
}

void show_tui(RemotePort& port, int in) {
    if (!run_tui(port, in, ending)) say("There is no terminal here that could show it.\n");
}

void run_lines(RemotePort& port, LineEditor& editor, int in) {
    std::string line;
    while (!port.wishes().quit && !port.gone() && !ending()) {
        switch (editor.read(kPrompt, line)) {
            case LineEditor::Event::kInterrupted:
                if (!ending()) {
                    interrupt_asked.store(false);
                    say("Quit\n");
                }
                continue;
            case LineEditor::Event::kEnd:
                if (editor.interactive()) say("quit\n");
                return;
            case LineEditor::Event::kLine:
                break;
        }
        // One that came while the line was typed stops no run.
        interrupt_asked.store(false);
        say(run_line(port, line).text);
        if (port.wishes().tui) show_tui(port, in);
    }
}

/// The terminal's process: its exit status.
int talk(RemotePort& port, int in, const DebugOptions& options, const std::string& script) {
    for (const std::string& command : options.commands) {
        say(kPrompt + command + "\n");
        say(run_line(port, command).text);
    }
    if (!options.script.empty()) {
        const auto problem = run_script(port, options.script, script, say);
        if (problem) std::fprintf(stderr, "%s\n", problem->c_str());
        if (problem) return 1;
    } else {
        LineEditor editor(
            in, [&](const std::string& line) { return port.complete(line); }, ending);
        if (editor.interactive())
            say("The guest stands before its first instruction. `help` lists the commands, `start` runs to "
                "main.\n");
        if (options.tui) show_tui(port, in);
        run_lines(port, editor, in);
    }
    return ending() ? 128 + ending_signal.load() : 0;
}

/// What the guest's process has to do with the terminal's; goes from run to run.
struct Link {
    pid_t terminal = 0;                 ///< the process
    int stream = -1;                    ///< to it
    int guest_in = -1, guest_out = -1;  ///< the ends of the guest's own terminal; the first is not read here

    void put(Again& again) const {
        kernel::host::put_number(again.state, static_cast<u64>(terminal));
        for (const int fd : {stream, guest_in, guest_out}) {
            const int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
            kernel::host::put_number(again.state, static_cast<u64>(copy + 1));
            if (copy >= 0) again.descriptors.push_back(copy);
        }
    }
    static std::optional<Link> take(std::string_view& text) {
        u64 pid = 0, fds[3] = {};
        bool whole = kernel::host::get_number(text, pid);
        for (u64& fd : fds) whole = whole && kernel::host::get_number(text, fd);
        if (!whole) return std::nullopt;
        return Link{static_cast<pid_t>(pid), static_cast<int>(fds[0]) - 1, static_cast<int>(fds[1]) - 1,
                    static_cast<int>(fds[2]) - 1};
    }
};

/// What the next run's session is to do.
struct Task {
    std::string settings, command;
};

/// The guest's process.
int serve(Machine& guest, const Link& link, const DebugOptions& options, KernelNames names,
          const std::optional<Task>& task, DebugSession::Anew& anew) {
    DebugSession session(guest);
    session.debugger().set_kernel_names(names);
    int status = 0;
    {
        SessionServer server(session, link.stream, link.guest_out);
        if (options.history) session.keep_history();
        status = task ? server.serve_on(session.begin_anew(task->settings, task->command)) : server.serve();
        anew = server.anew();
    }
    if (!guest.ended() && session.debugger().in_stage()) (void)session.execute("kill");
    return status;
}

/// The same to its end, which is the terminal's too, or to where the guest is to begin anew.
DebugEnd serve_to_end(Machine& guest, const Link& link, const DebugOptions& options, KernelNames names,
                      const std::vector<std::string>& words, const std::optional<Task>& task) {
    const PassSignalsOn signals(link.terminal);
    DebugSession::Anew anew;
    int status = serve(guest, link, options, names, task, anew);
    if (status == SessionServer::kAnew) {
        Again again{.guest = {words[0]}};
        if (!anew.words) anew.words.emplace(words.begin() + 1, words.end());
        again.guest.insert(again.guest.end(), anew.words->begin(), anew.words->end());
        link.put(again);
        kernel::host::put_bytes(again.state, anew.command);
        kernel::host::put_bytes(again.state, anew.settings);
        return {.status = 0, .again = std::move(again)};
    }
    ::close(link.stream);
    int how = 0;
    while (::waitpid(link.terminal, &how, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(how)) status = 128 + WTERMSIG(how);
    if (!guest.ended()) guest.kernel().kill(SIGKILL);
    return {.status = status, .again = {}};
}

}  // namespace

Expected<DebugConsole, Error> DebugConsole::open(const DebugOptions& options) {
    DebugConsole console;
    const auto failed = [](const std::string& what) {
        return Unexpected{Error{what + ": " + strerror(errno)}};
    };
    console.commands_ = fcntl(0, F_DUPFD_CLOEXEC, 3);
    const bool terminal = isatty(0);
    const bool scripted = !options.script.empty();
    std::string in = options.in;
    if (in.empty() && !terminal && !scripted) in = "/dev/null";
    if (!in.empty()) {
        const int fd = ::open(in.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) return failed("--stdin " + in);
        dup2(fd, 0);
        ::close(fd);
    }
    if (!options.out.empty()) {
        // The prompt's words go on to where they went.
        const int ours = fcntl(1, F_DUPFD_CLOEXEC, 3);
        const int fd = ::open(options.out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0 || ours < 0) return failed("--stdout " + options.out);
        std::fflush(stdout);
        stdout = fdopen(ours, "w");
        dup2(fd, 1);
        ::close(fd);
        if (!stdout) return failed("stdout");
    }
    return console;
}

DebugConsole::DebugConsole(DebugConsole&& other) noexcept : commands_(std::exchange(other.commands_, -1)) {}

DebugConsole::~DebugConsole() {
    if (commands_ >= 0) ::close(commands_);
}

Expected<DebugEnd, Error> run_debugger(Machine& guest, DebugConsole& console, const DebugOptions& options,
                                       KernelNames names, const std::vector<std::string>& guest_words,
                                       const Again& again) {
    setlocale(LC_CTYPE, "");
    if (!again.state.empty()) {
        std::string_view text = again.state, command, settings;
        const auto link = Link::take(text);
        if (!link || !kernel::host::get_bytes(text, command) || !kernel::host::get_bytes(text, settings))
            return Unexpected{Error{"--again is for mmuscope itself"}};
        return serve_to_end(guest, *link, options, names, guest_words,
                            Task{std::string(settings), std::string(command)});
    }
    std::string script;
    if (!options.script.empty()) {
        auto text = read_script(options.script);
        if (!text) return Unexpected{text.error()};
        script = std::move(*text);
    }
    const auto failed = [](const char* what) {
        return Unexpected{Error{std::string(what) + strerror(errno)}};
    };
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return failed("socketpair: ");
    const GuestTerminal terminal;
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0) return failed("fork: ");
    if (child == 0) {
        ::close(ends[1]);
        listen_to_signals();
        int status = 0;
        {
            RemotePort port(ends[0], terminal.master(), interrupt_asked);
            status = talk(port, console.commands(), options, script);
            port.say_bye(status);
        }
        std::fflush(nullptr);
        ::_exit(status);
    }
    ::close(ends[0]);
    return serve_to_end(guest, {child, ends[1], terminal.master(), terminal.slave()}, options, names,
                        guest_words, {});
}

}  // namespace emu
