#include "emu/cli/terminal.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <cstring>
#include <initializer_list>
#include <utility>

namespace emu {

namespace {

// A signal handler has nothing but globals; they are written before the handler is set.
termios saved;
int terminal = -1;

constexpr int kDeadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGHUP, SIGQUIT};

void restore() {
    if (terminal < 0) return;
    // A background process that sets its terminal would be stopped.
    sigset_t mask, before;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTTOU);
    sigprocmask(SIG_BLOCK, &mask, &before);
    (void)tcsetattr(terminal, TCSADRAIN, &saved);
    sigprocmask(SIG_SETMASK, &before, nullptr);
}

void die(int signal) {
    restore();
    raise(signal);  // its default action is back (SA_RESETHAND)
}

}  // namespace

TerminalGuard::TerminalGuard(const std::string& settings) {
    for (const int fd : {0, 1, 2}) {
        if (terminal >= 0 || tcgetattr(fd, &saved) != 0) continue;
        terminal = fd;
    }
    if (settings.size() == sizeof saved) std::memcpy(&saved, settings.data(), sizeof saved);
    if (terminal < 0) return;
    struct sigaction action {};
    action.sa_handler = die;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    for (const int signal : kDeadly) {
        struct sigaction old {};
        if (sigaction(signal, nullptr, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(signal, &action, nullptr);
    }
}

std::string TerminalGuard::hand_on() {
    if (std::exchange(terminal, -1) < 0) return {};
    return {reinterpret_cast<const char*>(&saved), sizeof saved};
}

TerminalGuard::~TerminalGuard() {
    restore();
    terminal = -1;
}

}  // namespace emu
