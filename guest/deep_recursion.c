// Recursion without end: the stack grows a page at a time until its limit (8 MiB), then SIGSEGV ends the
// program.
//
// expect-stdout: recursing
// expect-exit: 139
// expect-faults: stack_growth>=1000 signalled=1
#include <stdio.h>

static volatile int deep = 1;

__attribute__((noinline)) static int recurse(int depth) {
    volatile char frame[1024];
    frame[0] = (char)depth;
    return deep ? recurse(depth + 1) + frame[0] : 0;
}

int main(void) {
    puts("recursing");
    fflush(stdout);
    return recurse(0);
}
