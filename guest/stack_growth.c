// The stack's VMA grows when an address below it is touched: a fault a page, whatever the order.
//
// expect-stdout: 64 pages downwards: 64 faults
// expect-stdout: far below at once: 1 faults
// expect-exit: 0
// expect-faults: stack_growth>=60
#include "lib/guest.h"

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    minor_faults();
    volatile unsigned char here = 0;
    // Far enough below what start-up has touched and the kernel has mapped.
    volatile unsigned char* below = (volatile unsigned char*)(((unsigned long)&here - (1 << 20)) & -kPage);
    long start = minor_faults();
    for (int i = 0; i < 64; i++) below[-i * kPage] = 1;
    long grown = minor_faults();
    below[-(2 << 20)] = 1;
    long far = minor_faults();
    printf("64 pages downwards: %ld faults\n", grown - start);
    printf("far below at once: %ld faults\n", far - grown);
    return here;
}
