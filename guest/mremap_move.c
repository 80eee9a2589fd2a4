// mremap moves pages, not bytes: the same frames elsewhere, without a fault and without a copy. It can leave
// the old place behind, empty, and make a second place for shared memory.
//
// expect-stdout: grown in place by 4 pages: same address, 4 faults for the new ones
// expect-stdout: moved: 8 pages read, 0 faults
// expect-stdout: shrunk to 2: the rest is unmapped
// expect-stdout: MREMAP_DONTUNMAP: bytes at the new place, zero at the old one
// expect-stdout: shared memory, old length 0: a second place for it
// expect-stdout: no room and no MREMAP_MAYMOVE: ENOMEM
// expect-exit: 0
// expect-faults: anonymous>=9 anonymous_zero>=1 file_shared=1
#define _GNU_SOURCE
#include <errno.h>

#include "lib/guest.h"

int main(void) {
    unsigned char* room = mmap(0, 64 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char* p =
        mmap(room, 4 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    munmap(room + 4 * kPage, 28 * kPage);
    minor_faults();
    for (int i = 0; i < 4; i++) p[i * kPage] = (unsigned char)(i + 1);
    unsigned char* q = mremap(p, 4 * kPage, 8 * kPage, 0);
    long before = minor_faults();
    for (int i = 4; i < 8; i++) p[i * kPage] = (unsigned char)(i + 1);
    printf("grown in place by 4 pages: %s, %ld faults for the new ones\n", q == p ? "same address" : "moved",
           minor_faults() - before);
    before = minor_faults();
    q = mremap(p, 8 * kPage, 8 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, room + 40 * kPage);
    int sum = 0;
    for (int i = 0; i < 8; i++) sum += q[i * kPage];
    printf("moved: %d pages read, %ld faults\n", sum == 36 ? 8 : 0, minor_faults() - before);
    mremap(q, 8 * kPage, 2 * kPage, 0);
    unsigned char resident;
    printf("shrunk to 2: the rest is %s\n", mincore(q + 2 * kPage, kPage, &resident) ? "unmapped" : "there");
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
    unsigned char* r = mremap(q, 2 * kPage, 2 * kPage, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
    printf("MREMAP_DONTUNMAP: %s at the new place, %s at the old one\n", r[kPage] == 2 ? "bytes" : "nothing",
           q[kPage] == 0 ? "zero" : "bytes");
    unsigned char* s = mmap(0, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned char* t = mremap(s, 0, kPage, MREMAP_MAYMOVE);
    *s = 77;
    printf("shared memory, old length 0: %s\n",
           t != s && *t == 77 ? "a second place for it" : "no second place");
    unsigned char* narrow = fresh_pages(2);
    mprotect(narrow + kPage, kPage, PROT_READ);
    q = mremap(narrow, kPage, 2 * kPage, 0);
    printf("no room and no MREMAP_MAYMOVE: %s\n",
           q == MAP_FAILED && errno == ENOMEM ? "ENOMEM" : "no ENOMEM");
}
