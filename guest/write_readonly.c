// A write to read-only memory: the page is there, the right is not (error code 7: present, write, user).
// SIGSEGV.
//
// expect-stdout: the constant is 42
// expect-exit: 139
// expect-faults: signalled=1
#include <stdio.h>

static const int constant = 42;

int main(void) {
    volatile int* p = (volatile int*)&constant;
    printf("the constant is %d\n", *p);
    fflush(stdout);
    *p = 43;
    printf("written\n");
}
