// pidfd and execveat: each call's result or error is what it is natively.
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static void say(const char* what, long result) {
    if (result < 0)
        printf("%s: %s\n", what, strerrorname_np(errno));
    else
        printf("%s: %ld\n", what, result);
    fflush(stdout);
}

static int pidfd_open_(pid_t pid, unsigned flags) { return syscall(SYS_pidfd_open, pid, flags); }
static int send(int fd, int sig, void* info, unsigned flags) {
    return syscall(SYS_pidfd_send_signal, fd, sig, info, flags);
}
static int execat(int dir, const char* path, char* const* argv, char* const* envp, int flags) {
    return syscall(SYS_execveat, dir, path, argv, envp, flags);
}

static short events_of(int fd) {
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};
    poll(&p, 1, 0);
    return p.revents;
}

static void open_and_wait(void) {
    int gate[2];
    if (pipe(gate)) return;
    const pid_t child = fork();
    if (!child) {
        char c;
        close(gate[1]);
        if (read(gate[0], &c, 1) < 0) _exit(1);
        _exit(7);
    }
    close(gate[0]);
    const int fd = pidfd_open_(child, 0);
    say("pidfd_open", fd >= 0 ? 0 : -1);
    say("close-on-exec", fcntl(fd, F_GETFD));
    say("flags", fcntl(fd, F_GETFL) & O_NONBLOCK);
    say("read", read(fd, &gate, 1));
    say("poll while it runs", events_of(fd));
    siginfo_t info;
    memset(&info, 0, sizeof info);
    say("waitid, nothing yet", waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG));
    say("its pid", info.si_pid);
    close(gate[1]);
    struct pollfd p = {fd, POLLIN, 0};
    say("poll for its end", poll(&p, 1, -1));
    say("events", p.revents);
    say("waitid", waitid(P_PIDFD, fd, &info, WEXITED | WNOWAIT));
    say("status", info.si_status);
    say("is the child", info.si_pid == child);
    say("a dead process's signal", send(fd, 0, 0, 0));
    say("waitid", waitid(P_PIDFD, fd, &info, WEXITED));
    say("and again", waitid(P_PIDFD, fd, &info, WEXITED));
    say("poll when it was waited for", events_of(fd) & (POLLIN | POLLHUP));
    say("send", send(fd, SIGTERM, 0, 0));
    close(fd);
    say("unknown pid", pidfd_open_(0x3fffff, 0));
    say("pid 0", pidfd_open_(0, 0));
    say("pid -1", pidfd_open_(-1, 0));
    say("flags", pidfd_open_(getpid(), 1));
    say("waitid of no descriptor", waitid(P_PIDFD, 999, &info, WEXITED));
    say("waitid of no pidfd", waitid(P_PIDFD, 0, &info, WEXITED));
    say("waitid of -1", waitid(P_PIDFD, -1, &info, WEXITED));
    const int own = pidfd_open_(getpid(), O_NONBLOCK);
    say("nonblocking", fcntl(own, F_GETFL) & O_NONBLOCK);
    say("own: no child", waitid(P_PIDFD, own, &info, WEXITED));
    close(own);
}

static volatile sig_atomic_t got;
static volatile int got_code, got_value;
static void note(int sig, siginfo_t* info, void* context) {
    (void)context;
    got = sig;
    got_code = info->si_code;
    got_value = info->si_value.sival_int;
}

static void signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = note;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGUSR1, &action, 0);
    const int own = pidfd_open_(getpid(), 0);
    say("send to oneself", send(own, SIGUSR1, 0, 0));
    printf("got %d code %d\n", got, got_code);
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = SIGUSR1;
    info.si_code = SI_QUEUE;
    info.si_value.sival_int = 42;
    say("with a value", send(own, SIGUSR1, &info, 0));
    printf("got %d code %d value %d\n", got, got_code, got_value);
    info.si_signo = SIGUSR2;
    say("another number", send(own, SIGUSR1, &info, 0));
    say("bad flags", send(own, SIGUSR1, 0, 1u << 20));
    say("bad signal", send(own, 65, 0, 0));
    say("bad address", send(own, SIGUSR1, (void*)8, 0));
    say("no pidfd", send(0, SIGUSR1, 0, 0));
    say("no descriptor", send(999, SIGUSR1, 0, 0));
    close(own);
}

