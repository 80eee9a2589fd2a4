// Pages in swap are not in memory and not lost: MADV_PAGEOUT sends them there, the next touch is a major
// fault that brings them back, and with it up to 7 neighbours, whose faults are minor then. On a host without
// swap space they stay where they are.
//
// options: --swap 16M
// host: no
// expect-stdout: read back: 55 minor, 9 major faults
// expect-stdout: 64 pages written, sent away, read back: all as written
// expect-stdout: and again: 54 minor, 10 major faults
// expect-stdout: and again, half of them rewritten: all as written
// expect-exit: 0
// expect-faults: swap=128
#define _GNU_SOURCE
#include "lib/guest.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

enum { kPages = 64 };

static const char* check(unsigned char* p, int shift) {
    for (int i = 0; i < kPages; i++)
        if (p[i * kPage] != (unsigned char)(i + (i < kPages / 2 ? shift : 0))) return "bytes lost";
    return "all as written";
}

int main(void) {
    unsigned char* p = fresh_pages(kPages);
    for (int i = 0; i < kPages; i++) p[i * kPage] = (unsigned char)i;
    madvise(p, kPages * kPage, MADV_PAGEOUT);
    begin_step();
    const char* kept = check(p, 0);
    end_step("read back");
    printf("64 pages written, sent away, read back: %s\n", kept);
    for (int i = 0; i < kPages / 2; i++) p[i * kPage] = (unsigned char)(i + 5);
    madvise(p, kPages * kPage, MADV_PAGEOUT);
    begin_step();
    kept = check(p, 5);
    end_step("and again");
    printf("and again, half of them rewritten: %s\n", kept);
}
