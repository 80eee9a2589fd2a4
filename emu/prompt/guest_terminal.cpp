#include "emu/prompt/guest_terminal.h"

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include <initializer_list>

namespace emu {

GuestTerminal::GuestTerminal() {
    struct winsize size = {24, 80, 0, 0};
    if (openpty(&master_, &slave_, nullptr, nullptr, &size) != 0) return;
    for (const int fd : {master_, slave_}) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

GuestTerminal::~GuestTerminal() {
    for (const int fd : {master_, slave_})
        if (fd >= 0) ::close(fd);
}

}  // namespace emu
