// JIT-style code: written to a page, made executable with mprotect, run; made writable again, changed, run
// again.
//
// expect-stdout: f() = 42
// expect-stdout: f() = 43
// expect-stdout: f() = 44
// expect-stdout: written, run and written again: 1 minor, 0 major faults
// expect-exit: 0
#include <string.h>

#include "lib/guest.h"

int main(void) {
    static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};  // mov eax, 42; ret
    unsigned char* page = fresh_pages(1);
    int (*volatile f)(void) = (int (*)(void))(void*)page;
    begin_step();
    memcpy(page, code, sizeof code);
    for (int i = 0; i < 3; i++) {
        if (mprotect(page, kPage, PROT_READ | PROT_EXEC)) return 1;
        printf("f() = %d\n", f());
        if (mprotect(page, kPage, PROT_READ | PROT_WRITE)) return 1;
        page[1]++;
    }
    end_step("written, run and written again");
}
