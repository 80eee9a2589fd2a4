// A protection key takes the rights to pages away and gives them back without a system call and without a
// flush: by one register. On a CPU without keys (try --cpu skylake for one with them) mprotect does the same.
//
// libc: glibc
// expect-stdout: with rights: 42
// expect-stdout: no access: a read is refused, a write is refused
// expect-stdout: no writes: 42, a write is refused
// expect-stdout: one page, read and written: 1 minor, 0 major faults
// expect-stdout: with rights again: 43
// expect-exit: 0
// expect-faults: signalled=3
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>

#include "lib/guest.h"

static sigjmp_buf back;
static int key;
static unsigned char* page;

static void on_signal(int signal) {
    siglongjmp(back, signal);
}

static void rights(int deny) {
    if (key > 0) {
        pkey_set(key, deny);
        return;
    }
    const int access = deny & PKEY_DISABLE_ACCESS;
    mprotect(page, kPage, access ? PROT_NONE : deny ? PROT_READ : PROT_READ | PROT_WRITE);
}

static const char* read_it(void) {
    volatile unsigned char* p = page;
    if (sigsetjmp(back, 1)) return "is refused";
    return *p ? "is done" : "finds 0";
}

static const char* write_it(void) {
    volatile unsigned char* p = page;
    if (sigsetjmp(back, 1)) return "is refused";
    *p = 43;
    return "is done";
}

int main(void) {
    signal(SIGSEGV, on_signal);
    page = fresh_pages(1);
    begin_step();
    *page = 42;
    key = pkey_alloc(0, 0);
    if (key > 0) pkey_mprotect(page, kPage, PROT_READ | PROT_WRITE, key);
    printf("with rights: %d\n", *page);
    rights(PKEY_DISABLE_ACCESS);
    const char* reading = read_it();
    rights(PKEY_DISABLE_ACCESS);  // a signal handler begins with the kernel's rights, siglongjmp keeps them
    printf("no access: a read %s, ", reading);
    printf("a write %s\n", write_it());
    rights(PKEY_DISABLE_WRITE);
    printf("no writes: %d, a write %s\n", *page, write_it());
    rights(0);
    write_it();
    end_step("one page, read and written");
    printf("with rights again: %d\n", *page);
}
