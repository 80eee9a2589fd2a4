// Says what its signal handlers are handed: three queued signals, then two at once.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void on_signal(int number, siginfo_t* info, void* context) {
    (void)context;
    const char* from = info->si_pid == getpid() ? "self" : info->si_pid == getppid() ? "parent" : "none";
    printf("signal %d signo %d errno %d code %d from %s value %d\n", number, info->si_signo, info->si_errno,
           info->si_code, from, info->si_value.sival_int);
    fflush(stdout);
}

__attribute__((noinline)) int twice(int n) { return 2 * n; }
__attribute__((noinline)) void here(void) { fflush(stdout); }

int main(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGUSR1, &action, 0);
    sigaction(SIGUSR2, &action, 0);
    union sigval value = {.sival_int = 7};
    for (int i = 0; i < 3; i++) sigqueue(getpid(), SIGUSR1, value);
    here();
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGUSR1);
    sigaddset(&both, SIGUSR2);
    sigprocmask(SIG_BLOCK, &both, 0);
    raise(SIGUSR2);
    raise(SIGUSR1);
    sigprocmask(SIG_UNBLOCK, &both, 0);
    return twice(0);
}
