// libc: glibc
// What read() and write() bring into the page cache, as mincore(), cachestat() and faults see it. usage:
// buffered_pages FILE, which is made and removed. Natively the same on a file system with a disk below
// (fadvise(DONTNEED) does nothing on tmpfs).
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kPage = 4096, kPages = 64 };

static unsigned long cached(int fd, unsigned long first, unsigned long pages) {
    unsigned long range[2] = {first * kPage, pages * kPage}, stat[5] = {0};
    if (syscall(451, fd, range, stat, 0)) perror("cachestat");
    return stat[0];
}

static void show(const char* when, int fd, unsigned char* map) {
    unsigned char vector[kPages];
    int resident = 0;
    mincore(map, kPages * kPage, vector);
    for (int i = 0; i < kPages; i++) resident += vector[i] & 1;
    printf("%s: cachestat %lu, of pages 8 to 15 %lu, mincore %d\n", when, cached(fd, 0, 0), cached(fd, 8, 8),
           resident);
}

static void touch(const char* what, const volatile unsigned char* at) {
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    getrusage(RUSAGE_SELF, &before);
    (void)*at;
    getrusage(RUSAGE_SELF, &after);
    printf("%s: %ld minor, %ld major\n", what, after.ru_minflt - before.ru_minflt,
           after.ru_majflt - before.ru_majflt);
}

static void drop(int fd) {
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

int main(int argc, char** argv) {
    static unsigned char bytes[kPages * kPage];
    if (argc < 2) return 2;
    const int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
    unsigned char* map = mmap(NULL, kPages * kPage, PROT_READ, MAP_SHARED, fd, 0);
    memset(bytes, 7, sizeof bytes);
    if (write(fd, bytes, sizeof bytes) != sizeof bytes) return 1;
    show("written", fd, map);
    drop(fd);
    show("dropped", fd, map);
    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    if (pread(fd, bytes, 4 * kPage, 10 * kPage) != 4 * kPage) return 1;
    show("4 pages read", fd, map);
    if (pread(fd, bytes, 2, 32 * kPage - 1) != 2) return 1;
    show("2 bytes of two pages read", fd, map);
    touch("a page that was read", map + 12 * kPage);
    touch("its neighbour", map + 13 * kPage);
    if (ftruncate(fd, 11 * kPage) || ftruncate(fd, kPages * kPage)) return 1;
    show("shortened to 11 pages and back", fd, map);
    munmap(map, kPages * kPage);
    drop(fd);
    map = mmap(NULL, kPages * kPage, PROT_READ, MAP_SHARED, fd, 0);
    madvise(map, kPages * kPage, MADV_RANDOM);
    show("dropped again", fd, map);
    touch("a page that was not read", map + 40 * kPage);
    show("touched", fd, map);
    unlink(argv[1]);
    return 0;
}
