// Rules of brk and mmap, a line each: B1 .. B8, M1 .. M12. Every Linux prints the same.
// libc: glibc
// flags: -O1 -static -Wno-unused-function
#include "rules.h"

#include <sys/utsname.h>

static unsigned long brk_raw(unsigned long to) {
    return (unsigned long)syscall(SYS_brk, to);
}

/// Of /proc/self/stat: 45 start_data, 46 end_data, 47 start_brk.
static unsigned long stat_field(int number) {
    char text[2048];
    int fd = open("/proc/self/stat", O_RDONLY);
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
    char* at = strrchr(text, ')') + 2;
    for (int i = 3; i < number; i++) at = strchr(at, ' ') + 1;
    return strtoul(at, 0, 10);
}

static void brk_rules(void) {
    extern char _end;
    unsigned long now = brk_raw(0), start = stat_field(47);
    rule("B1", "failing calls return the break: %d %d %d", brk_raw(1) == now, brk_raw(~0ul) == now,
         brk_raw(kTaskSize + kPage) == now);
    rule("B2", "below its start: %d; at its start: %d", brk_raw(start - 1) == now, brk_raw(now) == now);
    const unsigned long base = (now + 4095) & -4096ul;
    brk_raw(base);
    const int kept = brk_raw(base + 1) == base + 1;
    rule("B3", "unaligned is kept: %d; to the page's end: %s; beyond: %s", kept, WRITE(base + 4095),
         READ(base + kPage));
    brk_raw(base + 8 * kPage);
    memset((char*)base, 7, 8 * kPage);
    brk_raw(base + 2 * kPage + 5);
    rule("B4", "shrunk: %s, %s", READ(base + 3 * kPage - 1), READ(base + 3 * kPage));
    brk_raw(base + 8 * kPage);
    rule("B4", "grown again: kept %d, zero %d", *(char*)(base + 2 * kPage), *(char*)(base + 3 * kPage));
    char* neighbour = map((char*)base + 20 * kPage, kPage, PROT_READ, kAnonymous | MAP_FIXED);
    int near = brk_raw(base + 19 * kPage) == base + 19 * kPage,
        at = brk_raw(base + 20 * kPage) == base + 20 * kPage;
    rule("B5", "a page short of a neighbour: %d; touching it: %d", near, at);
    munmap(neighbour, kPage);
    brk_raw(base);
    neighbour = map((char*)base + 600 * kPage, kPage, kReadWrite, kAnonymous | MAP_FIXED | MAP_GROWSDOWN);
    near = brk_raw(base + 343 * kPage) == base + 343 * kPage,
    at = brk_raw(base + 344 * kPage) == base + 344 * kPage;
    rule("B5", "below what grows down: 257 pages %d, 256 pages %d", near, at);
    munmap(neighbour, kPage);
    brk_raw(base);
    const unsigned long data = stat_field(46) - stat_field(45);
    set_limit(RLIMIT_DATA, base - start + data + (64 << 20));
    const int within = brk_raw(base + (62 << 20)) == base + (62 << 20);
    rule("B6", "RLIMIT_DATA: within it %d, a byte beyond %d", within,
         brk_raw(base + (64 << 20) + 1) == base + (64 << 20) + 1);
    brk_raw(base + 4 * kPage);
    set_limit(RLIMIT_DATA, 1 << 20);
    char* readable = map(0, 2 << 20, PROT_READ, kAnonymous);
    rule("B6", "writable: %s; read-only: %s; made writable: %s; shared: %s",
         map_error(map(0, 2 << 20, kReadWrite, kAnonymous)), map_error(readable),
         name_of(mprotect(readable, 2 << 20, kReadWrite)),
         map_error(map(0, 2 << 20, kReadWrite, MAP_SHARED | MAP_ANONYMOUS)));
    set_limit(RLIMIT_DATA, 16);
    rule("B4", "shrinking over the limit: %d", brk_raw(base + kPage) == base + kPage);
    set_limit(RLIMIT_DATA, 0);
    rule("B6", "a soft limit of 0 is the hard one: %s", map_error(map(0, kPage, kReadWrite, kAnonymous)));
    set_limit(RLIMIT_DATA, RLIM_INFINITY);
    rule("B7", "without randomisation it starts at the page after bss: %d",
         start == (((unsigned long)&_end + 4095) & -4096ul));
    brk_raw(base);
    mlockall(MCL_FUTURE);
    brk_raw(base + 4 * kPage);
    rule("B8", "MCL_FUTURE: %ld faults; areas %d", touch((char*)base, 4, 'w'),
         areas((char*)base, (char*)base + 4 * kPage));
    munlockall();
}

static const char* raw_map(unsigned long at, unsigned long length, int rights, int flags, int fd,
                           unsigned long offset) {
    return map_error((void*)syscall(SYS_mmap, at, length, rights, flags, fd, offset));
}

