// libc: glibc
// Lists of buffers that run into a hole, with lengths and counts out of range: readv, preadv, writev,
// process_vm_readv on either side and process_madvise. A negative length counts before what lies behind it
// cannot be read; of the count of a local list the low 32 bits count. At the same addresses as natively.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kPage = 4096, kColdAdvice = 20 };

static int zero, null, self;
static char here[16];

static void show(const char* call, long result) {
    if (result < 0)
        printf(" %s %s", call, strerrorname_np(errno));
    else
        printf(" %s %ld", call, result);
}

static void all(const char* what, const struct iovec* list, unsigned long count) {
    const struct iovec mine = {here, sizeof here};
    printf("%s:", what);
    show("readv", syscall(SYS_readv, zero, list, count));
    show("preadv", syscall(SYS_preadv, zero, list, count, 0, 0));
    show("writev", syscall(SYS_writev, null, list, count));
    show("local", syscall(SYS_process_vm_readv, getpid(), list, count, &mine, 1, 0));
    show("remote", syscall(SYS_process_vm_readv, getpid(), &mine, 1, list, count, 0));
    show("advice", syscall(440, self, list, count, kColdAdvice, 0));
    printf("\n");
}

int main(void) {
    void* const far = (void*)(1ul << 47);
    zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
    self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    char* p = mmap(NULL, 3 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + kPage, kPage);
    struct iovec* last = (struct iovec*)(p + kPage - sizeof *last);
    *last = (struct iovec){p, 4};
    all("one", last, 1);
    all("runs out", last, 2);
    *last = (struct iovec){p, -1ul};
    all("negative", last, 1);
    all("negative, runs out", last, 2);
    *last = (struct iovec){far, 4};
    all("far", last, 1);
    all("far, runs out", last, 2);
    *last = (struct iovec){far, 0};
    all("far and empty", last, 1);
    *last = (struct iovec){p, -1ul >> 1};
    all("longest", last, 1);
    *last = (struct iovec){p, 4};
    all("count 2^32", last, 1ul << 32);
    all("count 2^32 + 1", last, (1ul << 32) + 1);
    all("count 1025", last, 1025);
    all("count -1", last, -1ul);
    all("none, of the kernel's", (struct iovec*)(1ul << 63), 0);
    all("one, of the kernel's", (struct iovec*)(1ul << 63), 1);
    const struct iovec large[] = {{(void*)0x10000, 0x7ffff000}, {p, 4}, {p, -1ul}, {far, 4}};
    show("2 GiB and 4:", syscall(SYS_writev, null, large, 2));
    show("and a negative:", syscall(SYS_writev, null, large, 3));
    printf("\n");
    return 0;
}
