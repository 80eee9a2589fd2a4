// mincore says which pages are in memory: those that were touched, be it by reading the zero page; of a
// shared file all that its cache holds.
//
// expect-stdout: fresh: 00000000
// expect-stdout: 3 of 8 touched: 3 minor, 0 major faults
// expect-stdout: written 1 and 4, read 6: 01001010
// expect-stdout: given up: 00000000
// expect-stdout: 2 of 4 shared ones touched: 2 minor, 0 major faults
// expect-stdout: of a file in memory, written through a mapping: 1010
// expect-stdout: unmapped: ENOMEM; unaligned: EINVAL; nowhere to write: EFAULT
// expect-exit: 0
// expect-faults: anonymous>=2 anonymous_zero>=1
#define _GNU_SOURCE
#include <errno.h>

#include "lib/guest.h"

static void show(const char* when, unsigned char* p, int pages) {
    unsigned char vector[8];
    if (mincore(p, pages * kPage, vector)) perror("mincore");
    printf("%s: ", when);
    for (int i = 0; i < pages; i++) putchar('0' + (vector[i] & 1));
    putchar('\n');
}

static const char* error_of(int result) {
    if (!result) return "no error";
    return errno == ENOMEM   ? "ENOMEM"
           : errno == EINVAL ? "EINVAL"
           : errno == EFAULT ? "EFAULT"
                             : "another error";
}

int main(void) {
    settle();
    unsigned char *p = fresh_pages(8), vector[8];
    show("fresh", p, 8);
    begin_step();
    p[kPage] = p[4 * kPage] = 1;
    if (((volatile unsigned char*)p)[6 * kPage]) return 1;
    end_step("3 of 8 touched");
    show("written 1 and 4, read 6", p, 8);
    madvise(p, 8 * kPage, MADV_DONTNEED);
    show("given up", p, 8);
    int fd = memfd_create("file", 0);
    unsigned char* q = mmap(0, 4 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ftruncate(fd, 4 * kPage)) return 1;
    begin_step();
    q[0] = q[2 * kPage] = 1;
    end_step("2 of 4 shared ones touched");
    show("of a file in memory, written through a mapping", q, 4);
    munmap(p + kPage, kPage);
    printf("unmapped: %s; ", error_of(mincore(p, 8 * kPage, vector)));
    printf("unaligned: %s; ", error_of(mincore(p + 1, kPage, vector)));
    printf("nowhere to write: %s\n", error_of(mincore(p, kPage, (unsigned char*)8)));
}
