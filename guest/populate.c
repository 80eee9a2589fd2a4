// Pages that are there before they are touched: MAP_POPULATE, mlock and MADV_POPULATE_WRITE take the faults inside of
// the call, so that the touches cost none; MADV_DONTNEED gives the pages up again, MADV_FREE only perhaps.
//
// expect-stdout: plain: 8 faults
// expect-stdout: MAP_POPULATE: 0 faults
// expect-stdout: mlock: 0 faults
// expect-stdout: MADV_POPULATE_WRITE: 0 faults
// expect-stdout: MADV_POPULATE_READ: 8 faults
// expect-stdout: MADV_DONTNEED: 8 faults
// expect-stdout: mlocked and MADV_DONTNEED: refused
// expect-faults: anonymous>=24
#include "lib/guest.h"

enum { PAGES = 8, SIZE = PAGES * kPage };

static unsigned char* map(int flags) {
    unsigned char* p = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    madvise(p, SIZE, MADV_NOHUGEPAGE);
    return p;
}

static void touch(const char* what, unsigned char* p) {
    const long before = minor_faults();
    for (int i = 0; i < PAGES; i++) p[i * kPage] = 1;
    printf("%s: %ld faults\n", what, minor_faults() - before);
}

int main(void) {
    printf("%s", "");
    touch("plain", map(0));
    touch("MAP_POPULATE", map(MAP_POPULATE));
    unsigned char* p = map(0);
    mlock(p, SIZE);
    touch("mlock", p);
    unsigned char* q = map(0);
    madvise(q, SIZE, 23);
    touch("MADV_POPULATE_WRITE", q);
    unsigned char* r = map(0);
    madvise(r, SIZE, 22);
    touch("MADV_POPULATE_READ", r);
    madvise(r, SIZE, MADV_DONTNEED);
    touch("MADV_DONTNEED", r);
    printf("mlocked and MADV_DONTNEED: %s\n", madvise(p, SIZE, MADV_DONTNEED) ? "refused" : "done");
}
