// Timers and clocks of CPU time: what expires, in which order and with which signal; not how long it took.
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say(const char* what, long result) {
    if (result < 0)
        printf("%s: %s\n", what, strerrorname_np(errno));
    else
        printf("%s: %ld\n", what, result);
    fflush(stdout);
}

static long long ns_of(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t)) return -1;
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static volatile sig_atomic_t seen[65];
static volatile unsigned long spun;
static void count(int sig) { ++seen[sig]; }

static void spin(long long ns) {
    const long long end = ns_of(CLOCK_PROCESS_CPUTIME_ID) + ns;
    while (ns_of(CLOCK_PROCESS_CPUTIME_ID) < end) ++spun;
}
static void spin_until(int sig) {
    while (!seen[sig]) ++spun;
}

static void interval_timers(void) {
    for (int which = ITIMER_VIRTUAL; which <= ITIMER_PROF; ++which) {
        const int sig = which == ITIMER_VIRTUAL ? SIGVTALRM : SIGPROF;
        struct itimerval once = {{0, 0}, {0, 20000}}, old, now;
        signal(sig, count);
        say("setitimer", setitimer(which, &once, &old));
        printf("was %ld.%06ld\n", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
        say("getitimer", getitimer(which, &now));
        printf("runs %d\n", now.it_value.tv_usec > 0 && now.it_value.tv_usec <= 30000);
        usleep(60000);  // CPU time stands still
        printf("after a nap %d\n", seen[sig]);
        spin_until(sig);
        getitimer(which, &now);
        printf("expired %d, left %ld\n", seen[sig], (long)now.it_value.tv_usec);
        const struct itimerval often = {{0, 12000}, {0, 12000}}, none = {{0, 0}, {0, 0}};
        seen[sig] = 0;
        setitimer(which, &often, 0);
        while (seen[sig] < 3) ++spun;
        setitimer(which, &none, &old);
        printf("interval %d\n", old.it_interval.tv_usec >= 12000 && old.it_interval.tv_usec <= 16000);
        const struct itimerval bad = {{0, 0}, {0, 1000000}};
        say("bad", setitimer(which, &bad, 0));
    }
    // Not inherited by fork.
    const struct itimerval later = {{0, 0}, {5, 0}};
    setitimer(ITIMER_PROF, &later, 0);
    if (!fork()) {
        struct itimerval now;
        getitimer(ITIMER_PROF, &now);
        printf("child's %ld\n", (long)now.it_value.tv_sec);
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    const struct itimerval none = {{0, 0}, {0, 0}};
    setitimer(ITIMER_PROF, &none, 0);
}

static void posix_timer(const char* what, clockid_t clock) {
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    timer_t timer;
    signal(SIGUSR1, count);
    seen[SIGUSR1] = 0;
    printf("%s\n", what);
    const int made = timer_create(clock, &event, &timer);
    say("timer_create", made);
    if (made) return;
    const struct itimerspec once = {{0, 0}, {0, 20000000}}, none = {{0, 0}, {0, 0}};
    struct itimerspec now;
    say("timer_settime", timer_settime(timer, 0, &once, 0));
    timer_gettime(timer, &now);
    printf("runs %d\n", now.it_value.tv_nsec > 0);
    usleep(50000);
    printf("after a nap %d\n", seen[SIGUSR1]);
    spin_until(SIGUSR1);
    timer_gettime(timer, &now);
    printf("expired %d, left %ld\n", seen[SIGUSR1], now.it_value.tv_nsec);
    struct timespec t;
    clock_gettime(clock, &t);
    struct itimerspec at = {{0, 0}, t};
    at.it_value.tv_sec += 100;
    say("absolute", timer_settime(timer, TIMER_ABSTIME, &at, 0));
    timer_gettime(timer, &now);
    printf("left %d\n", now.it_value.tv_sec >= 98 && now.it_value.tv_sec <= 100);
    seen[SIGUSR1] = 0;
    at.it_value = t;  // in the past
    say("past", timer_settime(timer, TIMER_ABSTIME, &at, 0));
    spin_until(SIGUSR1);
    say("disarm", timer_settime(timer, 0, &none, 0));
    say("timer_delete", timer_delete(timer));
}

static void* sleeper(void* place) {
    *(clockid_t*)place = 0;
    pthread_getcpuclockid(pthread_self(), place);
    const struct timespec nap = {30, 0};
    nanosleep(&nap, 0);
    return 0;
}

static void* napper(void* unused) {
    (void)unused;
    const struct timespec nap = {0, 30000000};
    const long long before = ns_of(CLOCK_PROCESS_CPUTIME_ID);
    const int result = clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &nap, 0);
    printf("clock_nanosleep %d, slept %d\n", result, ns_of(CLOCK_PROCESS_CPUTIME_ID) - before >= 30000000);
    fflush(stdout);
    seen[0] = 1;
    return 0;
}

static void clocks(void) {
    clockid_t clock;
    say("clock_getcpuclockid", clock_getcpuclockid(0, &clock));
    printf("own %d\n", ns_of(clock) > 0);
    const pid_t child = fork();
    if (!child) {
        for (;;) ++spun;
    }
    say("of a child", clock_getcpuclockid(child, &clock));
    while (ns_of(clock) < 20000000) sched_yield();
    printf("it runs\n");
    kill(child, SIGKILL);
    waitpid(child, 0, 0);
    say("when it is gone", ns_of(clock));
    say("getcpuclockid of nobody", clock_getcpuclockid(0x3fffff, &clock) ? 1 : 0);
    struct timespec t;
    say("getres", clock_getres(CLOCK_PROCESS_CPUTIME_ID, &t));
    printf("%ld\n", t.tv_nsec);
    errno = 0;
    say("own thread's sleep", clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, 0));
    static clockid_t other;
    pthread_t thread;
    pthread_create(&thread, 0, sleeper, &other);
    while (!*(volatile clockid_t*)&other) usleep(1000);
    usleep(20000);
    const long long before = ns_of(other);
    spin(20000000);
    printf("a sleeping thread's clock stands %d\n", ns_of(other) == before && before > 0);
    seen[0] = 0;
    pthread_create(&thread, 0, napper, 0);
    while (!seen[0]) ++spun;
    pthread_join(thread, 0);
    struct tms used;
    times(&used);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("times %d, rusage %d\n", used.tms_utime + used.tms_stime > 0,
           usage.ru_utime.tv_sec + usage.ru_utime.tv_usec > 0);
}

