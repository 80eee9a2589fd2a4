// Pseudo-terminals: the line discipline, modes, job control and hang-ups, as a program on either side sees them.
// Because of those delays Linux's answers were recorded (pty.expected) instead of being asked for again each time.
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void say(const char* what, long result) {
    if (result < 0)
        printf("%s: %s\n", what, strerrorname_np(errno));
    else
        printf("%s: %ld\n", what, result);
    fflush(stdout);
}

static void show(const char* what, const char* bytes, long count) {
    printf("%s: %ld \"", what, count);
    for (long i = 0; i < count; ++i) {
        const unsigned char c = bytes[i];
        if (c >= 32 && c < 127)
            putchar(c);
        else
            printf("\\x%02x", c);
    }
    printf("\"\n");
    fflush(stdout);
}

static char buffer[8192];
static int master, slave;

static void take(const char* what, int fd) {
    struct pollfd p = {fd, POLLIN, 0};
    if (poll(&p, 1, 50) == 0) {
        printf("%s: nothing\n", what);
        fflush(stdout);
        return;
    }
    const long count = read(fd, buffer, sizeof buffer);
    if (count < 0)
        say(what, count);
    else
        show(what, buffer, count);
}

static void type(const char* text) {
    if (write(master, text, strlen(text)) < 0) say("write", -1);
    usleep(30000);  // Linux's line discipline works in the background
}
static void put(const char* text) {
    if (write(slave, text, strlen(text)) < 0) say("write", -1);
}

static int events(int fd) {
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};
    poll(&p, 1, 0);
    return p.revents;
}

static void open_pair(void) {
    master = posix_openpt(O_RDWR | O_NOCTTY);
    say("master", master >= 0 ? 0 : -1);
    int locked = -1;
    ioctl(master, TIOCGPTLCK, &locked);
    say("locked", locked);
    char name[64];
    strcpy(name, ptsname(master));
    printf("name %d\n", strncmp(name, "/dev/pts/", 9));
    say("a locked slave", open(name, O_RDWR | O_NOCTTY));
    say("grantpt", grantpt(master));
    say("unlockpt", unlockpt(master));
    slave = open(name, O_RDWR | O_NOCTTY);
    say("slave", slave >= 0 ? 0 : -1);
    printf("isatty %d %d, ttyname %d\n", isatty(master), isatty(slave), strcmp(ttyname(slave), name));
    struct stat status;
    fstat(slave, &status);
    printf("mode %o major %u\n", status.st_mode, major(status.st_rdev));
    stat(name, &status);
    printf("by name %o major %u\n", status.st_mode, major(status.st_rdev));
    fstat(master, &status);
    printf("ptmx %u:%u\n", major(status.st_rdev), minor(status.st_rdev));
    say("missing", stat("/dev/pts/99999", &status));
}

