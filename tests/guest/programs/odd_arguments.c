// libc: glibc
// The memory calls with arguments that few programs give: flags that mean nothing together, ends of the
// address space, each advice for each kind of area. A line an answer; what versions of Linux or the host's
// CPU decide is left out.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/guest.h"

#define SHOW(call) printf("%s: %s\n", #call, (long)(call) == -1 ? strerrorname_np(errno) : "ok")

enum { kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS, kReadWrite = PROT_READ | PROT_WRITE };
enum { kUninitialized = 0x4000000, kAbove4G = 0x80 };

static char* const kEnd = (char*)(1ul << 47);
static char* p;
static int program, file;

static void* map(int rights, int flags, int fd, long offset) {
    return mmap(NULL, kPage, rights, flags, fd, offset);
}

static void maps(void) {
    SHOW(map(kReadWrite, MAP_SHARED_VALIDATE | MAP_SYNC, file, 0));
    SHOW(map(PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, program, 0));
    SHOW(map(kReadWrite, MAP_SHARED_VALIDATE | kUninitialized, file, 0));
    SHOW(map(kReadWrite, MAP_SHARED_VALIDATE | kAbove4G, file, 0));
    SHOW(map(kReadWrite, MAP_SHARED_VALIDATE | 21 << 26, file, 0));
    SHOW(map(kReadWrite, MAP_SHARED_VALIDATE | 1 << 25, file, 0));
    SHOW(map(kReadWrite, MAP_SHARED_VALIDATE | MAP_GROWSDOWN, file, 0));
    SHOW(map(kReadWrite, MAP_SHARED_VALIDATE | MAP_LOCKED | MAP_POPULATE | MAP_NORESERVE, file, 0));
    SHOW(map(kReadWrite, kAnonymous | MAP_GROWSDOWN | MAP_STACK, -1, 0));
    SHOW(map(kReadWrite, kAnonymous | MAP_DENYWRITE | MAP_EXECUTABLE | kUninitialized, -1, 0));
    SHOW(map(8, kAnonymous, -1, 0));
    SHOW(map(0xffff, kAnonymous, -1, 0));
    SHOW(map(kReadWrite, MAP_PRIVATE, program, 1l << 62));
    SHOW(map(kReadWrite, MAP_PRIVATE, program, -kPage));
    SHOW(mmap(NULL, 1l << 46, kReadWrite, MAP_PRIVATE, program, 1l << 62));
    SHOW(mmap((void*)-kPage, kPage, kReadWrite, kAnonymous, -1, 0));
    SHOW(mmap((void*)-kPage, kPage, kReadWrite, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0));
}

static void moves(void) {
    SHOW(mremap(p, kPage, kPage, 8));
    SHOW(mremap(p, kPage, kPage, MREMAP_FIXED, p));
    SHOW(mremap(p, kPage, kPage, 4));
    SHOW(mremap(p, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, p + 1));
    SHOW(mremap(p, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, p));
    SHOW(mremap(p, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, kEnd));
    SHOW(mremap(p, 2 * kPage, kPage, MREMAP_MAYMOVE | 4));
    SHOW(mremap(p, 0, kPage, MREMAP_MAYMOVE));
    SHOW(mremap(p, 0, 0, MREMAP_MAYMOVE));
    SHOW(mremap(p + 1, kPage, kPage, MREMAP_MAYMOVE));
    SHOW(mremap((void*)8, kPage, kPage, 0));
    SHOW(mremap((void*)kPage, kPage, 2 * kPage, 0));
}

