// Drawn calls on areas of memory, and touches of it, with what came of each: the call's result, the areas and their
// flags, what smaps sums up, and the page faults that it cost. To be the same natively and here.
// arguments: SEED COUNT [brief: without faults and sums, which on a host short of memory are not certain]
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 1024, GAP = 8, HUGE_PAGE = 2 << 20 };

static uint64_t seed;
static unsigned draw(unsigned below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

// Private memory, that of a memfd, and anonymous shared memory.
enum { PRIVATE, FILE_SHARED, SHARED, REGIONS };
static char *region[REGIONS];
static int memfd;
static int brief;

static sigjmp_buf fault;
static void on_fault(int signal) {
    (void)signal;
    siglongjmp(fault, 1);
}

static const char *const sums[] = {"Rss:",           "Pss:",          "Shared_Clean:", "Shared_Dirty:", "Private_Clean:",
                                   "Private_Dirty:", "Anonymous:",    "Locked:",       "LazyFree:"};
enum { SUMS = sizeof sums / sizeof *sums };
static char text[1 << 20];

static int is_ours(unsigned long start, unsigned long end) {
    for (int n = 0; n < REGIONS; n++)
        if (start >= (unsigned long)region[n] && end <= (unsigned long)region[n] + PAGES * PAGE) return 1;
    return 0;
}

static void read_smaps(void) {
    const int fd = open("/proc/self/smaps", O_RDONLY);
    long size = 0, n;
    while ((n = read(fd, text + size, sizeof text - 1 - size)) > 0) size += n;
    text[size] = 0;
    close(fd);
}

// A line of what /proc/self/smaps says of the regions now.
static void show(const char *what, long result, long faults) {
    long sum[SUMS] = {0}, areas = 0;
    unsigned long hash = 0;
    int ours = 0;
    read_smaps();
    char *next;
    for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
        unsigned long start, end;
        char mode[8];
        if (sscanf(line, "%lx-%lx %7s", &start, &end, mode) == 3) {
            ours = is_ours(start, end);
            if (!ours) continue;
            areas++;
            hash = hash * 31 + (start - (unsigned long)region[0]) / PAGE + (end - start) / PAGE * 7;
            for (int n = 0; n < 4; n++) hash = hash * 31 + (unsigned char)mode[n];
        }
        if (!ours) continue;
        for (int n = 0; n < SUMS; n++)
            if (strncmp(line, sums[n], strlen(sums[n])) == 0) sum[n] += atol(line + strlen(sums[n]));
        if (strncmp(line, "VmFlags:", 8) == 0)
            for (char *rest, *flag = strtok_r(line + 8, " ", &rest); flag; flag = strtok_r(NULL, " ", &rest))
                if (strcmp(flag, "sd")) hash = hash * 17 + (unsigned char)flag[0] * 256u + (unsigned char)flag[1];
    }
    printf("%s: %ld, %ld areas %lx", what, result, areas, hash);
    if (!brief) {
        printf(", %ld faults;", faults);
        for (int n = 0; n < SUMS; n++) printf(" %ld", sum[n]);
    }
    puts("");
}

static long faults_so_far(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}

