// mlock brings pages in and keeps them: the touches that follow cost nothing, MADV_DONTNEED is refused, and a
// child inherits the memory but not the lock. With MLOCK_ONFAULT pages come when they are touched.
//
// expect-stdout: mlock of 4 pages: VmLck 16 kB, 0 faults to touch them
// expect-stdout: MADV_DONTNEED of locked memory: EINVAL
// expect-stdout: in a child: VmLck 0 kB
// expect-stdout: MLOCK_ONFAULT: VmLck 32 kB, 4 faults
// expect-stdout: over a hole: ENOMEM
// expect-stdout: munlockall: VmLck 0 kB
// expect-exit: 0
// expect-faults: anonymous>=8 signalled=0
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/guest.h"

static long locked_kb(void) {
    return proc_field("/proc/self/status", "VmLck:");
}

static long touch(volatile unsigned char* p, int pages) {
    const long before = minor_faults();
    for (int i = 0; i < pages; i++) p[i * kPage] = 1;
    return minor_faults() - before;
}

int main(void) {
    unsigned char* p = fresh_pages(8);
    minor_faults();
    mlock(p, 4 * kPage);
    long kb = locked_kb(), faults = touch(p, 4);
    printf("mlock of 4 pages: VmLck %ld kB, %ld faults to touch them\n", kb, faults);
    printf("MADV_DONTNEED of locked memory: %s\n",
           madvise(p, kPage, MADV_DONTNEED) && errno == EINVAL ? "EINVAL" : "no EINVAL");
    fflush(stdout);
    if (fork() == 0) {
        printf("in a child: VmLck %ld kB\n", locked_kb());
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    syscall(SYS_mlock2, p + 4 * kPage, 4 * kPage, 1);
    kb = locked_kb();
    faults = touch(p + 4 * kPage, 4);
    printf("MLOCK_ONFAULT: VmLck %ld kB, %ld faults\n", kb, faults);
    munmap(p + kPage, kPage);
    printf("over a hole: %s\n", mlock(p, 4 * kPage) && errno == ENOMEM ? "ENOMEM" : "no ENOMEM");
    munlockall();
    printf("munlockall: VmLck %ld kB\n", locked_kb());
}