static void order_of_checks(void) {
    const int file = file_of(kPage);
    rule("M1", "offset %s, bad fd %s, both %s, bad fd and length 0 %s, length 0 %s, length -1 %s",
         raw_map(0, kPage, 1, kAnonymous, -1, 1), raw_map(0, kPage, 1, MAP_PRIVATE, 99, 0),
         raw_map(0, kPage, 1, MAP_PRIVATE, 99, 7), raw_map(0, 0, 1, MAP_PRIVATE, 99, 0),
         raw_map(0, 0, 1, 0, -1, 0), raw_map(0, ~0ul, 1, MAP_PRIVATE, file, 0));
    rule("M1", "far offset %s %s; beyond all addresses %s", raw_map(0, kPage, 1, MAP_PRIVATE, file, -4096ul),
         raw_map(0, 2 * kPage, 1, MAP_PRIVATE, file, 0x7ffffffffffff000),
         raw_map(0, 1ul << 47, 1, kAnonymous, -1, 0));
    char* p = pages(2);
    rule("M1", "NOREPLACE over something %s, beside it %s, with MAP_FIXED %s",
         raw_map((unsigned long)p, kPage, 1, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0),
         raw_map((unsigned long)room(1), kPage, 1, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0),
         raw_map((unsigned long)p, kPage, 1, kAnonymous | MAP_FIXED | MAP_FIXED_NOREPLACE, -1, 0));
    rule("M2", "no type %s; validated anonymous %s; growing shared %s, of a file %s; type 3 of a file %s",
         raw_map(0, kPage, 1, MAP_ANONYMOUS, -1, 0),
         raw_map(0, kPage, 1, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0),
         raw_map(0, kPage, 1, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0),
         raw_map(0, kPage, 1, MAP_PRIVATE | MAP_GROWSDOWN, file, 0),
         raw_map(0, kPage, 1, MAP_SHARED_VALIDATE, file, 0));
    rule("M2", "unknown flags: private %s, shared %s, validated %s",
         raw_map(0, kPage, 1, kAnonymous | 1 << 25, -1, 0),
         raw_map(0, kPage, 1, MAP_SHARED | 1 << 25, file, 0),
         raw_map(0, kPage, 1, MAP_SHARED_VALIDATE | 1 << 25, file, 0));
}

static void places(void) {
    rule("M3", "fixed: unaligned %s, at the end %s, of the kernel %s",
         raw_map(0x10001, kPage, 1, kAnonymous | MAP_FIXED, -1, 0),
         raw_map(kTaskSize, kPage, 1, kAnonymous | MAP_FIXED, -1, 0),
         raw_map(0xffffffff80000000, kPage, 1, kAnonymous | MAP_FIXED, -1, 0));
    rule("M3", "the last page %s, and one more %s",
         raw_map(kTaskSize - kPage, kPage, 1, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0),
         raw_map(kTaskSize - kPage, 2 * kPage, 1, kAnonymous | MAP_FIXED, -1, 0));
    char* p = pages(6);
    memset(p, 9, 6 * kPage);
    char* q = map(p + 2 * kPage, 2 * kPage, PROT_READ, kAnonymous | MAP_FIXED);
    rule("M3", "replaced: %d, bytes %d %d %d, areas %d", q == p + 2 * kPage, p[0], q[0], p[4 * kPage],
         areas(p, p + 6 * kPage));
    if (geteuid() != 0)
        rule("M3", "below mmap_min_addr %s", raw_map(0, kPage, 1, kAnonymous | MAP_FIXED, -1, 0));
    else
        rule("M3", "below mmap_min_addr EPERM");
    char* free_room = room(8);
    q = map(free_room + 0x123, kPage, PROT_READ, kAnonymous);
    rule("M4", "a hint is rounded down: %d; one that is taken is ignored: %d", q == free_room,
         map(q, kPage, PROT_READ, kAnonymous) != q);
    rule("M4", "a hint beyond all addresses: %s; so low: %s",
         map_error(map((void*)(1ul << 47), kPage, 1, kAnonymous)),
         map_error(map((void*)1, kPage, 1, kAnonymous)));
    char* a = map(0, 3 * kPage, PROT_READ, MAP_SHARED | MAP_ANONYMOUS);
    char* b = map(0, kPage, kReadWrite, kAnonymous);
    char* c = map(0, kPage, kReadWrite, kAnonymous);
    rule("M5", "top down: %d %d; merged: %d", b == a - kPage, c == b - kPage, areas(c, a) == 1);
    char* huge = map(0, 4 << 20, PROT_NONE, kAnonymous);
    struct utsname system;
    uname(&system);
    int major = 0, minor = 0;
    sscanf(system.release, "%d.%d", &major, &minor);
    const int since = major > 6 || (major == 6 && minor >= 7);  // earlier kernels did not
    rule("M6", "4 MiB at a multiple of 2 MiB: %d", !since || ((unsigned long)huge & 0x1fffff) == 0);
}

