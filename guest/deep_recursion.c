// Recursion without end: the stack grows a page at a time until its limit, then SIGSEGV ends the program. The
// limit is set to 1000 pages below what is there when the recursion begins.
//
// expect-stdout: recursing
// expect-stdout: 1000 pages of stack: 1000 minor, 0 major faults
// expect-exit: 139
// expect-faults: stack_growth>=900 signalled=2
#define _GNU_SOURCE
#include <signal.h>

#include "lib/guest.h"

static volatile int deep = 1;

__attribute__((noinline)) static int recurse(int depth) {
    volatile char frame[1024];
    frame[0] = (char)depth;
    return deep ? recurse(depth + 1) + frame[0] : 0;
}

static char alternate[64 << 10];

/// Once, on a stack of its own; the access is then made again, and ends the program.
static void on_segv(int number) {
    (void)number;
    end_step("1000 pages of stack");
    fflush(stdout);
}

/// Where the area that holds the stack ends.
static unsigned long stack_end(unsigned long here) {
    char line[512];
    unsigned long start, last, found = 0;
    FILE* maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx ", &start, &last) == 2 && start <= here && here < last) found = last;
    fclose(maps);
    return found;
}

/// Lets the stack have `pages` pages more than are present below `here`.
static void allow(long pages, unsigned long here) {
    unsigned char present;
    unsigned long lowest = here & -kPage;
    while (!mincore((void*)(lowest - kPage), kPage, &present) && present & 1) lowest -= kPage;
    struct rlimit limit;
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = stack_end(here) - lowest + (unsigned long)pages * kPage;
    setrlimit(RLIMIT_STACK, &limit);
}

int main(void) {
    const stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    sigaltstack(&stack, 0);
    const struct sigaction once = {.sa_handler = on_segv, .sa_flags = (int)(SA_ONSTACK | SA_RESETHAND)};
    sigaction(SIGSEGV, &once, 0);
    settle();
    allow(1000, (unsigned long)&stack);
    puts("recursing");
    fflush(stdout);
    begin_step();
    return recurse(0);
}
