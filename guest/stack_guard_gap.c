// Memory that grows downwards stops 256 pages (1 MiB) above what lies below it: so far a touch makes it grow,
// below it is a SIGSEGV as anywhere else. A neighbour without rights is gap enough by itself.
//
// expect-stdout: one of two: 1 minor, 0 major faults
// expect-stdout: a neighbour 300 pages below: grows by 44 pages, not by 45
// expect-stdout: the same neighbour without rights: grows by 299 pages
// expect-exit: 0
// expect-faults: signalled=1
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>

#include "lib/guest.h"

static sigjmp_buf back;

static void on_signal(int signal) {
    siglongjmp(back, signal);
}

static int touch(volatile unsigned char* at) {
    if (sigsetjmp(back, 1)) return 0;
    *at = 1;
    return 1;
}

/// A page that grows downwards, with a neighbour whose end is 300 pages below it.
static unsigned char* growing(int neighbour_rights) {
    unsigned char* room = mmap(0, 700 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(room, 700 * kPage);
    mmap(room + 300 * kPage, kPage, neighbour_rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    return mmap(room + 601 * kPage, kPage, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
}

int main(void) {
    signal(SIGSEGV, on_signal);
    unsigned char* p = growing(PROT_READ);
    begin_step();
    int by_44 = touch(p - 44 * kPage), by_45 = touch(p - 45 * kPage);
    end_step("one of two");
    printf("a neighbour 300 pages below: grows by %s, not by %s\n", by_44 ? "44 pages" : "less",
           by_45 ? "more" : "45");
    p = growing(PROT_NONE);
    printf("the same neighbour without rights: grows by %s\n", touch(p - 299 * kPage) ? "299 pages" : "less");
}
