// membarrier: a barrier for all threads of the process at once; the private ones want to be asked for first.
//
// expect-stdout: query: has PRIVATE_EXPEDITED
// expect-stdout: before it was registered: EPERM
// expect-stdout: registered: 0, barrier: 0
// expect-stdout: all of it: 0 minor, 0 major faults
// expect-stdout: no such command: EINVAL; with a flag: EINVAL
// expect-exit: 0
// expect-faults: signalled=0
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>

#include "lib/guest.h"

enum { kQuery = 0, kPrivate = 8, kRegisterPrivate = 16 };

static const char* error_of(long result) {
    if (result >= 0) return "no error";
    return errno == EPERM ? "EPERM" : errno == EINVAL ? "EINVAL" : "another error";
}

int main(void) {
    begin_step();
    long commands = syscall(SYS_membarrier, kQuery, 0, 0);
    printf("query: has %s\n", commands > 0 && commands & kPrivate ? "PRIVATE_EXPEDITED" : "nothing");
    printf("before it was registered: %s\n", error_of(syscall(SYS_membarrier, kPrivate, 0, 0)));
    long registered = syscall(SYS_membarrier, kRegisterPrivate, 0, 0);
    printf("registered: %ld, barrier: %ld\n", registered, syscall(SYS_membarrier, kPrivate, 0, 0));
    end_step("all of it");
    printf("no such command: %s; ", error_of(syscall(SYS_membarrier, 1 << 30, 0, 0)));
    printf("with a flag: %s\n", error_of(syscall(SYS_membarrier, kQuery, 2, 0)));
}