static void defaults(void) {
    struct termios t;
    say("tcgetattr", tcgetattr(slave, &t));
    printf("%x %x %x %x\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
    for (int i = 0; i < 19; ++i) printf("%02x%c", t.c_cc[i], i == 18 ? '\n' : ' ');
    struct winsize size = {0, 0, 0, 0};
    say("size", ioctl(slave, TIOCGWINSZ, &size));
    printf("%d x %d\n", size.ws_row, size.ws_col);
    size.ws_row = 50, size.ws_col = 132;
    say("set size", ioctl(master, TIOCSWINSZ, &size));
    memset(&size, 0, sizeof size);
    ioctl(slave, TIOCGWINSZ, &size);
    printf("%d x %d\n", size.ws_row, size.ws_col);
    say("seek", lseek(slave, 0, SEEK_SET));
    say("foreground group of no session", tcgetpgrp(slave));
    say("unknown request", ioctl(slave, 0x5499, 0));
}

static void lines(void) {
    printf("events %x %x\n", events(master), events(slave));
    type("hello");
    take("echo", master);
    take("no line yet", slave);
    type(" world\n");
    take("echo", master);
    int count = 0;
    ioctl(slave, FIONREAD, &count);
    printf("FIONREAD %d, events %x\n", count, events(slave));
    take("line", slave);
    type("one\ntwo\nthree\n");
    take("first", slave);
    long part = read(slave, buffer, 2);
    show("a part", buffer, part);
    take("the rest", slave);
    take("third", slave);
    take("echo", master);
    type("abc\x7f\x7f" "XY\n");
    take("erased", slave);
    take("echo", master);
    type("one two  three\x17\x17" "four\n");
    take("words erased", slave);
    take("echo", master);
    type("all of it\x15other\n");
    take("killed", slave);
    take("echo", master);
    type("a\x16\x03" "b\x01\n");
    take("literal", slave);
    take("echo", master);
    type("end\x04");
    take("without newline", slave);
    type("\x04");
    take("end of file", slave);
    take("echo", master);
    type("cr\r");
    take("carriage return", slave);
    take("echo", master);
    type("re\x12print\n");
    take("reprinted", slave);
    take("echo", master);
}

static void output(void) {
    put("line\nnext\ttab\rback\n");
    take("processed", master);
    struct termios t;
    tcgetattr(slave, &t);
    const struct termios saved = t;
    t.c_oflag |= XTABS;
    tcsetattr(slave, TCSANOW, &t);
    put("a\tbc\td\n");
    take("tabs", master);
    t.c_oflag = OPOST | OCRNL;
    tcsetattr(slave, TCSANOW, &t);
    put("x\ry\n");
    take("OCRNL", master);
    t.c_oflag = 0;
    tcsetattr(slave, TCSANOW, &t);
    put("x\ry\n");
    take("raw", master);
    tcsetattr(slave, TCSANOW, &saved);
    type("\x13");  // Ctrl-S
    fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
    put("held\n");
    take("stopped", master);
    printf("writable %d\n", (events(slave) & POLLOUT) != 0);
    type("\x11");
    put("free\n");
    take("started", master);
    memset(buffer, 'x', sizeof buffer);
    long sum = 0, count;
    while ((count = write(slave, buffer, sizeof buffer)) > 0) sum += count;
    printf("full %d, %s\n", sum > 1000, strerrorname_np(errno));
    printf("not writable %d\n", !(events(slave) & POLLOUT));
    fcntl(slave, F_SETFL, O_RDWR);
    fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
    while ((count = read(master, buffer, sizeof buffer)) > 0) sum -= count;
    printf("drained %ld, %s\n", sum, strerrorname_np(errno));
    fcntl(master, F_SETFL, O_RDWR);
}

static void raw(void) {
    struct termios t;
    tcgetattr(slave, &t);
    const struct termios saved = t;
    cfmakeraw(&t);
    tcsetattr(slave, TCSANOW, &t);
    type("a\x03\x7f\r\n\x04");
    take("raw", slave);
    take("no echo", master);
    t.c_cc[VMIN] = 3;
    tcsetattr(slave, TCSANOW, &t);
    type("ab");
    take("two of three", slave);
    type("c");
    take("three", slave);
    t.c_cc[VMIN] = 0;
    tcsetattr(slave, TCSANOW, &t);
    say("nothing at once", read(slave, buffer, 10));
    t.c_cc[VTIME] = 1;
    tcsetattr(slave, TCSANOW, &t);
    say("nothing in a while", read(slave, buffer, 10));
    type("late");
    say("something", read(slave, buffer, 10));
    tcsetattr(slave, TCSANOW, &saved);
    type("lost");
    tcflush(slave, TCIFLUSH);
    type("kept\n");
    take("after a flush", slave);
    take("echo", master);
    t = saved;
    t.c_lflag &= ~ECHO;
    tcsetattr(slave, TCSANOW, &t);
    type("password\n");
    take("without echo", slave);
    take("echo", master);
    t.c_lflag |= ECHONL;
    tcsetattr(slave, TCSANOW, &t);
    type("password\n");
    take("with its newline", slave);
    take("echo", master);
    tcsetattr(slave, TCSANOW, &saved);
    fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
    say("nonblocking", read(slave, buffer, 10));
    fcntl(slave, F_SETFL, O_RDWR);
}

static volatile sig_atomic_t seen[65];
static void note(int sig) { ++seen[sig]; }

/// In a session of its own with the terminal as the controlling one.
static void in_session(void) {
    say("setsid", setsid() > 0 ? 0 : -1);
    say("no terminal", open("/dev/tty", O_RDWR));
    say("TIOCSCTTY", ioctl(slave, TIOCSCTTY, 0));
    printf("session %d, group %d\n", tcgetsid(slave) == getpid(), tcgetpgrp(slave) == getpgrp());
    const int own = open("/dev/tty", O_RDWR);
    say("/dev/tty", own >= 0 ? 0 : -1);
    close(own);
    signal(SIGINT, note), signal(SIGQUIT, note), signal(SIGTSTP, note), signal(SIGWINCH, note);
    type("dropped\x03");
    printf("SIGINT %d\n", seen[SIGINT]);
    take("echo", master);
    type("\x1c\x1a");
    printf("SIGQUIT %d SIGTSTP %d\n", seen[SIGQUIT], seen[SIGTSTP]);
    take("echo", master);
    struct winsize size = {40, 100, 0, 0};
    ioctl(master, TIOCSWINSZ, &size);
    ioctl(master, TIOCSWINSZ, &size);
    usleep(1000);
    printf("SIGWINCH %d\n", seen[SIGWINCH]);

    fflush(stdout);
    // A child in a group of its own, in the background.
    signal(SIGTTOU, SIG_IGN);
    int gate[2];
    if (pipe(gate)) return;
    pid_t child = fork();
    if (!child) {
        char c;
        setpgid(0, 0);
        signal(SIGTTOU, SIG_DFL), signal(SIGTTIN, SIG_DFL);
        if (read(gate[0], &c, 1) != 1) _exit(9);
        const long count = read(slave, buffer, 10);
        show("the child reads", buffer, count);
        struct termios t;
        tcgetattr(slave, &t);
        say("the child sets modes", tcsetattr(slave, TCSANOW, &t));
        _exit(3);
    }
    setpgid(child, child);
    if (write(gate[1], "", 1) != 1) return;
    fflush(stdout);
    int status;
    waitpid(child, &status, WUNTRACED);
    printf("stopped by %d\n", WIFSTOPPED(status) ? WSTOPSIG(status) : -1);
    say("to the foreground", tcsetpgrp(slave, child));
    type("for you\n");
    kill(-child, SIGCONT);
    waitpid(child, &status, WUNTRACED);
    printf("exited %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    say("a group of nobody", tcsetpgrp(slave, 0x3fffff));
    say("back", tcsetpgrp(slave, getpgrp()));
    take("echo", master);
    child = fork();
    if (!child) {
        setpgid(0, 0);
        signal(SIGTTOU, SIG_DFL);
        struct termios t;
        tcgetattr(slave, &t);
        tcsetattr(slave, TCSANOW, &t);
        _exit(4);
    }
    waitpid(child, &status, WUNTRACED);
    printf("modes from the background: stopped by %d\n", WIFSTOPPED(status) ? WSTOPSIG(status) : -1);
    kill(-child, SIGKILL), kill(-child, SIGCONT);
    waitpid(child, &status, 0);
    child = fork();
    if (!child) {
        setpgid(0, 0);
        signal(SIGTTIN, SIG_IGN);
        say("a read that cannot be stopped", read(slave, buffer, 10));
        _exit(5);
    }
    waitpid(child, &status, 0);
    printf("exited %d\n", WEXITSTATUS(status));
}

int main(void) {
    open_pair();
    defaults();
    lines();
    output();
    raw();
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        in_session();
        _exit(0);
    }
    waitpid(child, 0, 0);
    close(slave);
    printf("events without a slave %x\n", events(master));
    say("read without a slave", read(master, buffer, 10));
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    put("again\n");
    take("with a new slave", master);
    child = fork();
    if (!child) {
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        close(master);
        signal(SIGHUP, note);
        while (!seen[SIGHUP]) usleep(1000);
        printf("SIGHUP %d\n", seen[SIGHUP]);
        say("read", read(slave, buffer, 10));
        say("write", write(slave, "x", 1));
        printf("events %x\n", events(slave));
        fflush(stdout);
        _exit(0);
    }
    usleep(20000);
    close(master);
    waitpid(child, 0, 0);
    return 0;
}
