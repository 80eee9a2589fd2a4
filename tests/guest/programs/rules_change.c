// Rules of munmap and mprotect (U1 .. U4), mremap (R1 .. R3), madvise, mincore, msync, mlock and membarrier
// (A1 .. A5), a line each. Every Linux prints the same.
// libc: glibc
// flags: -O1 -static -Wno-unused-function
#include "rules.h"

static void munmap_rules(void) {
    char* p = pages(6);
    rule("U1", "munmap: length 0 %s, unaligned %s, beyond all %s, wrapping %s", name_of(munmap(p, 0)),
         name_of(munmap(p + 1, kPage)), name_of(munmap((void*)kTaskSize, kPage)),
         name_of(munmap(p, -4096ul)));
    const char* middle = name_of(munmap(p + 2 * kPage, 1));
    const int left = areas(p, p + 6 * kPage);
    rule("U1", "out of the middle %s: areas %d; again %s", middle, left,
         name_of(munmap(p + 2 * kPage, kPage)));
    rule("U1", "all with the hole %s", name_of(munmap(p, 6 * kPage)));
}

/// Areas until mprotect refuses to split one more off: neighbours with other rights, which do not merge.
static void map_count(void) {
    const long before = areas(0, (char*)kTaskSize);
    char text[32] = "";
    int fd = open("/proc/sys/vm/max_map_count", O_RDONLY);
    const long limit = fd >= 0 && read(fd, text, sizeof text - 1) > 0 ? atol(text) : 65530;
    char *whole = pages(3), *other = pages(1);
    char* block = map(0, (limit + 10) * kPage, PROT_NONE, kAnonymous);
    long made = 0;
    while (mprotect(block + (2 * made + 1) * kPage, kPage, PROT_READ) == 0) made++;
    const long all = before + 2 * made;
    rule("M1", "about as many areas as max_map_count: %d", all > limit - 20 && all < limit + 20);
    // One more may be left: it is used up.
    mprotect(whole + 2 * kPage, kPage, PROT_READ);
    errno = 0;
    const char* split = name_of(munmap(block + (limit + 8) * kPage, kPage));
    rule("U1", "a hole beyond max_map_count: %s", split);
    rule("U2", "mprotect of a middle: %s; nothing changed: %s", name_of(mprotect(whole + kPage, kPage, PROT_NONE)),
         WRITE(whole + kPage));
    rule("U1", "taking a whole area away: %s", name_of(munmap(other, kPage)));
    munmap(block, (limit + 10) * kPage);
}

static void mprotect_rules(void) {
    char* p = pages(6);
    rule("U2", "mprotect: unaligned %s, length 0 %s, of nothing %s, no such right %s, wrap %s",
         name_of(mprotect(p + 1, kPage, 1)), name_of(mprotect(p, 0, 1)), name_of(mprotect(room(1), kPage, 1)),
         name_of(mprotect(p, kPage, 0x40)), name_of(mprotect(p, -4096ul, 1)));
    mprotect(p + 2 * kPage, 2 * kPage, PROT_READ);
    const int split = areas(p, p + 6 * kPage);
    mprotect(p + 2 * kPage, 2 * kPage, kReadWrite);
    rule("U2", "middle: %d areas, restored: %d", split, areas(p, p + 6 * kPage));
    munmap(p + 3 * kPage, kPage);
    const char* hole = name_of(mprotect(p, 6 * kPage, PROT_READ));
    rule("U2", "over a hole %s: before it %s, behind it %s", hole, WRITE(p + 2 * kPage),
         WRITE(p + 4 * kPage));
    const int file = file_of(kPage);
    char path[64];
    sprintf(path, "/proc/self/fd/%d", file);
    char* shared = mmap(0, kPage, PROT_READ, MAP_SHARED, open(path, O_RDONLY), 0);
    rule("U3", "shared from O_RDONLY: %s; GROWSDOWN of what does not grow: %s; both: %s",
         name_of(mprotect(shared, kPage, kReadWrite)),
         name_of(mprotect(p, kPage, PROT_READ | PROT_GROWSDOWN)),
         name_of(mprotect(p, kPage, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP)));
    char* q = pages(2);
    memset(q, 6, 2 * kPage);
    mprotect(q, 2 * kPage, PROT_NONE);
    const char* none = READ(q);
    mprotect(q, 2 * kPage, PROT_READ);
    rule("U3", "no rights %s and back: %d", none, q[kPage]);
    char* r = pages(8);
    memset(r, 1, 8 * kPage);
    mprotect(r, 8 * kPage, PROT_READ);
    mprotect(r, 8 * kPage, kReadWrite);
    rule("U4", "read-only and back, own pages: %ld faults", touch(r, 8, 'w'));
}

