// What brk, mmap, munmap and mprotect answer to bad arguments, in Linux's order of checks; the host is the
// oracle.
//
// expect-stdout: mmap length 0                            EINVAL
// expect-stdout: mmap neither private nor shared          EINVAL
// expect-stdout: mmap fixed misaligned                    EINVAL
// expect-stdout: mmap fixed beyond user space             ENOMEM
// expect-stdout: mmap noreplace on a mapping              EEXIST
// expect-stdout: mmap bad descriptor                      EBADF
// expect-stdout: mmap misaligned offset                   EINVAL
// expect-stdout: mmap of nearly everything                ENOMEM
// expect-stdout: mmap wrapping length                     ENOMEM
// expect-stdout: munmap misaligned                        EINVAL
// expect-stdout: munmap length 0                          EINVAL
// expect-stdout: munmap of nothing there                  ok
// expect-stdout: munmap beyond user space                 EINVAL
// expect-stdout: munmap a hole                            ok
// expect-stdout: mprotect misaligned                      EINVAL
// expect-stdout: mprotect over a hole                     ENOMEM
// expect-stdout: mprotect length 0                        ok
// expect-stdout: mprotect unknown bits                    EINVAL
// expect-stdout: mprotect grows both ways                 EINVAL
// expect-stdout: brk below its start                      ok
// expect-stdout: madvise unknown                          EINVAL
// expect-stdout: all of it: 0 minor, 0 major faults
// expect-exit: 0
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>

#include "lib/guest.h"

static const char* error_name(int error) {
    return error == EINVAL   ? "EINVAL"
           : error == ENOMEM ? "ENOMEM"
           : error == EEXIST ? "EEXIST"
           : error == EBADF  ? "EBADF"
                             : "another";
}

static void show(const char* what, long result) {
    printf("%-40s %s\n", what, result == -1 ? error_name(errno) : "ok");
}

int main(void) {
    begin_step();
    unsigned char* p = fresh_pages(4);
    int anonymous = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
    show("mmap length 0", (long)mmap(0, 0, rw, anonymous, -1, 0));
    show("mmap neither private nor shared", (long)mmap(0, kPage, rw, MAP_ANONYMOUS, -1, 0));
    show("mmap fixed misaligned", (long)mmap(p + 1, kPage, rw, anonymous | MAP_FIXED, -1, 0));
    show("mmap fixed beyond user space",
         (long)mmap((void*)(1ul << 47), kPage, rw, anonymous | MAP_FIXED, -1, 0));
    show("mmap noreplace on a mapping", (long)mmap(p, kPage, rw, anonymous | MAP_FIXED_NOREPLACE, -1, 0));
    show("mmap bad descriptor", (long)mmap(0, kPage, rw, MAP_PRIVATE, 99, 0));
    show("mmap misaligned offset", syscall(SYS_mmap, 0, kPage, rw, anonymous, -1, 1));
    show("mmap of nearly everything", (long)mmap(0, 1ul << 47, rw, anonymous, -1, 0));
    show("mmap wrapping length", (long)mmap(0, -1ul, rw, anonymous, -1, 0));
    show("munmap misaligned", munmap(p + 1, kPage));
    show("munmap length 0", munmap(p, 0));
    show("munmap of nothing there", munmap((void*)0x20000000, kPage));
    show("munmap beyond user space", munmap((void*)(1ul << 47), kPage));
    show("munmap a hole", munmap(p + kPage, kPage));
    show("mprotect misaligned", syscall(SYS_mprotect, p + 1, kPage, PROT_READ));  // musl rounds
    show("mprotect over a hole", mprotect(p, 3 * kPage, PROT_READ));
    show("mprotect length 0", mprotect(p, 0, PROT_READ));
    show("mprotect unknown bits", mprotect(p, kPage, 0x40));
    show("mprotect grows both ways", mprotect(p, kPage, PROT_GROWSDOWN | PROT_GROWSUP));
    show("brk below its start", syscall(SYS_brk, 1) == syscall(SYS_brk, 0) ? 0 : -1);
    show("madvise unknown", madvise(p, kPage, 12345));
    end_step("all of it");
}
