// munmap out of the middle: one area becomes two, its pages are given back, the hole cannot be touched, and
// what is mapped there anew is zero. Holes in the range are no error.
//
// expect-stdout: 8 pages: 1 area, 8 faults
// expect-stdout: 2 taken out of the middle: 2 areas, 6 pages there
// expect-stdout: a read in the hole: SIGSEGV
// expect-stdout: all of it, with the hole: 0
// expect-stdout: mapped again: zero, 1 fault
// expect-exit: 0
// expect-faults: signalled=1 anonymous>=9
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>

#include "lib/guest.h"

static sigjmp_buf back;

static void on_signal(int signal) {
    siglongjmp(back, signal);
}

/// Areas of /proc/self/maps between two addresses, and the pages of them that are in memory.
static int areas_between(unsigned char* from, unsigned char* to, int* resident) {
    static FILE* smaps;  // opened once: a second fopen() might take memory right in the hole
    char line[512];
    unsigned long start, end, rss;
    int areas = 0, inside = 0;
    if (!smaps) smaps = fopen("/proc/self/smaps", "r");
    rewind(smaps);
    *resident = 0;
    while (fgets(line, sizeof line, smaps)) {
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
            inside = start >= (unsigned long)from && end <= (unsigned long)to;
            areas += inside;
        } else if (inside && sscanf(line, "Rss: %lu", &rss) == 1) {
            *resident += (int)(rss / 4);
        }
    }
    return areas;
}

int main(void) {
    int resident;
    unsigned char* guard = mmap(0, 10 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile unsigned char* p = guard + kPage;
    mprotect(guard + kPage, 8 * kPage, PROT_READ | PROT_WRITE);
    minor_faults();
    long before = minor_faults();
    for (int i = 0; i < 8; i++) p[i * kPage] = 1;
    long faults = minor_faults() - before;
    printf("8 pages: %d area, %ld faults\n", areas_between(guard + kPage, guard + 9 * kPage, &resident),
           faults);
    munmap((void*)(p + 3 * kPage), 2 * kPage);
    int areas = areas_between(guard + kPage, guard + 9 * kPage, &resident);
    printf("2 taken out of the middle: %d areas, %d pages there\n", areas, resident);
    signal(SIGSEGV, on_signal);
    if (!sigsetjmp(back, 1))
        printf("a read in the hole: %d\n", p[3 * kPage]);
    else
        printf("a read in the hole: SIGSEGV\n");
    printf("all of it, with the hole: %d\n", munmap(guard, 10 * kPage));
    p = fresh_pages(1);
    before = minor_faults();
    p[1] = 1;
    faults = minor_faults() - before;
    printf("mapped again: %s, %ld fault\n", p[0] == 0 ? "zero" : "old bytes", faults);
}
