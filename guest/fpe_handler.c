// Division by zero and overflow of a quotient: both are #DE, SIGFPE with si_code 1 (FPE_INTDIV) at the
// instruction.
//
// expect-stdout: 1 / 0: SIGFPE si_code 1 trap 0, at the instruction 1
// expect-stdout: INT_MIN / -1: SIGFPE si_code 1 trap 0, at the instruction 1
// expect-exit: 136
#define _GNU_SOURCE
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

static sigjmp_buf back;
static volatile int code, trap, at_rip;

static void on_fpe(int number, siginfo_t* info, void* context) {
    (void)number;
    greg_t* r = ((ucontext_t*)context)->uc_mcontext.gregs;
    code = info->si_code, trap = (int)r[REG_TRAPNO];
    at_rip = info->si_addr == (void*)r[REG_RIP] && *(unsigned char*)info->si_addr == 0xf7;
    siglongjmp(back, 1);
}

static int divide(int a, int b) {
    __asm__ volatile("cltd; idivl %1" : "+a"(a) : "r"(b) : "edx");
    return a;
}

int main(void) {
    struct sigaction action = {.sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO};
    sigaction(SIGFPE, &action, 0);
    if (sigsetjmp(back, 1) == 0) divide(1, 0);
    printf("1 / 0: SIGFPE si_code %d trap %d, at the instruction %d\n", code, trap, at_rip);
    if (sigsetjmp(back, 1) == 0) divide(INT_MIN, -1);
    printf("INT_MIN / -1: SIGFPE si_code %d trap %d, at the instruction %d\n", code, trap, at_rip);
    fflush(stdout);
    signal(SIGFPE, SIG_DFL);
    return divide(1, 0);
}
