// What wakes whom: epoll's edges, one-shots, order, nests and exclusive items, SIGIO of pipes, sockets,
// terminals and inotify, what signalfd tells of children and timers. Each line is as natively.
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static long say(int line, const char* what, long result) {
    printf("%d %s: %ld%s%s\n", line, what, result, result < 0 ? " " : "",
           result < 0 ? strerrorname_np(errno) : "");
    fflush(stdout);
    return result;
}
#define SAY(call) say(__LINE__, #call, (long)(call))

static struct epoll_event out[8];
static char bytes[65536];

static int watch(int epoll, int fd, unsigned events, int data) {
    struct epoll_event event = {events, {.u64 = (unsigned)data}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}
static int look(int epoll) {
    const int n = epoll_wait(epoll, out, 8, 0);
    for (int i = 0; i < n; ++i) printf("[%x %d]", out[i].events, (int)out[i].data.u64);
    return n;
}

/// Wake-ups carry what they are about: an item hears only of that.
static void edges(void) {
    int p[2];
    if (pipe2(p, O_NONBLOCK)) exit(1);
    const int e = epoll_create1(0);
    SAY(watch(e, p[0], EPOLLIN | EPOLLET, 1));
    SAY(watch(e, p[1], EPOLLOUT | EPOLLET, 2));
    SAY(look(e));
    SAY(write(p[1], "abc", 3));
    SAY(look(e));
    SAY(read(p[0], bytes, 1));
    SAY(look(e));
    SAY(write(p[1], bytes, sizeof bytes - 4096));
    SAY(write(p[1], bytes, 4096));
    SAY(look(e));
    SAY(read(p[0], bytes, 100));
    SAY(look(e));
    SAY(read(p[0], bytes, 8192));
    SAY(look(e));
    SAY(close(p[1]));
    SAY(look(e));
    uint64_t one = 1;
    const int f = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);
    SAY(watch(e, f, EPOLLIN | EPOLLET, 3));
    for (int i = 0; i < 2; ++i) SAY(write(f, &one, 8));
    SAY(look(e));
    SAY(read(f, &one, 8));
    SAY(look(e));
    int s[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    SAY(watch(e, s[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, 4));
    SAY(look(e));
    SAY(write(s[1], "x", 1));
    SAY(look(e));
    SAY(read(s[0], bytes, 1));
    SAY(look(e));
    SAY(write(s[0], "x", 1));
    SAY(read(s[1], bytes, 1));
    SAY(look(e));
    SAY(shutdown(s[1], SHUT_WR));
    SAY(look(e));
}

static void order_and_nests(void) {
    int p[2], q[2];
    if (pipe(p) || pipe(q)) exit(1);
    const int e = epoll_create1(0), middle = epoll_create1(0), top = epoll_create1(0),
              edge = epoll_create1(0);
    const int other = dup(p[0]);
    SAY(watch(e, p[0], EPOLLIN, 1));
    SAY(watch(e, other, EPOLLIN, 2));
    SAY(write(p[1], "x", 1));
    SAY(look(e));  // the last that was added first
    SAY(close(p[0]));
    SAY(look(e));
    SAY(watch(middle, q[0], EPOLLIN, 1));
    SAY(watch(top, middle, EPOLLIN, 2));
    SAY(watch(middle, top, EPOLLIN, 3));
    SAY(write(q[1], "x", 1));
    SAY(look(top));
    struct pollfd poll_top = {top, POLLIN, 0};
    SAY(poll(&poll_top, 1, 0));
    SAY(read(q[0], bytes, 1));
    SAY(poll(&poll_top, 1, 0));
    SAY(watch(edge, middle, EPOLLIN | EPOLLET, 4));
    SAY(look(edge));
    for (int i = 0; i < 2; ++i) {
        SAY(write(q[1], "x", 1));
        SAY(look(edge));
        SAY(look(edge));
    }
    SAY(look(middle));
    SAY(look(edge));
}

static void until_asleep(pid_t pid) {
    char path[32], state[64] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    while (!strstr(state, ") S ")) {
        usleep(1000);
        const int fd = open(path, O_RDONLY);
        if (fd < 0 || read(fd, state, sizeof state - 1) < 0) exit(1);
        close(fd);
    }
}

/// Two processes wait each in an epoll of its own; of exclusive items one is woken.
static void exclusive(void) {
    int p[2], told[2], others = 0;
    pid_t waiting[2];
    if (pipe(p) || pipe(told)) exit(1);
    for (int i = 0; i < 2; ++i) {
        waiting[i] = fork();
        if (waiting[i]) continue;
        const int e = epoll_create1(0);
        watch(e, p[0], EPOLLIN | EPOLLEXCLUSIVE, i);
        if (epoll_wait(e, out, 8, -1) != 1 || write(told[1], "1", 1) != 1) _exit(1);
        pause();
    }
    for (int i = 0; i < 2; ++i) until_asleep(waiting[i]);
    SAY(write(p[1], "x", 1));
    SAY(read(told[0], bytes, 1));
    usleep(20000);
    SAY(ioctl(told[0], FIONREAD, &others));
    printf("others woken: %d\n", others);
    for (int i = 0; i < 2; ++i) kill(waiting[i], SIGKILL);
    while (wait(NULL) > 0) {
    }
}

static int expected_fd;
static void heard(int signal, siginfo_t* info, void* context) {
    (void)context;
    const int told = info->si_code > 0 && info->si_code != SI_KERNEL;
    printf("  [SIG%d code %d band %lx fd %s]\n", signal - (signal > 33 ? SIGRTMIN : 0), info->si_code,
           told ? (long)info->si_band : 0, !told ? "-" : info->si_fd == expected_fd ? "the one" : "other");
}
static void own(int fd, int signal) {
    expected_fd = fd;
    SAY(fcntl(fd, F_SETOWN, getpid()));
    SAY(fcntl(fd, F_SETSIG, signal));
    SAY(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
}

static void sigio_of_pipes(void) {
    int p[2];
    if (pipe(p)) exit(1);
    own(p[0], 0);
    SAY(write(p[1], "x", 1));
    SAY(fcntl(p[0], F_SETSIG, SIGRTMIN));
    SAY(write(p[1], "x", 1));
    SAY(write(p[1], "x", 1));
    SAY(read(p[0], bytes, 10));
    SAY(fcntl(p[0], F_SETFL, 0));
    SAY(write(p[1], "x", 1));
    own(p[1], SIGRTMIN + 1);
    SAY(read(p[0], bytes, 10));
    SAY(fcntl(p[1], F_SETFL, O_NONBLOCK | O_ASYNC));
    SAY(write(p[1], bytes, sizeof bytes));
    SAY(write(p[1], bytes, 10));
    SAY(read(p[0], bytes, 4096));
    SAY(close(p[0]));
}

static void sigio_of_others(void) {
    int s[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    own(s[0], SIGRTMIN + 2);
    SAY(write(s[1], "abc", 3));
    SAY(read(s[0], bytes, 3));
    SAY(shutdown(s[1], SHUT_WR));
    SAY(close(s[1]));
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un name = {AF_UNIX, "\0mmuscope.readiness"};
    const socklen_t size = sizeof name.sun_family + 19;
    SAY(bind(listener, (void*)&name, size));
    SAY(listen(listener, 1));
    own(listener, SIGRTMIN + 3);
    SAY(connect(client, (void*)&name, size));
    int master, terminal;
    if (openpty(&master, &terminal, NULL, NULL, NULL)) exit(1);
    own(terminal, SIGRTMIN + 5);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 5);
    sigprocmask(SIG_BLOCK, &set, NULL);  // natively a terminal's input comes a little later
    siginfo_t info;
    const struct timespec most = {5, 0};
    SAY(write(master, "ab\n", 3));
    SAY(sigtimedwait(&set, &info, &most) == SIGRTMIN + 5);
    heard(SIGRTMIN + 5, &info, NULL);
    struct termios raw;
    tcgetattr(terminal, &raw);
    cfmakeraw(&raw);
    tcsetattr(terminal, TCSANOW, &raw);
    SAY(write(master, "a", 1));
    SAY(sigtimedwait(&set, &info, &most) == SIGRTMIN + 5);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    int on = 1, owner = 0;
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    owner = getpid();
    SAY(ioctl(s[0], FIOSETOWN, &owner));
    SAY(ioctl(s[0], FIOASYNC, &on));
    SAY(write(s[1], "x", 1));
    SAY(ioctl(s[0], FIOGETOWN, &owner));
    SAY(owner == getpid());
    const int e = epoll_create1(0);
    SAY(ioctl(e, FIOASYNC, &on));
    SAY(fcntl(e, F_SETFL, O_ASYNC));
    SAY(fcntl(e, F_GETFL));
}

static void owners(void) {
    int p[2];
    if (pipe(p)) exit(1);
    own(p[0], 0);
    struct {
        int type, pid;
    } owner = {0, 0};
    SAY(fcntl(p[0], F_GETOWN) == getpid());
    SAY(fcntl(p[0], F_SETOWN, 1 << 30));
    SAY(fcntl(p[0], F_SETOWN, -(1 << 30)));
    SAY(fcntl(p[0], F_SETOWN, 1 << 31));
    SAY(fcntl(p[0], F_SETSIG, 65));
    SAY(fcntl(p[0], F_SETOWN, -getpgrp()));
    SAY(fcntl(p[0], F_GETOWN_EX, &owner));
    printf("%d %d\n", owner.type, owner.pid == getpgrp());
    owner.type = 5;
    SAY(fcntl(p[0], F_SETOWN_EX, &owner));
    owner.type = F_OWNER_TID;
    owner.pid = gettid();
    SAY(fcntl(p[0], F_SETOWN_EX, &owner));
    SAY(write(p[1], "x", 1));
    SAY(fcntl(p[0], F_SETOWN, 0));
    SAY(fcntl(p[0], F_GETOWN));
    SAY(write(p[1], "x", 1));
    int status;
    if (!fork()) {  // no room for what is told: SIGIO
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_SIGPENDING, &none);
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
        own(p[0], SIGRTMIN + 4);
        SAY(write(p[1], "x", 1));
        sigpending(&all);
        for (int i = 1; i <= 64; ++i)
            if (sigismember(&all, i) == 1) printf("pending: %d\n", i);
        errno = 0;
        const union sigval value = {0};
        SAY(sigqueue(getpid(), SIGRTMIN + 6, value));
        SAY(sigqueue(getpid(), SIGUSR1, value));
        SAY(kill(getpid(), SIGRTMIN + 6));  // comes, but says nothing of who sent it
        SAY(kill(getpid(), SIGRTMIN + 6));
        siginfo_t info;
        sigemptyset(&all);
        sigaddset(&all, SIGRTMIN + 6);
        SAY(sigwaitinfo(&all, &info) == SIGRTMIN + 6);
        printf("%d %d\n", info.si_code, info.si_pid);
        const struct timespec now = {0, 0};
        SAY(sigtimedwait(&all, &info, &now));
        exit(0);
    }
    wait(&status);
    if (!fork()) {
        signal(SIGIO, SIG_DFL);
        own(p[0], 0);
        if (write(p[1], "x", 1) != 1) _exit(1);
        _exit(0);
    }
    wait(&status);
    printf("killed by %d\n", WTERMSIG(status));
}

static void signal_files(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    const int signals = signalfd(-1, &set, 0);
    const pid_t child = fork();
    if (!child) _exit(7);
    struct signalfd_siginfo info;
    SAY(read(signals, &info, sizeof info) == sizeof info);
    printf("%u %d %d %d\n", info.ssi_signo, info.ssi_code, info.ssi_status, (pid_t)info.ssi_pid == child);
    timer_t posix;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    event.sigev_value.sival_int = 55;
    SAY(timer_create(CLOCK_MONOTONIC, &event, &posix));
    const struct itimerspec soon = {{0, 0}, {0, 1000}};
    SAY(timer_settime(posix, 0, &soon, NULL));
    SAY(read(signals, &info, sizeof info) == sizeof info);
    printf("%u %d %d %d %u\n", info.ssi_signo, info.ssi_code, info.ssi_int, info.ssi_pid, info.ssi_overrun);
}

int main(void) {
    struct sigaction action = {0};
    action.sa_sigaction = heard;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(SIGIO, &action, NULL);
    for (int i = 0; i < 6; ++i) sigaction(SIGRTMIN + i, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    edges();
    order_and_nests();
    exclusive();
    sigio_of_pipes();
    sigio_of_others();
    owners();
    signal_files();
    return 0;
}
