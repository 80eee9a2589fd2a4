// The prompt on a pseudo-terminal and the TUI in tmux: keys in, what a person sees out.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/debug/support.h"

#include <catch2/catch.hpp>

namespace {

constexpr int kPatienceMs = 60000;  // of a loaded machine: what comes at once elsewhere

/// A program on a terminal of its own.
class OnTerminal {
  public:
    explicit OnTerminal(const std::vector<std::string>& words) {
        struct winsize size = {24, 100, 0, 0};
        child_ = forkpty(&master_, nullptr, nullptr, &size);
        if (child_ == 0) {
            std::vector<char*> arguments;
            for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
            arguments.push_back(nullptr);
            setenv("TERM", "xterm", 1);
            execv(arguments[0], arguments.data());
            _exit(127);
        }
    }
    ~OnTerminal() {
        if (child_ > 0) kill(child_, SIGKILL), waitpid(child_, nullptr, 0);
        if (master_ >= 0) close(master_);
    }
    void type(const std::string& keys) {
        REQUIRE(write(master_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
    }
    /// Reads until `text` has come behind what was found before.
    bool shows(const std::string& text) {
        while (true) {
            if (const auto at = seen_.find(text, found_); at != std::string::npos) {
                found_ = at + text.size();
                return true;
            }
            if (!read_some()) {
                UNSCOPED_INFO("waiting for: " << text << "\nseen: " << seen_.substr(found_));
                return false;
            }
        }
    }
    void resize(unsigned short rows, unsigned short columns) {
        struct winsize size = {rows, columns, 0, 0};
        ioctl(master_, TIOCSWINSZ, &size);
    }
    /// As a shell has it, once the program has ended by itself.
    int status() {
        while (read_some()) {
        }
        int status = 0;
        waitpid(std::exchange(child_, -1), &status, 0);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    void send(int signal) { kill(child_, signal); }
    bool echoes() {
        struct termios modes {};
        return tcgetattr(master_, &modes) == 0 && (modes.c_lflag & ECHO) && (modes.c_lflag & ICANON);
    }
    const std::string& seen() const { return seen_; }

  private:
    bool read_some() {
        pollfd entry{master_, POLLIN, 0};
        char part[4096];
        if (poll(&entry, 1, kPatienceMs) <= 0) return false;
        const ssize_t got = read(master_, part, sizeof part);
        if (got <= 0) return false;
        seen_.append(part, static_cast<std::size_t>(got));
        return true;
    }
    pid_t child_ = -1;
    int master_ = -1;
    std::string seen_;
    std::size_t found_ = 0;
};

std::vector<std::string> debug(std::vector<std::string> rest) {
    rest.insert(rest.begin(), {MMUSCOPE_PROGRAM, "debug"});
    return rest;
}

const std::string kPrompt = "(mmuscope) ";

/// A session of tmux with a server of its own.
class InTmux {
  public:
    InTmux(const std::string& command, unsigned columns, unsigned rows)
        : name_("mmuscope-test-" + std::to_string(getpid())) {
        tmux({"new-session", "-d", "-x", std::to_string(columns), "-y", std::to_string(rows), command});
    }
    ~InTmux() { tmux({"kill-server"}); }
    void type(const std::vector<std::string>& keys) {
        std::vector<std::string> words{"send-keys"};
        words.insert(words.end(), keys.begin(), keys.end());
        tmux(words);
    }
    std::string screen() { return tmux({"capture-pane", "-p"}).out; }
    bool shows(const std::string& text) {
        for (int tries = 0; tries < kPatienceMs / 100; ++tries) {
            if (screen().find(text) != std::string::npos) return true;
            usleep(100000);
        }
        UNSCOPED_INFO("waiting for: " << text << "\nscreen:\n" << screen());
        return false;
    }
    void resize(unsigned columns, unsigned rows) {
        tmux({"resize-window", "-x", std::to_string(columns), "-y", std::to_string(rows)});
    }

  private:
    test::ProcessResult tmux(std::vector<std::string> words) {
        words.insert(words.begin(), {"/usr/bin/tmux", "-L", name_, "-f", "/dev/null"});
        test::ProcessOptions options;
        options.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/",
                               "TMUX_TMPDIR=" + folder_.path()};
        return test::run(words, options);
    }
    test::TemporaryFolder folder_;
    std::string name_;
};

}  // namespace

// Keys are typed at the prompt alone: what is typed ahead may fall between the terminal's two modes.
TEST_CASE("Prompt: lines are edited and completed, and the end of input leaves") {
    OnTerminal terminal(debug({test::debug_guest("debuggee.static")}));
    const auto command = [&](const std::string& keys, const std::string& answer) {
        REQUIRE(terminal.shows(kPrompt));
        terminal.type(keys);
        CHECK(terminal.shows(answer));
    };
    command("break factox\b\tif n == 4\r", "Breakpoint 1 at");  // Backspace, then Tab
    command("rum\b\bun\r", "factorial (n=4)");
    command("\x10\x10\r", "Breakpoint 2 at");  // Ctrl-P twice: the line before the last
    command("print n * 2\r", "$1 = 8");
    command("handle SIGUSR1 nostop\r", "nostop, pass");
    command("delete\r", "delete");
    command("c\r", "none 7 counter 45");
    CHECK(terminal.shows("exited normally"));
    REQUIRE(terminal.shows(kPrompt));
    terminal.type("\x04");
    CHECK(terminal.status() == 0);
    CHECK(terminal.echoes());
}

TEST_CASE("Prompt: Ctrl-C stops a running guest, and drops a line that is being typed") {
    OnTerminal terminal(debug({test::debug_guest("spin_aloud.static")}));
    REQUIRE(terminal.shows(kPrompt));
    terminal.type("run\r");
    REQUIRE(terminal.shows("spinning"));
    terminal.type("\x03");
    CHECK(terminal.shows("received signal SIGINT"));
    REQUIRE(terminal.shows(kPrompt));
    terminal.type("print tur\x03");
    CHECK(terminal.shows("Quit"));
    REQUIRE(terminal.shows(kPrompt));
    terminal.type("print turns >= 0\r");
    CHECK(terminal.shows("$1 = 1"));
    REQUIRE(terminal.shows(kPrompt));
    terminal.type("quit\r");
    CHECK(terminal.status() == 0);
}

TEST_CASE("Prompt: a terminal of one character, a signal to end, a closed terminal") {
    {
        OnTerminal terminal(debug({test::debug_guest("debuggee.static")}));
        REQUIRE(terminal.shows(kPrompt));
        terminal.resize(1, 1);
        terminal.type("start\r");
        CHECK(terminal.shows("main (argc=1"));
        terminal.resize(24, 80);
        terminal.send(SIGTERM);
        CHECK(terminal.status() == 128 + SIGTERM);
    }
    OnTerminal terminal(debug({"-e", "start", "--tui", test::debug_guest("debuggee.static")}));
    REQUIRE(terminal.shows("registers"));
    terminal.send(SIGTERM);
    CHECK(terminal.status() == 128 + SIGTERM);
    CHECK(terminal.seen().find("\033[?1049l") != std::string::npos);  // the screen that was there is back
}

TEST_CASE("gdb: on a terminal Ctrl-C stops a run, and the next run") {
    OnTerminal terminal(
        {MMUSCOPE_PROGRAM, "gdb", "--gdb-option=-nx", test::debug_guest("spin_often.static")});
    REQUIRE(terminal.shows("(gdb)"));
    for (const char* const command : {"run", "continue", "continue", "run", "continue"}) {
        terminal.type(std::string(command) + "\r");
        REQUIRE(terminal.shows(command[0] == 'r' ? "Starting program" : "Continuing."));
        // Before the guest runs gdb takes Ctrl-C for its own command's.
        REQUIRE(terminal.shows("spinning"));
        terminal.type("\x03");
        REQUIRE(terminal.shows("received signal SIGINT"));
        REQUIRE(terminal.shows("(gdb)"));
    }
    terminal.type("quit\r");
    CHECK(terminal.status() == 0);
}

TEST_CASE("TUI: panels of code, source, walk, TLB, map, registers, backtrace and timeline; keys step") {
    InTmux tui(
        std::string(MMUSCOPE_PROGRAM) + " debug -e start --tui " + test::debug_guest("debuggee.static"), 160,
        50);
    REQUIRE(tui.shows("char* heap = sbrk(4 * 4096);"));
    const std::string screen = tui.screen();
    for (const char* const part : {"-- code", "-- source", "-- fault", "-- registers", "-- walk 0x",
                                   "-- TLB sets of 0x", "-- memory map", "-- backtrace", "main (argc=1",
                                   "PML4E @ 0x", "PTE   @ 0x", "rip", "instruction ", "q quit"}) {
        INFO(part);
        CHECK(screen.find(part) != std::string::npos);
    }
    tui.type({"n"});
    CHECK(tui.shows("=>   35"));
    tui.type({"f"});
    CHECK(tui.shows("stage exc_page_fault"));
    CHECK(tui.shows("asm_exc_page_fault"));
    tui.type({":", "break do_anon", "Tab", "Enter"});
    CHECK(tui.shows("Breakpoint 2 at"));
    tui.type({"c"});
    CHECK(tui.shows("stage do_anonymous_page"));
    tui.type({"?"});
    CHECK(tui.shows("k steps enter the kernel"));
    tui.resize(1, 1);
    tui.resize(60, 14);
    CHECK(tui.shows("-- code"));
    tui.resize(160, 50);
    CHECK(tui.shows("-- backtrace"));
    tui.type({":", "disable", "Enter"});
    tui.type({":", "handle SIGUSR1 nostop", "Enter"});
    tui.type({"c"});
    CHECK(tui.shows("none 7 counter 45"));
    CHECK(tui.shows("exited normally"));
    // It is the panel's: a screen that is drawn anew has it still.
    tui.type({"C-l"});
    tui.type({":", "echo drawn", "Enter"});
    REQUIRE(tui.shows("(mmuscope) echo drawn"));
    CHECK(tui.shows("\nnone 7 counter 45"));
    tui.type({":", "start other", "Enter"});
    REQUIRE(tui.shows("The guest begins anew"));
    CHECK(tui.shows("main (argc=2"));
    tui.type({"c"});
    CHECK(tui.shows("\nother 7 counter 45"));
    tui.type({"q"});
    CHECK(tui.shows(kPrompt));
    CHECK(tui.shows("none 7 counter 45"));
    tui.type({"echo back", "Enter"});
    CHECK(tui.shows("back"));
}

TEST_CASE("TUI: Ctrl-C stops a guest that runs") {
    InTmux tui(std::string(MMUSCOPE_PROGRAM) + " debug --tui " + test::debug_guest("spin_aloud.static"), 100,
               40);
    REQUIRE(tui.shows("-- code"));
    tui.type({"c"});
    // One that comes before the key has been read stops nothing.
    for (int tries = 0; tries < 100 && tui.screen().find("SIGINT") == std::string::npos; ++tries) {
        tui.type({"C-c"});
        usleep(100000);
    }
    CHECK(tui.shows("received signal SIGINT"));
}

TEST_CASE("TUI: keys and clicks on the timeline go back and forward") {
    InTmux tui(
        std::string(MMUSCOPE_PROGRAM) + " debug -e start --tui " + test::debug_guest("debuggee.static"), 160,
        50);
    REQUIRE(tui.shows("=>   34"));
    tui.type({"n"});
    CHECK(tui.shows("=>   35"));
    tui.type({"N"});
    CHECK(tui.shows("=>   34"));
    CHECK(tui.shows(" of "));  // the present
    tui.type({"r", "i"});
    CHECK(tui.shows("reverse-stepi"));
    tui.type({"Home"});
    CHECK(tui.shows("instruction 0 of"));
    tui.type({"Right"});
    CHECK(tui.shows("instruction 1 of"));
    tui.type({"Left"});
    CHECK(tui.shows("instruction 0 of"));
    tui.type({"End"});
    CHECK(tui.shows("=>   35"));
    tui.type({"PPage"});
    CHECK(tui.shows("previous-fault"));
    tui.type({"g", "0%", "Enter"});
    CHECK(tui.shows("instruction 0 of"));
}

TEST_CASE("Prompt: goes back and forward on a terminal, and Ctrl-C ends a search of the past") {
    OnTerminal terminal(debug({test::debug_guest("debuggee.static")}));
    const auto command = [&](const std::string& keys, const std::string& answer) {
        REQUIRE(terminal.shows(kPrompt));
        terminal.type(keys);
        CHECK(terminal.shows(answer));
    };
    command("break factorial\r", "Breakpoint 1 at");
    command("run\r", "factorial (n=6)");
    command("c\r", "factorial (n=5)");
    command("rc\r", "factorial (n=6)");
    command("rf\r", "main (argc=1");
    command("delete\r", "delete");
    command("handle SIGUSR1 nostop\r", "nostop, pass");
    command("c\r", "none 7 counter 45");
    CHECK(terminal.shows("exited normally"));
    command("rsi\r", "_exit");
    command("quit\r", "quit");
    CHECK(terminal.status() == 0);
}