static void files(void) {
    const int file = file_of(3 * kPage);
    char path[64];
    sprintf(path, "/proc/self/fd/%d", file);
    const int reader = open(path, O_RDONLY), writer = open(path, O_WRONLY);
    int ends[2];
    if (pipe(ends)) exit(1);
    const int folder = open("/", O_RDONLY | O_DIRECTORY);
    rule("M7", "read-only: shared writable %s, shared %s, private writable %s",
         raw_map(0, kPage, kReadWrite, MAP_SHARED, reader, 0),
         raw_map(0, kPage, PROT_READ, MAP_SHARED, reader, 0),
         raw_map(0, kPage, kReadWrite, MAP_PRIVATE, reader, 0));
    rule("M7", "write-only: %s %s %s", raw_map(0, kPage, PROT_READ, MAP_PRIVATE, writer, 0),
         raw_map(0, kPage, PROT_NONE, MAP_SHARED, writer, 0),
         raw_map(0, kPage, PROT_WRITE, MAP_SHARED, writer, 0));
    rule("M7", "pipe %s, directory %s, O_PATH %s", raw_map(0, kPage, 1, MAP_PRIVATE, ends[0], 0),
         raw_map(0, kPage, 1, MAP_PRIVATE, folder, 0),
         raw_map(0, kPage, 1, MAP_PRIVATE, open(path, O_PATH), 0));
    char* p = mmap(0, 6 * kPage, kReadWrite, MAP_SHARED, file, 0);
    if (pwrite(file, "bytes", 5, 2 * kPage + 100) != 5) exit(1);
    if (ftruncate(file, 2 * kPage + 200)) exit(1);
    const char* beyond = READ(p + 3 * kPage + 5);
    rule("M8", "the last page's rest: %d; then %s at byte %lu", p[2 * kPage + 4000], beyond,
         trapped.address - (uintptr_t)(p + 3 * kPage));
    p[2 * kPage + 300] = 'x';
    struct iovec end = {path, 64};
    rule("M8", "a write behind the end is in no file: %ld bytes left",
         (long)preadv(file, &end, 1, 2 * kPage + 190));
    if (ftruncate(file, 6 * kPage)) exit(1);
    rule("M8", "longer again: %s, zero %d", WRITE(p + 3 * kPage + 5), p[2 * kPage + 300]);
    char* q = mmap(0, 6 * kPage, kReadWrite, MAP_PRIVATE, file, 0);
    q[4 * kPage] = 'q';
    if (ftruncate(file, 4 * kPage)) exit(1);
    rule("M8", "truncated: shared %s, private copy %s", READ(p + 4 * kPage), READ(q + 4 * kPage));
    p[10] = 'm';
    char byte = 0;
    if (pread(file, &byte, 1, 10) != 1 || pwrite(file, "w", 1, 11) != 1) exit(1);
    q[10] = 'p';
    rule("M9", "shared: read() sees %c, the mapping %c; private stays private: %c", byte, p[11], p[10]);
    const int zero = open("/dev/zero", O_RDWR);
    char* z = mmap(0, 2 * kPage, kReadWrite, MAP_PRIVATE, zero, 0);
    z[0] = 5;
    close(zero);
    close(file);
    rule("M9", "/dev/zero: %d %d; after close: %c", z[0], z[kPage], p[10]);
}

static void flags(void) {
    char* p = map(0, 4 * kPage, kReadWrite, kAnonymous | MAP_POPULATE);
    rule("M10", "populate: %ld faults", touch(p, 4, 'w'));
    p = map(0, kPage, kReadWrite, kAnonymous | MAP_32BIT);
    rule("M10", "32BIT: %d", (unsigned long)p >= 0x40000000 && (unsigned long)p < 0x80000000);
    rule("M10", "HUGETLB: no such size %s", raw_map(0, kPage, 1, kAnonymous | MAP_HUGETLB | 23 << 26, -1, 0));
    p = map(0, kPage, PROT_WRITE, kAnonymous);
    rule("M11", "write only: read %s; no rights: read %s, write %s", READ(p),
         READ(map(0, kPage, 0, kAnonymous)), WRITE(map(0, kPage, 0, kAnonymous)));
    p[0] = (char)0xc3;
    const char* fetch = FETCH(p);
    rule("M11", "fetch without X: %s, error %lx", fetch, trapped.error);
    mprotect(p, kPage, PROT_EXEC | PROT_READ);
    rule("M11", "fetch with X: %s; write: %s", FETCH(p), WRITE(p));
    set_limit(RLIMIT_AS, 512 << 20);
    rule("M12", "RLIMIT_AS: no rights %s, shared %s, a page %s", map_error(map(0, 1 << 30, 0, kAnonymous)),
         map_error(map(0, 1 << 30, 0, MAP_SHARED | MAP_ANONYMOUS)), map_error(map(0, kPage, 0, kAnonymous)));
    set_limit(RLIMIT_AS, RLIM_INFINITY);
}

int main(void) {
    static char buffer[1 << 15];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    catch_traps();
    brk_rules();
    order_of_checks();
    places();
    files();
    flags();
    return 0;
}
