// SIGSEGV in a handler on an alternate stack: si_code tells an unmapped address (1) from a forbidden one
// (2), and the context carries CR2, the error code and the trap number. Returning retries: the handler
// repairs and goes on.
//
// expect-stdout: si_code 1 at 0x10000123 cr2 0x10000123 error 6 trap 14 on alternate stack 1
// expect-stdout: si_code 2 at 0x10001010 cr2 0x10001010 error 4 trap 14 on alternate stack 1
// expect-stdout: si_code 2 at 0x10002008 cr2 0x10002008 error 7 trap 14 on alternate stack 1
// expect-stdout: three refused, one of them for want of a page: 1 minor, 0 major faults
// expect-stdout: all repaired: 17 0 5
// expect-exit: 0
// expect-faults: signalled=3
#define _GNU_SOURCE
#include <signal.h>
#include <ucontext.h>

#include "lib/guest.h"

static unsigned char* const area = (unsigned char*)0x10000000;
static char alternate[64 << 10];

static void on_segv(int number, siginfo_t* info, void* context) {
    (void)number;
    char here;
    greg_t* r = ((ucontext_t*)context)->uc_mcontext.gregs;
    printf("si_code %d at %p cr2 %#llx error %lld trap %lld on alternate stack %d\n", info->si_code,
           info->si_addr, r[REG_CR2], r[REG_ERR], r[REG_TRAPNO],
           &here >= alternate && &here < alternate + sizeof alternate);
    unsigned char* page = (unsigned char*)((unsigned long)info->si_addr & -kPage);
    if (info->si_code == SEGV_MAPERR)
        mmap(page, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    else
        mprotect(page, kPage, PROT_READ | PROT_WRITE);
}

int main(void) {
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    sigaltstack(&stack, 0);
    struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &action, 0);
    mmap(area + kPage, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    *(volatile unsigned char*)(area + kPage) = *(volatile unsigned char*)(area + 2 * kPage) = 0;
    mprotect(area + kPage, kPage, PROT_NONE);
    mprotect(area + 2 * kPage, kPage, PROT_READ);
    volatile unsigned char* p = area;
    begin_step();
    p[0x123] = 17;
    int second = p[0x1010];
    p[0x2008] = 5;
    end_step("three refused, one of them for want of a page");
    printf("all repaired: %d %d %d\n", p[0x123], second, p[0x2008]);
}