static void advice(void) {
    for (int kind = 0; kind <= 30; kind++) {
        const char* const names[] = {"anonymous", "shared", "program", "memfd", "no rights"};
        void* const areas[] = {p, map(kReadWrite, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
                               map(PROT_READ, MAP_PRIVATE, program, 0), map(kReadWrite, MAP_SHARED, file, 0),
                               map(PROT_NONE, kAnonymous, -1, 0)};
        printf("advice %d:", kind);
        for (int i = 0; i < 5; i++)
            printf(" %s %s", names[i], madvise(areas[i], kPage, kind) ? strerrorname_np(errno) : "ok");
        printf("\n");
    }
    for (int kind = 98; kind <= 101; kind++) SHOW(madvise(p, kPage, kind));
    SHOW(msync(p, kPage, MS_INVALIDATE));
    SHOW(msync(p, kPage, 8));
    SHOW(msync(p, kPage, MS_ASYNC | MS_INVALIDATE));
    SHOW(msync(p + 1, 1, MS_SYNC));
    SHOW(msync(p, -1, MS_SYNC));
    SHOW(msync((void*)-kPage, kPage, MS_SYNC));
    SHOW(mincore(p, kPage, (void*)8));
    SHOW(mincore(p, 0, (void*)8));
    SHOW(mincore(p + 1, 1, NULL));
    SHOW(mincore((void*)-kPage, kPage, NULL));
}

static void locks(void) {
    SHOW(syscall(SYS_mlock2, p, kPage, 2));
    SHOW(syscall(SYS_mlock2, p, kPage, 0));
    SHOW(mlock(p, 0));
    SHOW(mlock(p, -1));
    SHOW(munlock(p + 1, 1));
    SHOW(mlockall(8));
    SHOW(munlockall());
}

static void rights(void) {
    SHOW(munmap(p, -kPage));
    SHOW(munmap(kEnd, 0));
    SHOW(munmap(kEnd - kPage, kPage));
    SHOW(munmap(kEnd - kPage, 2 * kPage));
    SHOW(mprotect(kEnd, kPage, PROT_READ));
    SHOW(mprotect(p, -kPage, PROT_READ));
    SHOW(mprotect(p, kPage, PROT_GROWSUP | PROT_READ));
    SHOW(mprotect(p, kPage, PROT_GROWSDOWN | PROT_READ));
    SHOW(mprotect(p, 0, PROT_GROWSDOWN | PROT_GROWSUP));
    SHOW(mprotect(p, kPage, 0x10 | PROT_READ));
}

static void others(void) {
    char* shared = mmap(NULL, 4 * kPage, kReadWrite, MAP_SHARED, file, 0);
    static char name[300];
    memset(name, 'a', sizeof name - 1);
    SHOW(syscall(SYS_remap_file_pages, p, kPage, 0, 0, 0));
    SHOW(syscall(SYS_remap_file_pages, shared, kPage, 0, 2, 0));
    SHOW(syscall(SYS_remap_file_pages, shared, kPage, 1, 2, 0));
    SHOW(syscall(SYS_remap_file_pages, shared + 1, kPage, 0, 2, 0x10000));
    SHOW(syscall(SYS_remap_file_pages, shared, 0, 0, 2, 0));
    SHOW(prctl(PR_SET_VMA, 1, p, kPage, "x"));
    SHOW(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
    SHOW(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
    SHOW(syscall(SYS_memfd_create, "x", 0x100));
    SHOW(syscall(SYS_memfd_create, "x", MFD_HUGETLB | 5 << 26));
    SHOW(syscall(SYS_memfd_create, "x", 8 | 16));
    SHOW(syscall(SYS_memfd_create, name, 0));
    SHOW(syscall(SYS_memfd_create, (void*)8, 0));
    SHOW(syscall(SYS_memfd_create, "", 0));
    for (int command = 0; command <= 64; command = command ? command * 2 : 1)
        SHOW(syscall(SYS_membarrier, command, 0, 0));
}

/// Private copies of a file's pages outlast a hole that is punched there, but not the file's end.
static void holes(void) {
    const int fd = memfd_create("holes", 0);
    if (ftruncate(fd, 8 * kPage)) return;
    char* shared = mmap(NULL, 8 * kPage, kReadWrite, MAP_SHARED, fd, 0);
    for (int i = 0; i < 8; i++) shared[i * kPage] = 's';
    volatile char* own = mmap(NULL, 8 * kPage, kReadWrite, MAP_PRIVATE, fd, 0);
    own[0] = own[kPage] = own[5 * kPage] = 'p';
    printf("before: %d %d\n", own[2 * kPage], own[6 * kPage]);
    SHOW(madvise(shared, 4 * kPage, MADV_REMOVE));
    printf("MADV_REMOVE: copy %d, read %d, untouched %d\n", own[0], own[2 * kPage], own[3 * kPage]);
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4 * kPage, 4 * kPage));
    printf("fallocate: copy %d, read %d, untouched %d\n", own[5 * kPage], own[6 * kPage], own[7 * kPage]);
    if (ftruncate(fd, kPage) || ftruncate(fd, 8 * kPage)) return;
    printf("truncated: before the end %d, behind it %d\n", own[0], own[kPage]);
}

/// kB of pages in the area at `at` that are newer than what is behind them.
static long dirty(const void* at) { return smaps_field(at, "Private_Dirty:"); }

/// Pages of fallocate() are dirty at once, but nobody's until they are used: reading one maps no neighbours.
static void allocated(void) {
    const int fd = memfd_create("allocated", 0);
    if (ftruncate(fd, 16 * kPage)) return;
    const volatile char* at = mmap(NULL, 16 * kPage, kReadWrite, MAP_SHARED, fd, 0);
    for (int i = 0; i < 4; i++) (void)at[i * kPage];
    printf("read: %ld kB dirty\n", dirty((const void*)at));
    SHOW(fallocate(fd, 0, 2 * kPage, 6 * kPage));
    printf("allocated: %ld kB dirty\n", dirty((const void*)at));
    printf("data from %ld on\n", (long)lseek(fd, 5 * kPage, SEEK_DATA));
    SHOW(fallocate(fd, 0, 7 * kPage, 2 * kPage));  // page 7 a second time
    unsigned char resident[16];
    if (mincore((void*)at, sizeof resident * kPage, resident)) return;
    for (unsigned i = 0; i < sizeof resident; i++) printf("%d", resident[i] & 1);
    printf(" in memory\n");
    const long before = minor_faults();
    for (int i = 4; i < 8; i++) (void)at[i * kPage];
    printf("4 of them read: %ld faults, %ld kB dirty\n", minor_faults() - before, dirty((const void*)at));
    printf("data from %ld on\n", (long)lseek(fd, 5 * kPage, SEEK_DATA));
    SHOW(madvise((void*)at, kPage, 23));  // MADV_POPULATE_WRITE
    printf("to be written: %ld kB dirty\n", dirty((const void*)at));
}

int main(void) {
    p = mmap(NULL, 16 * kPage, kReadWrite, kAnonymous, -1, 0);
    program = open("/proc/self/exe", O_RDONLY);
    file = memfd_create("file", 0);
    if (ftruncate(file, 16 * kPage)) return 1;
    maps();
    moves();
    advice();
    locks();
    rights();
    others();
    holes();
    minor_faults();
    allocated();
    return 0;
}
