// A file in memory, mapped shared and private: what is written through one way is seen through all others at
// once, private writes stay private, msync and ftruncate act on all.
//
// expect-stdout: written through the mapping, read() sees: mapped
// expect-stdout: written with write(), the mapping sees: written
// expect-stdout: a private write: the mapping has 'p', the file 'w'
// expect-stdout: 4 shared pages written: 4 faults
// expect-stdout: msync: 0; over a hole: ENOMEM; both kinds at once: EINVAL
// expect-stdout: truncated: SIGBUS beyond the end; and longer again: zero
// expect-stdout: sealed against writing: a shared writable mapping EPERM
// expect-exit: 0
// expect-faults: file_shared>=4 cow_copy>=1 signalled=1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "lib/guest.h"

static sigjmp_buf back;

static void on_signal(int signal) {
    siglongjmp(back, signal);
}

int main(void) {
    int fd = memfd_create("file", MFD_ALLOW_SEALING);
    char bytes[16] = "";
    if (fd < 0 || ftruncate(fd, 8 * kPage)) return 1;
    unsigned char* p = mmap(0, 8 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    volatile unsigned char* q = mmap(0, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    strcpy((char*)p, "mapped");
    if (pread(fd, bytes, 10, 0) != 10) return 1;
    printf("written through the mapping, read() sees: %s\n", bytes);
    if (pwrite(fd, "written", 8, 0) != 8) return 1;
    printf("written with write(), the mapping sees: %s\n", (char*)p);
    if (*q != 'w') return 1;
    *q = 'p';
    printf("a private write: the mapping has '%c', the file '%c'\n", *q, *p);
    minor_faults();
    long before = minor_faults();
    for (int i = 2; i < 6; i++) p[i * kPage] = 1;
    printf("4 shared pages written: %ld faults\n", minor_faults() - before);
    printf("msync: %d; ", msync(p, 8 * kPage, MS_SYNC));
    munmap(p + 7 * kPage, kPage);
    printf("over a hole: %s; ", msync(p, 8 * kPage, MS_SYNC) && errno == ENOMEM ? "ENOMEM" : "no ENOMEM");
    printf("both kinds at once: %s\n",
           msync(p, kPage, MS_SYNC | MS_ASYNC) && errno == EINVAL ? "EINVAL" : "no EINVAL");
    signal(SIGBUS, on_signal);
    if (ftruncate(fd, 3 * kPage)) return 1;
    if (!sigsetjmp(back, 1))
        printf("truncated: %d beyond the end; ", ((volatile unsigned char*)p)[4 * kPage]);
    else
        printf("truncated: SIGBUS beyond the end; ");
    if (ftruncate(fd, 8 * kPage)) return 1;
    printf("and longer again: %s\n", p[4 * kPage] == 0 ? "zero" : "old bytes");
    munmap(p, 8 * kPage);
    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE);
    void* sealed = mmap(0, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    printf("sealed against writing: a shared writable mapping %s\n",
           sealed == MAP_FAILED && errno == EPERM ? "EPERM" : "is made");
}
