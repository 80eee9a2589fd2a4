// The heap grows and shrinks by brk: a page faults in when first touched, and again after it was given back.
//
// expect-stdout: grown by 64 pages: 0 faults
// expect-stdout: written: 64 faults
// expect-stdout: written again: 0 faults
// expect-stdout: shrunk by 32 pages and grown again, read as 0: 32 faults
// expect-exit: 0
// expect-faults: anonymous>=64 anonymous_zero>=32
#define _GNU_SOURCE
#include <sys/syscall.h>

#include "lib/guest.h"

static void* set_brk(void* to) {
    return (void*)syscall(SYS_brk, to);
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    minor_faults();
    unsigned char* start = set_brk(0);
    start += -(unsigned long)start & (kPage - 1);
    long before = minor_faults();
    if (set_brk(start + 64 * kPage) != start + 64 * kPage) return 1;
    long grown = minor_faults();
    for (int i = 0; i < 64; i++) start[i * kPage] = 1;
    long written = minor_faults();
    for (int i = 0; i < 64; i++) start[i * kPage] = 2;
    long again = minor_faults();
    set_brk(start + 32 * kPage);
    set_brk(start + 64 * kPage);
    long sum = 0, shrunk = minor_faults();
    for (int i = 32; i < 64; i++) sum += start[i * kPage];
    long last = minor_faults();
    printf("grown by 64 pages: %ld faults\n", grown - before);
    printf("written: %ld faults\n", written - grown);
    printf("written again: %ld faults\n", again - written);
    printf("shrunk by 32 pages and grown again, read as %ld: %ld faults\n", sum, last - shrunk);
}
