#include "emu/prompt/guest_terminal.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

namespace emu {
namespace {

/// Copies until the terminal has no writer any more. It shares nothing but the two descriptors.
[[noreturn]] void collect(int from, int into) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) ::signal(signal, SIG_IGN);
    char part[4096];
    while (true) {
        const ssize_t got = ::read(from, part, sizeof part);
        if (got <= 0) _exit(0);
        // Terminals end lines with two characters.
        char* const end = std::remove(part, part + got, '\r');
        (void)!::write(into, part, static_cast<size_t>(end - part));
    }
}

}  // namespace

GuestTerminal::GuestTerminal() {
    ::fflush(nullptr);
    saved_out_ = fcntl(1, F_DUPFD_CLOEXEC, 3);
    saved_error_ = fcntl(2, F_DUPFD_CLOEXEC, 3);
    collected_ = memfd_create("guest output", MFD_CLOEXEC);
    int master = -1, slave = -1;
    if (saved_out_ < 0 || saved_error_ < 0 || collected_ < 0) return;
    struct winsize size = {24, 80, 0, 0};
    if (openpty(&master, &slave, nullptr, nullptr, &size) != 0) return;
    collector_ = fork();
    if (collector_ == 0) {
        // Nothing else may be held open by it: readers of pipes would wait for ever.
        for (int fd = 0; fd < 1024; ++fd)
            if (fd != master && fd != collected_) ::close(fd);
        collect(master, collected_);
    }
    if (collector_ > 0) {
        dup2(slave, 1);
        dup2(slave, 2);
    }
    ::close(master);
    ::close(slave);
}

GuestTerminal::~GuestTerminal() {
    ::fflush(nullptr);
    if (collector_ > 0) {
        dup2(saved_out_, 1);
        dup2(saved_error_, 2);
        // The last writer is gone: what is on the way arrives, then the end.
        waitpid(collector_, nullptr, 0);
        const std::string text = output();
        (void)!::write(1, text.data(), text.size());
    }
    for (const int fd : {saved_out_, saved_error_, collected_})
        if (fd >= 0) ::close(fd);
}

std::string GuestTerminal::output() const {
    constexpr off_t kMost = 65536;
    if (collected_ < 0) return {};
    const off_t size = lseek(collected_, 0, SEEK_END);
    std::string text(static_cast<size_t>(std::clamp<off_t>(size, 0, kMost)), '\0');
    const ssize_t got = ::pread(collected_, text.data(), text.size(), std::max<off_t>(0, size - kMost));
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
}

}  // namespace emu
