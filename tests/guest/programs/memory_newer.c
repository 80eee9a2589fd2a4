// libc: glibc
// Memory calls since Linux 5.10: mseal, MAP_DROPPABLE, process_madvise, cachestat; natively
// and here the same where the host is as new (6.11); a host that is older says ENOSYS in the first line.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kPage = 4096, kDroppable = 8, kColdAdvice = 20, kPageoutAdvice = 21 };

static const char* error_of(long result) {
    return result < 0 ? strerrorname_np(errno) : "ok";
}
static const char* map_error(const void* at) {
    return error_of(at == MAP_FAILED ? -1 : 0);
}
static long seal(void* at, size_t size, unsigned long flags) {
    return syscall(462, at, size, flags);
}

static void print_flags(const void* at) {
    char line[512], wanted[32];
    int found = 0;
    snprintf(wanted, sizeof wanted, "%lx-", (unsigned long)at);
    FILE* file = fopen("/proc/self/smaps", "r");
    while (fgets(line, sizeof line, file)) {
        found = found || !strncmp(line, wanted, strlen(wanted));
        if (!found || strncmp(line, "VmFlags:", 8)) continue;
        printf("flags:%s%s\n", strstr(line, " sl") ? " sealed" : "", strstr(line, " dp") ? " droppable" : "");
        break;
    }
    fclose(file);
}