static void limit(const char* what, rlim_t soft, rlim_t hard, int handle) {
    const pid_t child = fork();
    if (!child) {
        const struct rlimit cpu = {soft, hard};
        struct rlimit now;
        if (handle) signal(SIGXCPU, count);
        say("setrlimit", setrlimit(RLIMIT_CPU, &cpu));
        if (handle) {
            spin_until(SIGXCPU);
            getrlimit(RLIMIT_CPU, &now);
            printf("SIGXCPU, soft limit now %ld\n", (long)now.rlim_cur);
            fflush(stdout);
        }
        for (;;) ++spun;
    }
    int status;
    waitpid(child, &status, 0);
    printf("%s: killed by %d\n", what, WTERMSIG(status));
    fflush(stdout);
}

/// "limits": seconds of CPU time; the suite has no time for them.
int main(int argc, char** argv) {
    (void)argv;
    if (argc > 1) {
        limit("soft", 1, 5, 0);
        limit("hard", 1, 2, 1);
        return 0;
    }
    interval_timers();
    posix_timer("process clock", CLOCK_PROCESS_CPUTIME_ID);
    posix_timer("thread clock", CLOCK_THREAD_CPUTIME_ID);
    posix_timer("no clock", 77);
    posix_timer("a CPU clock of nobody", (clockid_t)(~0x3fffffu << 3 | 2));
    clocks();
    return 0;
}