enum {
    WRITE = 4,  // each below stands for as many draws as lie between it and the one before
    READ = 7,
    DISCARD,
    READ_ONLY = 10,
    READ_WRITE = 13,
    NO_ACCESS,
    MAP_PRIVATE_MEMORY,
    MAP_PRIVATE_FILE,
    MAP_SHARED_FILE,
    MOVE,
    LOCK,
    UNLOCK,
    FORK = 22,
    TRUNCATE,
    POPULATE_READ,
    POPULATE_WRITE,
    REMOVE,
    DO_FORK,
    WIPE,
    SYNC,
    IN_CORE,
    ALLOCATE,
    ADVISE,
    LOCK_ON_FAULT,
    WRITE_CALL,
    KINDS
};
static const char *const names[KINDS] = {
    [WRITE] = "write",           [READ] = "read",
    [DISCARD] = "MADV_DONTNEED", [READ_ONLY] = "PROT_READ",
    [READ_WRITE] = "PROT_WRITE", [NO_ACCESS] = "PROT_NONE",
    [MAP_PRIVATE_MEMORY] = "mmap private",
    [MAP_PRIVATE_FILE] = "mmap private file",
    [MAP_SHARED_FILE] = "mmap shared file",
    [MOVE] = "mremap DONTUNMAP", [LOCK] = "mlock",
    [UNLOCK] = "munlock",        [FORK] = "fork",
    [TRUNCATE] = "ftruncate",    [POPULATE_READ] = "MADV_POPULATE_READ",
    [POPULATE_WRITE] = "MADV_POPULATE_WRITE",
    [REMOVE] = "MADV_REMOVE",    [DO_FORK] = "MADV_DOFORK",
    [WIPE] = "MADV_WIPEONFORK",  [SYNC] = "msync",
    [IN_CORE] = "mincore",       [ALLOCATE] = "fallocate",
    [ADVISE] = "MADV_NORMAL",    [LOCK_ON_FAULT] = "mlock2",
    [WRITE_CALL] = "pwrite"};

static int draw_kind(void) {
    int kind = (int)draw(KINDS - 1) + 1;
    while (!names[kind]) kind++;
    return kind;
}

static long in_core(char *at, unsigned pages) {
    static unsigned char present[PAGES];
    if (mincore(at, (size_t)pages * PAGE, present) != 0) return -1;
    long sum = 0;
    for (unsigned n = 0; n < pages; n++) sum += present[n] & 1;
    return sum;
}

// A child writes; what it ends with. Its parent's wait has its own faults here and there.
static long fork_and_write(char *at, unsigned pages, unsigned value) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGBUS, SIG_DFL);
        signal(SIGSEGV, SIG_DFL);
        for (unsigned n = 0; n < pages; n++) at[n * PAGE] = (char)(value + n);
        _exit(at[0] & 63);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status & ~0x80;  // whether there is a core is the host's affair
}

static long carry_out(int kind, char *at, unsigned pages, unsigned x, unsigned y) {
    const size_t size = (size_t)pages * PAGE;
    const off_t place = (off_t)(x % PAGES) * PAGE;
    long sum = 0;
    switch (kind) {
        case WRITE:
            for (unsigned n = 0; n < pages; n++) at[n * PAGE] = (char)y;
            return 0;
        case READ:
            for (unsigned n = 0; n < pages; n++) sum += ((volatile char *)at)[n * PAGE];
            return sum;
        case DISCARD: return madvise(at, size, MADV_DONTNEED);
        case READ_ONLY: return mprotect(at, size, PROT_READ);
        case READ_WRITE: return mprotect(at, size, PROT_READ | PROT_WRITE);
        case NO_ACCESS: return mprotect(at, size, PROT_NONE);
        case MAP_PRIVATE_MEMORY:
            mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
            return madvise(at, size, MADV_NOHUGEPAGE);
        case MAP_PRIVATE_FILE: return mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, memfd, place) != at;
        case MAP_SHARED_FILE: return mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memfd, place) != at;
        case MOVE: {
            char *const to = mremap(at, size, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
            return to == MAP_FAILED ? -1 : munmap(to, size);
        }
        case LOCK: return mlock(at, size);
        case UNLOCK: return munlock(at, size);
        case FORK: return fork_and_write(at, pages, x);
        case TRUNCATE: return ftruncate(memfd, place) | ftruncate(memfd, PAGES * PAGE);
        case POPULATE_READ: return madvise(at, size, 22);
        case POPULATE_WRITE: return madvise(at, size, 23);
        case REMOVE: return madvise(at, size, MADV_REMOVE);
        case DO_FORK: return madvise(at, size, x % 2 ? MADV_DONTFORK : MADV_DOFORK);
        case WIPE: return madvise(at, size, x % 2 ? MADV_WIPEONFORK : MADV_KEEPONFORK);
        case SYNC: return msync(at, size, x % 2 ? MS_SYNC : MS_ASYNC | MS_INVALIDATE);
        case IN_CORE: return in_core(at, pages);
        case ALLOCATE: return fallocate(memfd, x % 2 ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : 0, (off_t)(y % PAGES) * PAGE, PAGE * (1 + x % 50));
        case ADVISE: return madvise(at, size, x % 3 == 0 ? MADV_RANDOM : x % 3 == 1 ? MADV_SEQUENTIAL : MADV_NORMAL);
        case LOCK_ON_FAULT: return syscall(SYS_mlock2, at, size, 1);
        default: {
            const char byte = (char)y;
            return pwrite(memfd, &byte, 1, place + 17);
        }
    }
}

