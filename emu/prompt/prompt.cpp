#include "emu/prompt/prompt.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "emu/machine/machine.h"
#include "emu/prompt/debug_session.h"
#include "emu/prompt/line_editor.h"
#include "emu/prompt/script.h"
#include "emu/prompt/tui.h"

namespace emu {
namespace {

using mmu::Error, mmu::Expected, mmu::Unexpected;

constexpr const char* kPrompt = "(mmuscope) ";

/// Ctrl-C stops the guest, SIGTERM and SIGHUP end the session. A signal handler can reach nothing but
/// statics.
class Interrupts {
  public:
    explicit Interrupts(DebugSession& session) {
        target().store(&session);
        struct sigaction action {};
        action.sa_handler = on_signal;  // without SA_RESTART: what waits for a line wakes
        for (usize n = 0; n < 3; ++n) sigaction(kSignals[n], &action, &before_[n]);
        ::signal(SIGPIPE, SIG_IGN);
    }
    ~Interrupts() {
        for (usize n = 0; n < 3; ++n) sigaction(kSignals[n], &before_[n], nullptr);
        target().store(nullptr);
    }
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;

    /// The signal that ends the session, or 0.
    static std::atomic<int>& ending() {
        static std::atomic<int> signal{0};
        return signal;
    }

  private:
    static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
    static void on_signal(int signal) {
        if (signal != SIGINT) ending().store(signal);
        if (DebugSession* session = target().load()) session->interrupt();
    }
    static std::atomic<DebugSession*>& target() {
        static std::atomic<DebugSession*> session{nullptr};
        return session;
    }
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

void show_tui(DebugSession& session, int in) {
    if (!run_tui(session, in, [] { return Interrupts::ending() != 0; }))
        say("There is no terminal here that could show it.\n");
}

void run_lines(DebugSession& session, LineEditor& editor, int in) {
    std::string line;
    while (!session.quit_asked() && !Interrupts::ending()) {
        switch (editor.read(kPrompt, line)) {
            case LineEditor::Event::kInterrupted:
                if (!Interrupts::ending()) {
                    session.forget_interrupt();
                    say("Quit\n");
                }
                continue;
            case LineEditor::Event::kEnd:
                if (editor.interactive()) say("quit\n");
                return;
            case LineEditor::Event::kLine:
                break;
        }
        const DebugSession::Answer answer = session.execute(line);
        say(answer.text);
        if (session.take_tui_wish()) show_tui(session, in);
    }
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

Expected<int, Error> run_debugger(Machine& guest, DebugConsole& console, const DebugOptions& options,
                                  KernelNames names) {
    setlocale(LC_CTYPE, "");
    int status = 0;
    {
        DebugSession session(guest);
        session.debugger().set_kernel_names(names);
        const Interrupts interrupts(session);
        for (const std::string& command : options.commands) {
            say(kPrompt + command + "\n");
            say(session.execute(command).text);
        }
        if (!options.script.empty()) {
            const auto script = read_script(options.script);
            if (!script) return Unexpected{script.error()};
            if (const auto problem = run_script(session, options.script, *script, say)) {
                std::fprintf(stderr, "%s\n", problem->c_str());
                status = 1;
            }
        } else {
            LineEditor editor(
                console.commands(), [&](const std::string& line) { return session.complete(line); },
                [] { return Interrupts::ending() != 0; });
            if (editor.interactive())
                say("The guest stands before its first instruction. `help` lists the commands, `start` runs "
                    "to "
                    "main.\n");
            if (options.tui) show_tui(session, console.commands());
            run_lines(session, editor, console.commands());
        }
        if (Interrupts::ending()) status = 128 + Interrupts::ending();
        if (!guest.ended()) {
            if (session.debugger().in_stage()) (void)session.execute("kill");
        }
    }
    if (!guest.ended()) guest.kernel().kill(SIGKILL);
    return status;
}

}  // namespace emu
