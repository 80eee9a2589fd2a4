// An undefined instruction raises #UD: SIGILL with si_code 2 (ILL_ILLOPN); the handler steps over it.
//
// expect-stdout: SIGILL si_code 2 trap 6
// expect-stdout: stepped over
// expect-exit: 132
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

static void on_ill(int number, siginfo_t* info, void* context) {
    (void)number;
    greg_t* r = ((ucontext_t*)context)->uc_mcontext.gregs;
    printf("SIGILL si_code %d trap %lld\n", info->si_code, r[REG_TRAPNO]);
    r[REG_RIP] += 2;
}

int main(void) {
    struct sigaction action = {.sa_sigaction = on_ill, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &action, 0);
    __asm__ volatile("ud2");
    puts("stepped over");
    fflush(stdout);
    signal(SIGILL, SIG_DFL);
    __asm__ volatile("ud2");
}
