// What mmap's flags ask for: a fixed place, taken over or only where nothing is; the low 2 GiB; pages at
// once; memory that grows downwards. And what it makes of flags that contradict each other.
//
// expect-stdout: MAP_FIXED over 2 of 4 pages: at the place, old bytes gone, neighbours kept
// expect-stdout: MAP_FIXED_NOREPLACE where something is: EEXIST
// expect-stdout: a hint that is taken: another place, no error
// expect-stdout: MAP_32BIT: below 2 GiB
// expect-stdout: MAP_POPULATE: 0 faults for 8 pages
// expect-stdout: MAP_NORESERVE, MAP_STACK: 2 faults for 2 pages
// expect-stdout: MAP_GROWSDOWN: grown by 3 pages, 3 faults
// expect-stdout: neither shared nor private: EINVAL; length 0: EINVAL; unaligned MAP_FIXED: EINVAL
// expect-exit: 0
// expect-faults: stack_growth>=3
#define _GNU_SOURCE
#include <errno.h>

#include "lib/guest.h"

enum { kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS, kReadWrite = PROT_READ | PROT_WRITE };

static const char* error_of(void* result) {
    if (result != MAP_FAILED) return "no error";
    return errno == EINVAL ? "EINVAL" : errno == EEXIST ? "EEXIST" : "another error";
}

static void* map(void* at, long length, int flags) {
    return mmap(at, length, kReadWrite, flags, -1, 0);
}

static void places(void) {
    unsigned char* p = fresh_pages(4);
    for (int i = 0; i < 4; i++) p[i * kPage] = (unsigned char)(i + 1);
    unsigned char* q = map(p + kPage, 2 * kPage, kAnonymous | MAP_FIXED);
    printf("MAP_FIXED over 2 of 4 pages: %s, old bytes %s, neighbours %s\n",
           q == p + kPage ? "at the place" : "elsewhere", q[0] + q[kPage] == 0 ? "gone" : "there",
           p[0] == 1 && p[3 * kPage] == 4 ? "kept" : "lost");
    printf("MAP_FIXED_NOREPLACE where something is: %s\n",
           error_of(map(p, kPage, kAnonymous | MAP_FIXED_NOREPLACE)));
    q = map(p, kPage, kAnonymous);
    printf("a hint that is taken: %s, %s\n", q == p ? "the same place" : "another place", error_of(q));
#ifdef MAP_32BIT
    q = map(0, kPage, kAnonymous | MAP_32BIT);
    printf("MAP_32BIT: %s\n", (unsigned long)q < 1ul << 31 ? "below 2 GiB" : "anywhere");
#endif
}

static void pages(void) {
    unsigned char* p = map(0, 8 * kPage, kAnonymous | MAP_POPULATE);
    long before = minor_faults();
    for (int i = 0; i < 8; i++) p[i * kPage] = 1;
    printf("MAP_POPULATE: %ld faults for 8 pages\n", minor_faults() - before);
    p = map(0, 2 * kPage, kAnonymous | MAP_NORESERVE | MAP_STACK);
    before = minor_faults();
    p[0] = p[kPage] = 1;
    printf("MAP_NORESERVE, MAP_STACK: %ld faults for 2 pages\n", minor_faults() - before);
    // Room for it: nothing may lie less than 256 pages below what grows.
    unsigned char* room = mmap(0, 400 * kPage, PROT_NONE, kAnonymous, -1, 0);
    munmap(room, 400 * kPage);
    volatile unsigned char* top = map(room + 398 * kPage, kPage, kAnonymous | MAP_FIXED | MAP_GROWSDOWN);
    before = minor_faults();
    for (int i = 1; i <= 3; i++) top[-i * kPage] = 1;
    printf("MAP_GROWSDOWN: grown by 3 pages, %ld faults\n", minor_faults() - before);
}

int main(void) {
    minor_faults();
    places();
    pages();
    printf("neither shared nor private: %s; ", error_of(map(0, kPage, MAP_ANONYMOUS)));
    printf("length 0: %s; ", error_of(map(0, 0, kAnonymous)));
    printf("unaligned MAP_FIXED: %s\n", error_of(map((void*)0x10001, kPage, kAnonymous | MAP_FIXED)));
}