static void sealed(void) {
    const int rw = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    char* at = mmap(NULL, 8 * kPage, rw, anonymous, -1, 0);
    at[kPage] = 's';
    printf("flags %s\n", error_of(seal(at, kPage, 1)));
    printf("unaligned %s\n", error_of(seal(at + 1, kPage, 0)));
    printf("nothing %s\n", error_of(seal(at, 0, 0)));
    printf("wraps %s\n", error_of(seal(at, -(size_t)kPage, 0)));
    munmap(at + 7 * kPage, kPage);
    printf("hole %s\n", error_of(seal(at, 8 * kPage, 0)));
    printf("seal %s\n", error_of(seal(at + kPage, 2 * kPage, 0)));
    printf("again %s\n", error_of(seal(at + kPage, 2 * kPage, 0)));
    print_flags(at + kPage);
    print_flags(at + 3 * kPage);
    printf("mprotect %s\n", error_of(mprotect(at + kPage, kPage, PROT_READ)));
    printf("same rights %s\n", error_of(mprotect(at + kPage, kPage, rw)));
    printf("munmap %s\n", error_of(munmap(at + 2 * kPage, kPage)));
    printf("munmap of more %s\n", error_of(munmap(at, 5 * kPage)));
    printf("beside it %s\n", error_of(mprotect(at + 3 * kPage, kPage, PROT_READ)));
    printf("MAP_FIXED %s\n", map_error(mmap(at + kPage, kPage, rw, anonymous | MAP_FIXED, -1, 0)));
    printf("grow %s\n", map_error(mremap(at + kPage, 2 * kPage, 4 * kPage, MREMAP_MAYMOVE)));
    printf("shrink %s\n", map_error(mremap(at + kPage, 2 * kPage, kPage, 0)));
    printf("no change %s\n", map_error(mremap(at + kPage, 2 * kPage, 2 * kPage, 0)));
    char* free_place = mmap(NULL, 4 * kPage, PROT_NONE, anonymous, -1, 0);
    printf("move %s\n",
           map_error(mremap(at + kPage, 2 * kPage, 2 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, free_place)));
    printf("onto it %s\n",
           map_error(mremap(at + 4 * kPage, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, at + kPage)));
    printf("contents %c\n", at[kPage]);
    printf("DONTNEED writable %s", error_of(madvise(at + kPage, kPage, MADV_DONTNEED)));
    printf(": %d\n", at[kPage]);
    char* readable = mmap(NULL, kPage, PROT_READ, anonymous, -1, 0);
    seal(readable, kPage, 0);
    printf("DONTNEED read-only %s\n", error_of(madvise(readable, kPage, MADV_DONTNEED)));
    printf("FREE %s\n", error_of(madvise(readable, kPage, MADV_FREE)));
    printf("WIPEONFORK %s\n", error_of(madvise(readable, kPage, MADV_WIPEONFORK)));
    printf("WILLNEED %s\n", error_of(madvise(readable, kPage, MADV_RANDOM)));
    printf("mlock %s\n", error_of(mlock(readable, kPage)));
    fflush(stdout);
    if (!fork()) {
        printf("in a child %s\n", error_of(munmap(at + kPage, kPage)));
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    char* heap = sbrk(4 * kPage);
    char* page = (char*)(((unsigned long)heap + kPage - 1) & -(unsigned long)kPage);
    seal(page, kPage, 0);
    printf("brk %s\n", syscall(SYS_brk, heap) == (long)heap ? "ok" : "refused");
}

static void droppable(void) {
    const int rw = PROT_READ | PROT_WRITE, kind = kDroppable | MAP_ANONYMOUS;
    char* at = mmap(NULL, 4 * kPage, rw, kind, -1, 0);
    printf("droppable %s\n", map_error(at));
    if (at == MAP_FAILED) return;
    at[0] = 'd';
    print_flags(at);
    printf("locked %s\n", map_error(mmap(NULL, kPage, rw, kind | MAP_LOCKED, -1, 0)));
    printf("GROWSDOWN %s\n", map_error(mmap(NULL, kPage, rw, kind | MAP_GROWSDOWN, -1, 0)));
    int fd = memfd_create("file", 0);
    printf("file %s\n", map_error(mmap(NULL, kPage, rw, kDroppable, fd, 0)));
    close(fd);
    printf("KEEPONFORK %s\n", error_of(madvise(at, kPage, MADV_KEEPONFORK)));
    printf("DODUMP %s\n", error_of(madvise(at, kPage, MADV_DODUMP)));
    printf("mlock %s\n", error_of(mlock(at, kPage)));
    fflush(stdout);
    if (!fork()) {
        printf("child sees %d\n", at[0]);
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    printf("parent sees %c\n", at[0]);
    munmap(at, 4 * kPage);
}

static void others(void) {
    char* at = mmap(NULL, 4 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(at, 1, 4 * kPage);
    int self = syscall(SYS_pidfd_open, getpid(), 0);
    struct iovec ranges[2] = {{at, kPage}, {at + 2 * kPage, 2 * kPage}};
    printf("process_madvise %ld\n", syscall(440, self, ranges, 2, kColdAdvice, 0));
    printf("flags %s\n", error_of(syscall(440, self, ranges, 2, kColdAdvice, 1)));
    printf("advice %s\n", error_of(syscall(440, self, ranges, 2, 99, 0)));
    printf("fd %s\n", error_of(syscall(440, -1, ranges, 2, kColdAdvice, 0)));
    printf("no pidfd %s\n", error_of(syscall(440, 1, ranges, 2, kColdAdvice, 0)));
    printf("list %s\n", error_of(syscall(440, self, 8, 2, kColdAdvice, 0)));
    printf("many %s\n", error_of(syscall(440, self, ranges, 1025, kColdAdvice, 0)));
    munmap(at + kPage, kPage);
    ranges[1].iov_base = at + kPage;
    printf("second has a hole %ld\n", syscall(440, self, ranges, 2, kPageoutAdvice, 0));
    ranges[0].iov_base = at + kPage;
    printf("first %s\n", error_of(syscall(440, self, ranges, 2, kPageoutAdvice, 0)));
    close(self);

    int fd = memfd_create("pages", 0);
    ftruncate(fd, 16 * kPage);
    for (int i = 0; i < 16; i += 2) pwrite(fd, "x", 1, i * kPage);
    unsigned long range[2] = {0, 0}, stat[5] = {9, 9, 9, 9, 9};
    printf("cachestat %s", error_of(syscall(451, fd, range, stat, 0)));
    printf(": %lu %lu %lu %lu %lu\n", stat[0], stat[1], stat[2], stat[3], stat[4]);
    range[0] = kPage, range[1] = 4 * kPage;
    syscall(451, fd, range, stat, 0);
    printf("of four pages %lu\n", stat[0]);
    printf("flags %s\n", error_of(syscall(451, fd, range, stat, 1)));
    printf("fd %s\n", error_of(syscall(451, -1, range, stat, 0)));
    printf("range %s\n", error_of(syscall(451, fd, 8, stat, 0)));
    close(fd);
}

int main(void) {
    printf("mseal %s\n", error_of(seal(NULL, 0, 0)));
    sealed();
    droppable();
    others();
    return 0;
}