static void from_clone(void) {
    int fd = -1;
    struct clone_args args;
    memset(&args, 0, sizeof args);
    args.flags = CLONE_PIDFD;
    args.pidfd = (uintptr_t)&fd;
    args.exit_signal = SIGCHLD;
    const pid_t child = syscall(SYS_clone3, &args, sizeof args);
    if (!child) _exit(fcntl(3, F_GETFD) < 0 ? 5 : 6);  // it has no pidfd of its own
    siginfo_t info;
    say("clone3", child > 0 ? 0 : -1);
    say("close-on-exec", fcntl(fd, F_GETFD));
    say("waitid", waitid(P_PIDFD, fd, &info, WEXITED));
    printf("%d %d\n", info.si_status, info.si_pid == child);
    close(fd);
    say("both places", syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0));
    say("detached", syscall(SYS_clone, CLONE_PIDFD | 0x400000 /* CLONE_DETACHED */ | SIGCHLD, 0, &fd, 0, 0));
    say("nowhere", syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, (void*)8, 0, 0));
}

static void get_descriptor(void) {
    int gate[2], news[2];
    if (pipe(gate) || pipe(news)) return;
    const pid_t child = fork();
    if (!child) {
        const int file = memfd_create("shared", 0);
        if (write(file, "of the child", 12) != 12) _exit(1);
        if (write(news[1], &file, sizeof file) != sizeof file) _exit(1);
        char c;
        close(gate[1]);
        if (read(gate[0], &c, 1) < 0) _exit(1);
        _exit(0);
    }
    int file = -1;
    if (read(news[0], &file, sizeof file) != sizeof file) return;
    const int fd = pidfd_open_(child, 0);
    const int mine = syscall(SYS_pidfd_getfd, fd, file, 0);
    say("pidfd_getfd", mine >= 0 ? 0 : -1);
    say("close-on-exec", fcntl(mine, F_GETFD));
    char text[32] = "";
    say("read", pread(mine, text, sizeof text, 0));
    printf("%s\n", text);
    say("not open there", syscall(SYS_pidfd_getfd, fd, 999, 0));
    say("flags", syscall(SYS_pidfd_getfd, fd, file, 1));
    say("no pidfd", syscall(SYS_pidfd_getfd, 0, file, 0));
    close(gate[0]), close(gate[1]), close(news[0]), close(news[1]);
    waitpid(child, 0, 0);
    say("of a dead one", syscall(SYS_pidfd_getfd, fd, file, 0));
    close(fd), close(mine);
}

static void run(const char* what, int dir, const char* path, int flags, char** argv) {
    const pid_t child = fork();
    if (!child) {
        char* const environment[] = {"NAME=value", 0};
        execat(dir, path, argv, environment, flags);
        printf("%s: %s\n", what, strerrorname_np(errno));
        fflush(stdout);
        _exit(99);
    }
    int status;
    waitpid(child, &status, 0);
    printf("%s: %#x\n", what, status);
    fflush(stdout);
}

static int memory_file(const char* text, unsigned flags) {
    const int fd = memfd_create("script", flags);
    fchmod(fd, 0755);
    if (write(fd, text, strlen(text)) < 0) return -1;
    return fd;
}