static void step(int number) {
    volatile const int kind = draw_kind();
    const unsigned from = draw(PAGES), some = 1 + draw(60), wanted = draw(8) ? some : some * 8;
    volatile const unsigned pages = from + wanted > PAGES ? PAGES - from : wanted;
    volatile const int which = draw(4) == 0 ? FILE_SHARED : draw(3) == 0 ? SHARED : PRIVATE;
    const unsigned x = draw(1u << 30), y = draw(1u << 30);
    volatile const long before = faults_so_far();
    volatile long result = 0;
    volatile int faulted = 1;
    if (sigsetjmp(fault, 1) == 0) {
        errno = 0;
        result = carry_out(kind, region[which] + from * PAGE, pages, x, y);
        if (result == -1 && errno) result = -errno;
        faulted = 0;
    }
    const long faults = kind == FORK ? 0 : faults_so_far() - before;
    char what[64];
    snprintf(what, sizeof what, "%d %s%s", number, names[kind], faulted ? " (faulted)" : "");
    show(what, result, faults);
}

// Every byte that can be read at last.
static void show_bytes(void) {
    static volatile unsigned long hash;
    for (int n = 0; n < REGIONS; n++) {
        mprotect(region[n], PAGES * PAGE, PROT_READ);
        for (volatile int page = 0; page < PAGES; page++) {
            if (sigsetjmp(fault, 1)) hash = hash * 31 + 1;
            else for (int at = 0; at < PAGE; at++) hash = hash * 31 + (unsigned char)region[n][page * PAGE + at];
        }
    }
    printf("bytes %lx\n", hash);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    seed = strtoull(argv[1], NULL, 0) * 7919 + 1;
    brief = argc > 3;
    static char out[1 << 16];
    setvbuf(stdout, out, _IOFBF, sizeof out);
    signal(SIGBUS, on_fault);
    signal(SIGSEGV, on_fault);
    memfd = memfd_create("draws", 0);
    if (ftruncate(memfd, PAGES * PAGE) != 0) return 1;
    // Where huge pages begin, so that what lies around a fault is the same natively and here.
    char *room = mmap(NULL, (size_t)REGIONS * (PAGES + GAP) * PAGE + HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    room += (HUGE_PAGE - ((unsigned long)room & (HUGE_PAGE - 1))) & (HUGE_PAGE - 1);
    for (int n = 0; n < REGIONS; n++) {
        const int flags = n == PRIVATE ? MAP_PRIVATE | MAP_ANONYMOUS : n == SHARED ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
        region[n] = mmap(room + (size_t)n * (PAGES + GAP) * PAGE, PAGES * PAGE, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
                         n == FILE_SHARED ? memfd : -1, 0);
    }
    madvise(region[PRIVATE], PAGES * PAGE, MADV_NOHUGEPAGE);
    show("at first", 0, 0);
    faults_so_far();
    const int count = atoi(argv[2]);
    for (int n = 0; n < count; n++) step(n);
    show_bytes();
    return 0;
}
