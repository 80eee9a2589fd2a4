// mprotect splits areas and merges them again; rights taken and given back keep the bytes, and pages that
// this process alone has cost no fault when they become writable again (since Linux 5.19).
//
// expect-stdout: 6 pages: 1 area
// expect-stdout: 2 in the middle read-only: 3 areas
// expect-stdout: a write there: SIGSEGV, the byte still 3
// expect-stdout: writable again: 1 area, 0 faults
// expect-stdout: no rights and back: bytes kept, 0 faults
// expect-stdout: over a hole: ENOMEM, and what lies before it was changed
// expect-exit: 0
// expect-faults: signalled=2
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>

#include "lib/guest.h"

static sigjmp_buf back;

static void on_signal(int signal) {
    siglongjmp(back, signal);
}

/// 1: the write was refused.
static int refused(volatile unsigned char* at) {
    if (sigsetjmp(back, 1)) return 1;
    *at = 99;
    return 0;
}

static int areas_between(unsigned char* from, unsigned char* to) {
    FILE* maps = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned long start, end;
    int areas = 0;
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            areas += start >= (unsigned long)from && end <= (unsigned long)to;
    fclose(maps);
    return areas;
}

int main(void) {
    unsigned char* guard = mmap(0, 8 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile unsigned char* p = guard + kPage;
    unsigned char *start = guard + kPage, *end = guard + 7 * kPage;
    mprotect(start, 6 * kPage, PROT_READ | PROT_WRITE);
    for (int i = 0; i < 6; i++) p[i * kPage] = (unsigned char)(i + 1);
    signal(SIGSEGV, on_signal);
    printf("6 pages: %d area\n", areas_between(start, end));
    mprotect(start + 2 * kPage, 2 * kPage, PROT_READ);
    printf("2 in the middle read-only: %d areas\n", areas_between(start, end));
    int signalled = refused(p + 2 * kPage);
    printf("a write there: %s, the byte still %d\n", signalled ? "SIGSEGV" : "done", p[2 * kPage]);
    mprotect(start + 2 * kPage, 2 * kPage, PROT_READ | PROT_WRITE);
    minor_faults();
    long before = minor_faults();
    p[2 * kPage] = p[3 * kPage] = 7;
    long faults = minor_faults() - before;
    printf("writable again: %d area, %ld faults\n", areas_between(start, end), faults);
    before = minor_faults();
    mprotect(start, 6 * kPage, PROT_NONE);
    mprotect(start, 6 * kPage, PROT_READ | PROT_WRITE);
    int kept = p[0] == 1 && p[2 * kPage] == 7 && p[5 * kPage] == 6;
    printf("no rights and back: bytes %s, %ld faults\n", kept ? "kept" : "lost", minor_faults() - before);
    munmap(start + 4 * kPage, kPage);
    int result = mprotect(start, 6 * kPage, PROT_READ);
    printf("over a hole: %s, and what lies before it was %s\n",
           result && errno == ENOMEM ? "ENOMEM" : "no ENOMEM", refused(p) ? "changed" : "not changed");
}
