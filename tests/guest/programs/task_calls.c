// prctl, membarrier and sched_*: each result and error is the host's.
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char* what, long result) {
    if (result < 0)
        printf("%s: %s\n", what, strerrorname_np(errno));
    else
        printf("%s: %ld\n", what, result);
    fflush(stdout);
}

#define PRCTL(...) say("prctl(" #__VA_ARGS__ ")", syscall(SYS_prctl, __VA_ARGS__))

static void process_controls(void) {
    int value = -1;
    char name[16] = "";
    PRCTL(PR_SET_NAME, "a name that is too long", 0, 0, 0);
    PRCTL(PR_GET_NAME, name, 0, 0, 0);
    printf("%s\n", name);
    PRCTL(PR_SET_NAME, 8, 0, 0, 0);
    PRCTL(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
    PRCTL(PR_GET_PDEATHSIG, &value, 0, 0, 0);
    printf("%d\n", value);
    PRCTL(PR_SET_PDEATHSIG, 65, 0, 0, 0);
    PRCTL(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    PRCTL(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    PRCTL(PR_GET_CHILD_SUBREAPER, &value, 0, 0, 0);
    printf("%d\n", value);
    PRCTL(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    PRCTL(PR_GET_DUMPABLE, 0, 0, 0, 0);
    PRCTL(PR_SET_DUMPABLE, 0, 0, 0, 0);
    PRCTL(PR_GET_DUMPABLE, 0, 0, 0, 0);
    PRCTL(PR_SET_DUMPABLE, 2, 0, 0, 0);
    PRCTL(PR_SET_DUMPABLE, 1, 0, 0, 0);
    PRCTL(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    PRCTL(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
    PRCTL(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    PRCTL(PR_SET_TIMERSLACK, 0, 0, 0, 0);
    PRCTL(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    PRCTL(PR_GET_THP_DISABLE, 0, 0, 0, 0);
    PRCTL(PR_GET_THP_DISABLE, 1, 0, 0, 0);
    PRCTL(PR_SET_THP_DISABLE, 1, 0, 0, 7);
    PRCTL(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    PRCTL(PR_GET_THP_DISABLE, 0, 0, 0, 0);
    const pid_t child = fork();
    if (!child) _exit(syscall(SYS_prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0));
    int status;
    waitpid(child, &status, 0);
    printf("the child's %d\n", WEXITSTATUS(status));
    PRCTL(PR_SET_THP_DISABLE, 0, 0, 0, 0);
    PRCTL(PR_GET_KEEPCAPS, 0, 0, 0, 0);
    PRCTL(PR_SET_KEEPCAPS, 2, 0, 0, 0);
    PRCTL(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    PRCTL(PR_GET_KEEPCAPS, 0, 0, 0, 0);
    PRCTL(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    PRCTL(PR_GET_SECUREBITS, 0, 0, 0, 0);
    PRCTL(PR_GET_TIMING, 0, 0, 0, 0);
    PRCTL(PR_SET_TIMING, 0, 0, 0, 0);
    PRCTL(PR_SET_TIMING, 1, 0, 0, 0);
    PRCTL(PR_TASK_PERF_EVENTS_DISABLE, 0, 0, 0, 0);
    PRCTL(PR_TASK_PERF_EVENTS_ENABLE, 0, 0, 0, 0);
    PRCTL(PR_GET_ENDIAN, &value, 0, 0, 0);
    PRCTL(PR_GET_FPEXC, &value, 0, 0, 0);
    PRCTL(PR_GET_UNALIGN, &value, 0, 0, 0);
    PRCTL(PR_GET_TSC, &value, 0, 0, 0);
    printf("%d\n", value);
    PRCTL(PR_GET_SECCOMP, 0, 0, 0, 0);
    PRCTL(PR_MCE_KILL_GET, 0, 0, 0, 0);
    PRCTL(PR_MCE_KILL_GET, 1, 0, 0, 0);
    PRCTL(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 0, 0);
    PRCTL(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 64, 0, 0);
    PRCTL(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    PRCTL(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0);
    PRCTL(PR_CAP_AMBIENT, 9, 0, 0, 0);
    PRCTL(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    PRCTL(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0);
    PRCTL(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
    PRCTL(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    PRCTL(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    PRCTL(12345, 0, 0, 0, 0);
    uint64_t auxv[52];
    PRCTL(0x41555856 /* PR_GET_AUXV */, auxv, sizeof auxv, 1, 0);
    PRCTL(0x41555856, 8, sizeof auxv, 0, 0);
}

static int barrier(int command, unsigned flags, int cpu) { return syscall(SYS_membarrier, command, flags, cpu); }

static void barriers(void) {
    const int wanted = 0x3ff;
    say("query", barrier(MEMBARRIER_CMD_QUERY, 0, 0) & wanted);
    say("query with flags", barrier(MEMBARRIER_CMD_QUERY, 1, 0));
    say("global", barrier(MEMBARRIER_CMD_GLOBAL, 0, 0));
    say("global expedited", barrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0));
    say("private, not registered", barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    say("rseq, not registered", barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU, 0));
    say("registrations", barrier(1 << 9, 0, 0));
    say("register sync core", barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
    say("sync core", barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
    say("private", barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    say("registrations", barrier(1 << 9, 0, 0));
    say("register", barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
    say("private", barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    say("register rseq", barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0));
    say("rseq", barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU, 0));
    say("rseq, bad flags", barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 2, 0));
    say("register global", barrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0));
    say("registrations", barrier(1 << 9, 0, 0));
    const pid_t child = fork();
    if (!child) {
        say("the child's", barrier(1 << 9, 0, 0));
        _exit(0);
    }
    waitpid(child, 0, 0);
    say("two commands", barrier(3, 0, 0));
}

struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t low, high;
};
static int set(struct attr a, unsigned flags) { return syscall(SYS_sched_setattr, 0, &a, flags); }
static int get(struct attr* a, unsigned size, unsigned flags) {
    return syscall(SYS_sched_getattr, 0, a, size, flags);
}

// Nice values count from where this process starts: a test may run niced. A guest starts at 0.
static void scheduling(void) {
    struct attr a;
    memset(&a, 0, sizeof a);
    setpriority(PRIO_PROCESS, 0, 0);
    say("getattr", get(&a, 48, 0));
    const int start = a.nice, nicer = start + 5;
    printf("%u %u %llu %u\n", a.size, a.policy, (unsigned long long)a.flags, a.priority);
    say("getattr, small", get(&a, 47, 0));
    say("getattr, large", get(&a, 4097, 0));
    say("getattr, flags", get(&a, 48, 1));
    say("batch", set((struct attr){.size = 48, .policy = SCHED_BATCH, .nice = nicer}, 0));
    say("getattr", get(&a, 48, 0));
    printf("%u %d\n", a.policy, a.nice - start);
    say("getscheduler", sched_getscheduler(0));
    say("reset on fork", set((struct attr){.size = 48, .policy = SCHED_BATCH, .flags = 1, .nice = nicer}, 0));
    say("getscheduler", sched_getscheduler(0));
    const pid_t child = fork();
    if (!child) _exit(sched_getscheduler(0));
    int status;
    waitpid(child, &status, 0);
    printf("the child's %d\n", WEXITSTATUS(status));
    say("a priority", set((struct attr){.size = 48, .policy = SCHED_OTHER, .priority = 1}, 0));
    say("unknown policy", set((struct attr){.size = 48, .policy = 77}, 0));
    say("unknown flag", set((struct attr){.size = 48, .flags = 1 << 20}, 0));
    say("flags", set((struct attr){.size = 48}, 1));
    say("small", set((struct attr){.size = 4}, 0));
    say("no size", set((struct attr){.policy = SCHED_OTHER, .nice = nicer}, 0));
    say("negative", syscall(SYS_sched_setattr, -1, &a, 0));
    say("nowhere", syscall(SYS_sched_setattr, 0, 0, 0));
    say("nobody", syscall(SYS_sched_getattr, 0x3fffff, &a, 48, 0));
    for (int policy = -1; policy < 8; ++policy) {
        say("max", sched_get_priority_max(policy));
        say("min", sched_get_priority_min(policy));
    }
}

int main(void) {
    process_controls();
    barriers();
    scheduling();
    return 0;
}
