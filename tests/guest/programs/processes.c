// Processes: what fork, wait, signals and groups do, printed so that a native run must print the same.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void show(const char *what, int status) {
    if (WIFEXITED(status)) printf("%s: exited %d\n", what, WEXITSTATUS(status));
    else if (WIFSIGNALED(status)) printf("%s: killed by %d%s\n", what, WTERMSIG(status), WCOREDUMP(status) ? " core" : "");
    else if (WIFSTOPPED(status)) printf("%s: stopped by %d\n", what, WSTOPSIG(status));
    else if (WIFCONTINUED(status)) printf("%s: continued\n", what);
    fflush(stdout);
}

static volatile int chld_count, chld_code, chld_status;
static void on_chld(int sig, siginfo_t *info, void *context) {
    (void)sig; (void)context;
    chld_count++; chld_code = info->si_code; chld_status = info->si_status;
}
static void on_usr1(int sig) { (void)sig; }

static pid_t child(void (*body)(void)) {
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) { body(); fflush(stdout); _exit(0); }
    return pid;
}
static void exit_7(void) { _exit(7); }
static void segv(void) { raise(SIGSEGV); }
static void wait_for_ever(void) { while (1) pause(); }
static void abort_it(void) { abort(); }

static void waits(void) {
    int status;
    pid_t pid = child(exit_7);
    printf("wait4 gives the child: %d\n", waitpid(pid, &status, 0) == pid);
    show("exit 7", status);
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    waitpid(child(segv), &status, 0);
    printf("segv: signal %d\n", WTERMSIG(status));
    waitpid(child(abort_it), &status, 0);
    printf("abort: signal %d\n", WTERMSIG(status));
    pid = child(wait_for_ever);
    printf("nothing yet: %d\n", waitpid(pid, &status, WNOHANG));
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    show("stop", status);
    kill(pid, SIGCONT);
    waitpid(pid, &status, WCONTINUED);
    show("cont", status);
    kill(pid, SIGTERM);
    siginfo_t info;
    memset(&info, 0, sizeof info);
    printf("waitid: %d", waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
    printf(" code %d status %d pid %d\n", info.si_code, info.si_status, info.si_pid == pid);
    waitpid(pid, &status, 0);
    show("term", status);
    printf("no child: %d errno %d\n", waitpid(-1, &status, 0), errno);
}

static void memory(void) {
    int *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int *private = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int *wiped = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *gone = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *shared = *private = *wiped = 1;
    *gone = 1;
    madvise(wiped, 4096, MADV_WIPEONFORK);
    madvise(gone, 4096, MADV_DONTFORK);
    fflush(stdout);
    if (fork() == 0) {
        printf("child sees %d %d %d, mincore %d\n", *shared, *private, *wiped, mincore(gone, 4096, (void *)shared) == 0);
        *shared = 2;
        *private = 2;
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    printf("parent sees %d %d %d\n", *shared, *private, *wiped);
}

static void signals(void) {
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART};
    action.sa_sigaction = on_chld;
    sigaction(SIGCHLD, &action, 0);
    const pid_t pid = child(exit_7);
    int status;
    while (waitpid(pid, &status, 0) < 0) {}
    printf("SIGCHLD %d code %d status %d\n", chld_count, chld_code, chld_status);
    signal(SIGCHLD, SIG_IGN);
    child(exit_7);
    printf("ignored children are not waited for: %d errno %d\n", waitpid(-1, 0, 0), errno);
    signal(SIGCHLD, SIG_DFL);
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, &old);
    fflush(stdout);
    const pid_t parent = getpid();
    const pid_t sender = fork();
    if (sender == 0) {
        union sigval value = {.sival_int = 41};
        sigqueue(parent, SIGRTMIN + 1, value);
        value.sival_int = 42;
        sigqueue(parent, SIGRTMIN + 1, value);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    waitpid(sender, 0, 0);
    for (int i = 0; i < 3; ++i) {
        siginfo_t info;
        const int got = sigwaitinfo(&set, &info);
        printf("sigwaitinfo %d code %d value %d\n", got, info.si_code, got == SIGUSR1 ? 0 : info.si_value.sival_int);
    }
    struct timespec short_time = {0, 1000000};
    printf("sigtimedwait: %d errno %d\n", sigtimedwait(&set, 0, &short_time), errno);
    sigprocmask(SIG_SETMASK, &old, 0);
    signal(SIGUSR1, on_usr1);
    fflush(stdout);
    if (fork() == 0) { struct timespec t = {0, 20000000}; nanosleep(&t, 0); kill(parent, SIGUSR1); _exit(0); }
    struct timespec long_time = {5, 0}, left;
    printf("nanosleep: %d errno %d left %d\n", nanosleep(&long_time, &left), errno, (int)left.tv_sec);
    wait(0);
}

static void groups(void) {
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) { setpgid(0, 0); while (1) pause(); }
    setpgid(pid, pid);
    printf("own group: %d\n", getpgid(pid) == pid);
    printf("kill group: %d\n", kill(-pid, SIGHUP));
    int status;
    printf("wait by group: %d\n", waitpid(-pid, &status, 0) == pid);
    show("hup", status);
    fflush(stdout);
    if (fork() == 0) {
        printf("setsid: %d %d\n", setsid() == getpid(), getsid(0) == getpid());
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int ends[2];
    if (pipe(ends)) return;
    if (fork() == 0) {
        if (fork() == 0) { char c; close(ends[1]); if (read(ends[0], &c, 1) < 0) _exit(1); _exit(9); }
        _exit(0);
    }
    wait(&status);
    close(ends[1]);
    close(ends[0]);
    wait(&status);
    show("orphan", status);
}

static void vforks(void) {
    static volatile int seen;
    const pid_t pid = vfork();
    if (pid == 0) { seen = 5; _exit(3); }
    int status;
    waitpid(pid, &status, 0);
    printf("vfork: %d\n", seen);
    show("vfork", status);
    fflush(stdout);
    const pid_t runner = vfork();
    if (runner == 0) { execl("/bin/busybox", "busybox", "echo", "from exec", (char *)0); _exit(127); }
    waitpid(runner, &status, 0);
    show("exec", status);
    errno = 0;
    printf("clone errors: %ld", syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0));
    printf(" %d", errno);
    errno = 0;
    printf(" %ld", syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0));
    printf(" %d\n", errno);
}

int main(void) {
    waits();
    memory();
    signals();
    groups();
    vforks();
    return 0;
}