static char* remap(void* old, size_t from, size_t to, int flags, void* at) {
    return (char*)syscall(SYS_mremap, old, from, to, flags, at);
}

static void mremap_rules(void) {
    char *p = pages(8), *away = room(16);
    rule("R1", "mremap: flag 8 %s, fixed alone %s, DONTUNMAP alone %s, unaligned %s, to 0 %s",
         map_error(remap(p, kPage, kPage, 8, 0)), map_error(remap(p, kPage, kPage, MREMAP_FIXED, away)),
         map_error(remap(p, kPage, kPage, MREMAP_DONTUNMAP, 0)), map_error(remap(p + 1, kPage, kPage, 1, 0)),
         map_error(remap(p, kPage, 0, 1, 0)));
    rule("R1", "new place unaligned %s, overlapping %s, old length 0 of private %s, DONTUNMAP resizing %s",
         map_error(remap(p, kPage, kPage, 3, away + 1)),
         map_error(remap(p, 2 * kPage, 2 * kPage, 3, p + kPage)), map_error(remap(p, 0, kPage, 1, 0)),
         map_error(remap(p, kPage, 2 * kPage, 5, 0)));
    rule("R1", "of nothing %s, growing beyond its area %s, no room in place %s",
         map_error(remap(away, kPage, 2 * kPage, 1, 0)), map_error(remap(p, 20 * kPage, 24 * kPage, 1, 0)),
         map_error(remap(p, 8 * kPage, 16 * kPage, 0, 0)));
    for (int i = 0; i < 8; i++) p[i * kPage] = (char)(i + 1);
    char* q = remap(p, 8 * kPage, 6 * kPage, 0, 0);
    rule("R2", "shrunk: same place %d, the rest %s", q == p, READ(p + 6 * kPage));
    q = remap(p, 6 * kPage, 8 * kPage, 0, 0);
    rule("R2", "grown again in place: %d, zero %d", q == p, q[7 * kPage]);
    rule("R2", "a part that is no end grows in place: %s", map_error(remap(p, 2 * kPage, 3 * kPage, 0, 0)));
    char* target = map(away, 10 * kPage, PROT_READ, kAnonymous | MAP_FIXED);
    q = remap(p, 8 * kPage, 8 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, away);
    rule("R2", "to a fixed place: %d, bytes %d %d; what was there: areas %d", q == target, q[0], q[5 * kPage],
         areas(away, away + 10 * kPage));
    rule("R2", "moved pages: %ld faults", touch(q, 6, 'w'));
    rule("R2", "the old place %s", READ(p));
    char* r = remap(q, 2 * kPage, 12 * kPage, MREMAP_MAYMOVE, 0);
    rule("R2", "a part grows by moving: %d, the rest stays: %d", r[0] && !r[11 * kPage], q[5 * kPage]);
    char* left = remap(r, 4 * kPage, 4 * kPage, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    rule("R3", "DONTUNMAP: %d bytes moved, the old place reads %d", left[0] != 0, r[0]);
    char* s = map(0, 2 * kPage, kReadWrite, MAP_SHARED | MAP_ANONYMOUS);
    s[kPage] = 's';
    char* second = remap(s, 0, 2 * kPage, MREMAP_MAYMOVE, 0);
    s[0] = 't';
    rule("R3", "old length 0 of shared: a second place %c %c", second[0], second[kPage]);
}

static void madvise_rules(void) {
    char* p = pages(8);
    memset(p, 4, 8 * kPage);
    char* s = map(0, 4 * kPage, kReadWrite, MAP_SHARED | MAP_ANONYMOUS);
    memset(s, 4, 4 * kPage);
    rule("A1", "madvise: no such advice %s, of no length %s; unaligned %s; length 0 %s; wrap %s",
         name_of(madvise(p, kPage, 999)), name_of(madvise(p, 0, 999)), name_of(madvise(p + 1, kPage, 0)),
         name_of(madvise(p, 0, MADV_DONTNEED)), name_of(madvise(p, -4096ul, 0)));
    madvise(p, kPage, MADV_DONTNEED);
    madvise(s, kPage, MADV_DONTNEED);
    rule("A1", "DONTNEED: private %d, shared %d", p[0], s[0]);
    rule("A1", "FREE: private %s, shared %s; REMOVE: private %s, shared %s",
         name_of(madvise(p, kPage, MADV_FREE)), name_of(madvise(s, kPage, MADV_FREE)),
         name_of(madvise(p, kPage, MADV_REMOVE)), name_of(madvise(s, kPage, MADV_REMOVE)));
    rule("A1", "punched: %d %d", s[0], s[kPage]);
    rule("A1", "WIPEONFORK: shared %s, private %s", name_of(madvise(s, kPage, MADV_WIPEONFORK)),
         name_of(madvise(p, kPage, MADV_WIPEONFORK)));
    char* q = pages(3);
    memset(q, 4, 3 * kPage);
    munmap(q + kPage, kPage);
    const char* hole = name_of(madvise(q, 3 * kPage, MADV_DONTNEED));
    rule("A1", "over a hole %s: %d %d", hole, q[0], q[2 * kPage]);
    mlock(p + 2 * kPage, kPage);
    const char* locked = name_of(madvise(p + 2 * kPage, kPage, 24));
    rule("A1", "locked: DONTNEED %s, DONTNEED_LOCKED %s: %d",
         name_of(madvise(p + 2 * kPage, kPage, MADV_DONTNEED)), locked, p[2 * kPage]);
    munlock(p + 2 * kPage, kPage);
    char* r = map(0, 4 * kPage, PROT_READ, kAnonymous);
    rule("A1", "POPULATE_READ %s, WRITE to read-only %s, hole %s", name_of(madvise(r, 4 * kPage, 22)),
         name_of(madvise(r, 4 * kPage, 23)), name_of(madvise(q, 3 * kPage, 22)));
    char* f = mmap(0, 3 * kPage, kReadWrite, MAP_SHARED, file_of(kPage), 0);
    rule("A1", "POPULATE beyond a file's end %s; without rights %s", name_of(madvise(f, 3 * kPage, 22)),
         name_of(madvise(map(0, kPage, 0, kAnonymous), kPage, 22)));
    char* w = pages(4);
    madvise(w, 4 * kPage, 23);
    rule("A1", "POPULATE_WRITE: %ld faults", touch(w, 4, 'w'));
}

static void mincore_rules(void) {
    char *p = pages(4), state[5];
    unsigned char vector[4] = {0};
    p[kPage] = 1;
    (void)*(volatile char*)(p + 2 * kPage);
    const char* unaligned = name_of(mincore(p + 1, kPage, vector));
    mincore(p, 4 * kPage, vector);
    for (int i = 0; i < 4; i++) state[i] = (char)('0' + (vector[i] & 1));
    state[4] = 0;
    rule("A2", "mincore: unaligned %s, unmapped %s, bad vector %s, length 0 %s; pages %s", unaligned,
         name_of(mincore(room(1), kPage, vector)), name_of(mincore(p, kPage, (unsigned char*)8)),
         name_of(mincore(p, 0, vector)), state);
    char* shared = mmap(0, 3 * kPage, kReadWrite, MAP_SHARED, file_of(3 * kPage), 0);
    shared[kPage] = 1;
    mincore(shared, 3 * kPage, vector);
    rule("A2", "a file's pages: %d %d %d", vector[0] & 1, vector[1] & 1, vector[2] & 1);
}

static void msync_rules(void) {
    char* p = pages(3);
    rule("A3", "msync: both %s, unknown %s, unaligned %s, none %s, private %s",
         name_of(msync(p, kPage, MS_SYNC | MS_ASYNC)), name_of(msync(p, kPage, 8)),
         name_of(msync(p + 1, kPage, MS_SYNC)), name_of(msync(p, kPage, 0)),
         name_of(msync(p, kPage, MS_SYNC)));
    mlock(p, kPage);
    rule("A3", "INVALIDATE: locked %s, not locked %s", name_of(msync(p, kPage, MS_INVALIDATE)),
         name_of(msync(p + kPage, kPage, MS_INVALIDATE)));
    munlock(p, kPage);
    munmap(p + kPage, kPage);
    rule("A3", "over a hole %s, length 0 %s", name_of(msync(p, 3 * kPage, MS_ASYNC)),
         name_of(msync(p, 0, MS_SYNC)));
}

static void mlock_rules(void) {
    char* p = pages(8);
    mlock(p + 100, 2 * kPage);
    rule("A4", "mlock: VmLck %ld kB, %ld faults, of the next %ld", status_kb("/proc/self/status", "VmLck:"),
         touch(p, 3, 'w'), touch(p + 3 * kPage, 1, 'w'));
    const char* on_fault = name_of(syscall(SYS_mlock2, p + 4 * kPage, 2 * kPage, 1));
    rule("A4", "mlock2 of a bad flag %s; ONFAULT %s: %ld faults", name_of(syscall(SYS_mlock2, p, kPage, 2)),
         on_fault, touch(p + 4 * kPage, 2, 'w'));
    rule("A4", "mlockall 0 %s, ONFAULT alone %s, 8 %s", name_of(mlockall(0)), name_of(mlockall(4)),
         name_of(mlockall(8)));
    munmap(p + 6 * kPage, kPage);
    rule("A4", "over a hole %s; length 0 %s; unlocking over it %s", name_of(mlock(p + 5 * kPage, 3 * kPage)),
         name_of(mlock(p, 0)), name_of(munlock(p + 5 * kPage, 3 * kPage)));
    rule("A4", "no rights: %s", name_of(mlock(map(0, kPage, 0, kAnonymous), kPage)));
    int status;
    fflush(stdout);
    if (fork() == 0) _exit((int)status_kb("/proc/self/status", "VmLck:"));
    wait(&status);
    munlockall();
    rule("A4", "in a child: VmLck %d kB; munlockall: %ld kB", WEXITSTATUS(status),
         status_kb("/proc/self/status", "VmLck:"));
}

static void membarrier_rules(void) {
    rule("A5", "membarrier: private before it was asked for %s; no such %s; a flag %s; query has private: %d",
         name_of(syscall(SYS_membarrier, 8, 0, 0)), name_of(syscall(SYS_membarrier, 1 << 30, 0, 0)),
         name_of(syscall(SYS_membarrier, 0, 2, 0)), (syscall(SYS_membarrier, 0, 0, 0) & 24) == 24);
    rule("A5", "registering: %s", name_of(syscall(SYS_membarrier, 16, 0, 0)));
    rule("A5", "registered: %s", name_of(syscall(SYS_membarrier, 8, 0, 0)));
}

int main(void) {
    static char buffer[1 << 15];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    catch_traps();
    munmap_rules();
    mprotect_rules();
    mremap_rules();
    madvise_rules();
    mincore_rules();
    msync_rules();
    mlock_rules();
    membarrier_rules();
    map_count();
    return 0;
}
