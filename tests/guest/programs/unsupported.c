// Requests of prctl, ioctl, fcntl and the socket calls that no Linux has, or that are about other things: what
// each is answered natively it must be answered here. Each is asked twice.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char* what, long result) { printf("%s %ld\n", what, result < 0 ? -(long)errno : result); }

static void ask(const char* self) {
    const int file = open(self, O_RDONLY), folder = open("/", O_RDONLY), again = dup(file);
    const int sock = socket(AF_UNIX, SOCK_STREAM, 0);
    int ends[2], value = 0;
    unsigned long hint = 77;
    if (pipe(ends)) return;
    say("prctl", prctl(12345, 0, 0, 0, 0));
    say("unalign", prctl(PR_GET_UNALIGN, &value));
    say("speculation", prctl(PR_GET_SPECULATION_CTRL, 77, 0, 0, 0));
    say("speculation, arguments", prctl(PR_GET_SPECULATION_CTRL, 0, 1, 0, 0));
    say("arch_prctl", syscall(SYS_arch_prctl, 0x7777, 0));
    say("ioctl file", ioctl(file, 0xdeadbeef, &value));
    say("ioctl folder", ioctl(folder, 0xdeadbeef, &value));
    say("ioctl pipe", ioctl(ends[0], 0xdeadbeee, &value));
    say("ioctl socket", ioctl(sock, 0xdeadbeed, &value));
    int on = 1;
    say("signals of a socket", ioctl(sock, FIOASYNC, &on));
    say("is on", (fcntl(sock, F_GETFL) & O_ASYNC) != 0);
    on = 0;
    say("no signals", ioctl(sock, FIOASYNC, &on));
    say("is off", (fcntl(sock, F_GETFL) & O_ASYNC) != 0);
    say("signals of a pipe", ioctl(ends[0], FIOASYNC, &on));
    on = 1;
    say("of a file", ioctl(file, FIOASYNC, &on));
    say("a terminal's", ioctl(file, TIOCGSID, &value));
    say("a terminal's of a pipe", ioctl(ends[0], TIOCGWINSZ, &value));
    say("fcntl", fcntl(file, 77, 0));
    say("lease", fcntl(file, F_GETLEASE));
    say("no lease", fcntl(file, F_SETLEASE, F_UNLCK));
    say("notify", fcntl(file, F_NOTIFY, DN_MODIFY));
    say("notify nothing", fcntl(file, F_NOTIFY, 0));
    say("same file", fcntl(file, 1027, again));
    say("another", fcntl(file, 1027, folder));
    say("none", fcntl(file, 1027, 99));
    say("hint", fcntl(file, 1035, &hint));
    say("hint", (long)hint);
    say("family", socket(19, SOCK_STREAM, 0));
    say("no family", socket(46, SOCK_STREAM, 0));
    say("negative family", socket(-1, SOCK_STREAM, 0));
    say("option", setsockopt(sock, SOL_SOCKET, 9999, &value, sizeof value));
    socklen_t size = sizeof value;
    say("option", getsockopt(sock, SOL_SOCKET, 9998, &value, &size));
    close(file), close(folder), close(again), close(sock), close(ends[0]), close(ends[1]);
}

int main(int argc, char** argv) {
    (void)argc;
    ask(argv[0]);
    ask(argv[0]);
    return 0;
}