static void exec_at(void) {
    char* echo[] = {"echo", "from", "execveat", 0};
    char* script[] = {"script", "one", 0};
    const int bin = open("/bin", O_PATH | O_DIRECTORY), program = open("/bin/echo", O_PATH),
              readable = open("/bin/echo", O_RDONLY);
    run("beneath a folder", bin, "echo", 0, echo);
    run("by an O_PATH descriptor", program, "", AT_EMPTY_PATH, echo);
    run("by a descriptor", readable, "", AT_EMPTY_PATH, echo);
    run("absolute", 999, "/bin/echo", 0, echo);
    run("working directory", AT_FDCWD, "/bin/echo", 0, echo);
    run("empty without the flag", program, "", 0, echo);
    run("no descriptor", 999, "", AT_EMPTY_PATH, echo);
    run("no folder", 999, "echo", 0, echo);
    run("a file as folder", program, "echo", 0, echo);
    run("missing", bin, "no-such-program", 0, echo);
    run("unknown flag", bin, "echo", 1 << 20, echo);
    run("a folder", bin, "", AT_EMPTY_PATH, echo);
    run("a link", AT_FDCWD, "/proc/self/exe", AT_SYMLINK_NOFOLLOW, echo);
    const int kept = memory_file("#!/bin/sh\necho \"script $0 $*\"\n", 0);
    const int closed = memory_file("#!/bin/sh\necho \"script $0 $*\"\n", MFD_CLOEXEC);
    run("a script", kept, "", AT_EMPTY_PATH, script);
    run("a script that closes", closed, "", AT_EMPTY_PATH, script);
    const int bad = memory_file("neither program nor script", 0);
    run("neither", bad, "", AT_EMPTY_PATH, script);
}

static int go_on[2], thread_id;
static void* short_thread(void* unused) {
    char c;
    thread_id = gettid();
    if (write(go_on[1], "x", 1) != 1 || read(go_on[0] + 2, &c, 1) < 0) return NULL;
    return unused;
}

/// PIDFD_THREAD (O_EXCL): since 6.9.
static void of_a_thread(void) {
    int end[2];
    if (pipe(go_on) || pipe(end)) return;
    pthread_t thread;
    pthread_create(&thread, NULL, short_thread, NULL);
    char c, text[256];
    say("it runs", read(go_on[0], &c, 1));
    const int fd = pidfd_open_(thread_id, O_EXCL);
    say("pidfd of a thread", fd >= 0 ? 0 : -1);
    say("running", events_of(fd));
    say("signal 0", send(fd, 0, NULL, 0));
    snprintf(text, sizeof text, "/proc/self/fdinfo/%d", fd);
    FILE* info = fopen(text, "r");
    int shown = 0;
    while (info && fgets(text, sizeof text, info)) sscanf(text, "Pid: %d", &shown);
    say("fdinfo names it", shown == thread_id);
    if (write(end[1], "x", 1) != 1) return;
    pthread_join(thread, NULL);
    struct pollfd p = {fd, POLLIN, 0};
    say("ended", poll(&p, 1, -1));
    say("told", p.revents & POLLIN);
    close(fd);
}

static void* exec_thread(void* number) {
    const int fd = pidfd_open_(gettid(), O_EXCL);
    fcntl(fd, F_SETFD, 0);
    snprintf(number, 16, "%d", fd);
    execl("/proc/self/exe", "again", number, NULL);
    return number;
}

/// A thread that is no leader executes a program: its own number is gone.
static void of_an_executing_thread(void) {
    const pid_t child = fork();
    if (!child) {
        static char number[16];
        pthread_t thread;
        pthread_create(&thread, NULL, exec_thread, number);
        pause();
    }
    int status = 0;
    waitpid(child, &status, 0);
    say("it executed", WEXITSTATUS(status));
}
static int executed(int fd) {
    say("old number's events", events_of(fd) & POLLIN);
    say("signal", send(fd, 0, NULL, 0));
    return 9;
}

int main(int count, char** arguments) {
    if (count > 1) return executed(atoi(arguments[1]));
    syscall(SYS_close_range, 3, ~0u, 0);  // numbers are compared: nothing inherited but 0, 1, 2
    open_and_wait();
    signals();
    from_clone();
    get_descriptor();
    of_a_thread();
    of_an_executing_thread();
    exec_at();
    return 0;
}
