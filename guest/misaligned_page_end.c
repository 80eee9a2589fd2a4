// A misaligned access over a page end makes two references and, with both pages fresh, two faults; when the
// second page may not be written, nothing of the first is.
//
// expect-stdout: store over two fresh pages: 2 faults
// expect-stdout: read back 1122334455667788
// expect-stdout: SIGSEGV at page start + 0, first page kept 0
// expect-exit: 0
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "lib/guest.h"

static sigjmp_buf back;
static unsigned char* pages;
static volatile long where;

static void on_segv(int number, siginfo_t* info, void* context) {
    (void)number, (void)context;
    where = (unsigned char*)info->si_addr - (pages + 3 * kPage);
    siglongjmp(back, 1);
}

int main(void) {
    pages = fresh_pages(4);
    minor_faults();
    volatile unsigned long* split = (volatile unsigned long*)(pages + kPage - 3);
    long before = minor_faults();
    *split = 0x1122334455667788;
    long after = minor_faults();
    printf("store over two fresh pages: %ld faults\n", after - before);
    printf("read back %lx\n", *split);
    struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    mprotect(pages + 3 * kPage, kPage, PROT_READ);
    if (sigsetjmp(back, 1) == 0) *(volatile unsigned long*)(pages + 3 * kPage - 3) = ~0ul;
    printf("SIGSEGV at page start + %ld, first page kept %d\n", where, pages[3 * kPage - 1]);
}
