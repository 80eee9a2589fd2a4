// Huge pages: 8 MiB advised with MADV_HUGEPAGE take four page faults instead of 2048, and one TLB entry
// reaches 2 MiB. Taking 4 KiB away in the middle of one cuts its mapping into small pages; the frames stay
// where they are.
//
// expect-stdout: touched 2048 pages
// expect-stdout: resident 2048
// expect-stdout: one page less: resident 2047
// expect-stdout: read all of them: 0 minor, 0 major faults
// expect-stdout: sum 261110
// expect-faults: anonymous_huge=4
#define _GNU_SOURCE
#include "lib/guest.h"

enum { PAGE = kPage, HUGE = 2 << 20, SIZE = 4 * HUGE, PAGES = SIZE / PAGE, HOLE = HUGE / PAGE + 10 };

static unsigned resident(unsigned char* at) {
    unsigned count = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        unsigned char in_memory = 0;
        if (mincore(at + i * PAGE, PAGE, &in_memory) == 0) count += in_memory & 1;
    }
    return count;
}

int main(void) {
    unsigned char* p = mmap(NULL, SIZE + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return 1;
    p += HUGE - (unsigned long)p % HUGE;
    madvise(p, SIZE, MADV_HUGEPAGE);
    for (unsigned i = 0; i < PAGES; i++) p[i * PAGE] = (unsigned char)i;
    printf("touched %u pages\n", PAGES);
    printf("resident %u\n", resident(p));
    munmap(p + HOLE * PAGE, PAGE);
    printf("one page less: resident %u\n", resident(p));
    unsigned sum = 0;
    begin_step();
    for (unsigned i = 0; i < PAGES; i++) sum += i == HOLE ? 0 : p[i * PAGE];
    end_step("read all of them");
    printf("sum %u\n", sum);
    return 0;
}
