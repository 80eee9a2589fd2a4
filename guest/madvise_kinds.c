// Advice that does something at once: DONTNEED gives pages up, REMOVE punches holes into what is shared, COLD
// and PAGEOUT may not lose a byte, WIPEONFORK and DONTFORK decide what a child sees.
//
// expect-stdout: MADV_DONTNEED: zero, 4 faults to read
// expect-stdout: MADV_DONTNEED of shared memory: bytes kept
// expect-stdout: MADV_REMOVE of shared memory: zero
// expect-stdout: MADV_COLD, MADV_PAGEOUT: bytes kept
// expect-stdout: MADV_WIPEONFORK: a child sees 0, the parent 5
// expect-stdout: MADV_DONTFORK: a child has no such memory
// expect-stdout: MADV_WILLNEED, MADV_RANDOM, MADV_SEQUENTIAL, MADV_NORMAL: 0 faults
// expect-stdout: no such advice: EINVAL; over a hole: ENOMEM
// expect-exit: 0
// expect-faults: anonymous_zero>=4 signalled=0
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/guest.h"

#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif

/// What a child reads at `at`: -1, there is nothing.
static int child_sees(unsigned char* at) {
    int status;
    fflush(stdout);
    if (fork() == 0) {
        unsigned char resident;
        _exit(mincore(at, kPage, &resident) ? 255 : *at);
    }
    wait(&status);
    return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

int main(void) {
    unsigned char *p = fresh_pages(4), sum = 0;
    unsigned char* s = mmap(0, 4 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(p, 5, 4 * kPage);
    memset(s, 5, 4 * kPage);
    minor_faults();
    madvise(p, 4 * kPage, MADV_DONTNEED);
    long before = minor_faults();
    for (int i = 0; i < 4; i++) sum |= ((volatile unsigned char*)p)[i * kPage];
    printf("MADV_DONTNEED: %s, %ld faults to read\n", sum ? "bytes kept" : "zero", minor_faults() - before);
    madvise(s, 4 * kPage, MADV_DONTNEED);
    printf("MADV_DONTNEED of shared memory: %s\n", s[kPage] == 5 ? "bytes kept" : "lost");
    madvise(s, kPage, MADV_REMOVE);
    printf("MADV_REMOVE of shared memory: %s\n", s[0] == 0 && s[kPage] == 5 ? "zero" : "bytes kept");
    memset(p, 5, 4 * kPage);
    madvise(p, 2 * kPage, MADV_COLD);
    madvise(p + 2 * kPage, 2 * kPage, MADV_PAGEOUT);
    printf("MADV_COLD, MADV_PAGEOUT: %s\n",
           memcmp(p, p + kPage, 3 * kPage) || *p != 5 ? "lost" : "bytes kept");
    madvise(p, kPage, MADV_WIPEONFORK);
    printf("MADV_WIPEONFORK: a child sees %d, the parent %d\n", child_sees(p), *p);
    madvise(p + kPage, kPage, MADV_DONTFORK);
    printf("MADV_DONTFORK: a child has %s\n", child_sees(p + kPage) == -1 ? "no such memory" : "it");
    static const int hints[] = {MADV_WILLNEED, MADV_RANDOM, MADV_SEQUENTIAL, MADV_NORMAL};
    before = minor_faults();
    for (int i = 0; i < 4; i++) madvise(p + 2 * kPage, 2 * kPage, hints[i]);
    printf("MADV_WILLNEED, MADV_RANDOM, MADV_SEQUENTIAL, MADV_NORMAL: %ld faults\n", minor_faults() - before);
    printf("no such advice: %s; ", madvise(p, kPage, 999) && errno == EINVAL ? "EINVAL" : "no EINVAL");
    munmap(p + 2 * kPage, kPage);
    printf("over a hole: %s\n",
           madvise(p, 4 * kPage, MADV_NORMAL) && errno == ENOMEM ? "ENOMEM" : "no ENOMEM");
}
