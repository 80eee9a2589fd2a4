// Rules of a user without capabilities (L1 .. L3): limits of locked memory, the lowest addresses, and calls
// about addresses that are no user's. Natively root must give up its rights first.
// libc: glibc
// flags: -O1 -static -Wno-unused-function
#include "rules.h"

static void locked(void) {
    char* p = pages(64);
    set_limit(RLIMIT_MEMLOCK, 64 << 10);
    const char* few = name_of(mlock(p, 8 * kPage));
    rule("L1", "64 KiB may be locked: 8 pages %s, 32 pages %s, 9 more %s", few, name_of(mlock(p, 32 * kPage)),
         name_of(mlock(p + 40 * kPage, 9 * kPage)));
    rule("L1", "the same ones again %s", name_of(mlock(p, 16 * kPage)));
    rule("L1", "MAP_LOCKED of 32 pages %s",
         map_error(map(0, 32 * kPage, kReadWrite, kAnonymous | MAP_LOCKED)));
    rule("L1", "mlockall: what is there %s, what comes %s", name_of(mlockall(MCL_CURRENT)),
         name_of(mlockall(MCL_FUTURE)));
    rule("L1", "then mmap of 32 pages %s, brk %d", map_error(map(0, 32 * kPage, kReadWrite, kAnonymous)),
         sbrk(32 * kPage) != (void*)-1);
    munlockall();
    char *small = pages(4), *moved;
    memset(small, 1, 4 * kPage);
    mlock(small, 4 * kPage);
    moved = mremap(small, 4 * kPage, 8 * kPage, MREMAP_MAYMOVE);
    rule("L1", "growing a locked area: populated, %ld faults; beyond the limit %s",
         touch(moved + 4 * kPage, 4, 'w'), map_error(mremap(moved, 8 * kPage, 32 * kPage, MREMAP_MAYMOVE)));
    munlockall();
    set_limit(RLIMIT_MEMLOCK, 0);
    rule("L1", "none: mlock %s, MAP_LOCKED %s, mlockall %s, munlock %s", name_of(mlock(p, kPage)),
         map_error(map(0, kPage, kReadWrite, kAnonymous | MAP_LOCKED)), name_of(mlockall(MCL_CURRENT)),
         name_of(munlock(p, kPage)));
}

static void places(void) {
    rule("L2", "a fixed place at 0 %s, at 64 KiB %s",
         map_error(map(0, kPage, PROT_READ, kAnonymous | MAP_FIXED)),
         map_error(map((void*)0x10000, kPage, PROT_READ, kAnonymous | MAP_FIXED)));
    char *p = pages(2), *kernel = (char*)0xffff800000000000;
    unsigned char vector[2];
    rule("L3", "of the kernel: munmap %s, mprotect %s, madvise %s, msync %s", name_of(munmap(kernel, kPage)),
         name_of(mprotect(kernel, kPage, PROT_READ)), name_of(madvise(kernel, kPage, MADV_NORMAL)),
         name_of(msync(kernel, kPage, MS_SYNC)));
    rule("L3", "of the kernel: mincore %s, munlock %s, mremap %s", name_of(mincore(kernel, kPage, vector)),
         name_of(munlock(kernel, kPage)), map_error(mremap(kernel, kPage, 2 * kPage, MREMAP_MAYMOVE)));
    rule("L3", "over the end: munmap %s, mprotect %s, madvise %s",
         name_of(munmap((void*)(kTaskSize - kPage), 2 * kPage)),
         name_of(mprotect((void*)(kTaskSize - kPage), 2 * kPage, kReadWrite)),
         name_of(madvise((void*)kTaskSize, kPage, MADV_NORMAL)));
    rule("L3", "length -1: msync %s, munlock %s, madvise %s", name_of(msync(p, -1, MS_SYNC)),
         name_of(munlock(p, -1)), name_of(madvise(p, -1, MADV_NORMAL)));
}

static void populate(void) {
    rule("M10", "populate without rights %s; beyond a file's end %s; MAP_NONBLOCK: %ld faults",
         map_error(map(0, kPage, PROT_NONE, kAnonymous | MAP_POPULATE)),
         map_error(mmap(0, 4 * kPage, kReadWrite, MAP_SHARED | MAP_POPULATE, file_of(kPage), 0)),
         touch(map(0, 4 * kPage, kReadWrite, kAnonymous | MAP_POPULATE | MAP_NONBLOCK), 4, 'w'));
    char* p = pages(4);
    mprotect(p + 2 * kPage, 2 * kPage, PROT_READ);
    rule("R1", "mremap over two areas: growing %s, shrinking %s",
         map_error((void*)syscall(SYS_mremap, p, 4 * kPage, 8 * kPage, MREMAP_MAYMOVE, 0)),
         map_error((void*)syscall(SYS_mremap, p, 4 * kPage, kPage, 0, 0)));
}

int main(void) {
    catch_traps();
    locked();
    places();
    populate();
    return 0;
}
