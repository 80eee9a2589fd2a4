// Limits of memory: RLIMIT_DATA counts brk and all private writable memory, RLIMIT_AS all addresses, be they
// usable or not. What is over the limit is refused; what is there stays.
//
// expect-stdout: RLIMIT_DATA: brk refused, writable mmap refused, read-only mmap done, making it writable refused
// expect-stdout: RLIMIT_AS: 64 MiB without rights refused, one page done
// expect-stdout: all of it: 0 minor, 0 major faults
// expect-stdout: limits raised again: done
// expect-exit: 0
// expect-faults: signalled=0
#define _GNU_SOURCE
#include <sys/syscall.h>

#include "lib/guest.h"

static void limit(int which, rlim_t bytes) {
    struct rlimit limits;
    getrlimit(which, &limits);
    limits.rlim_cur = bytes == RLIM_INFINITY ? limits.rlim_max : bytes;
    setrlimit(which, &limits);
}

static unsigned char* map(long length, int rights) {
    return mmap(0, length, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static const char* done(int condition) {
    return condition ? "done" : "refused";
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    begin_step();
    const long large = 64l << 20;
    char* end = sbrk(0);
    limit(RLIMIT_DATA, 8 << 20);
    printf("RLIMIT_DATA: brk %s, ", done(syscall(SYS_brk, end + large) == (long)(end + large)));
    printf("writable mmap %s, ", done(map(large, PROT_READ | PROT_WRITE) != MAP_FAILED));
    unsigned char* readable = map(large, PROT_READ);
    printf("read-only mmap %s, ", done(readable != MAP_FAILED));
    printf("making it writable %s\n", done(!mprotect(readable, large, PROT_READ | PROT_WRITE)));
    limit(RLIMIT_DATA, RLIM_INFINITY);
    limit(RLIMIT_AS, 96 << 20);
    printf("RLIMIT_AS: 64 MiB without rights %s, ", done(map(large, PROT_NONE) != MAP_FAILED));
    printf("one page %s\n", done(map(kPage, PROT_READ) != MAP_FAILED));
    limit(RLIMIT_AS, RLIM_INFINITY);
    end_step("all of it");
    printf("limits raised again: %s\n", done(map(large, PROT_READ | PROT_WRITE) != MAP_FAILED));
}
