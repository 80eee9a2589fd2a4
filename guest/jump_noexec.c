// A jump into data: the fetch meets a page with NX set (error code 0x15: present, user, instruction).
// SIGSEGV.
//
// expect-stdout: jumping
// expect-exit: 139
// expect-faults: signalled=1
#include <stdio.h>

static unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};  // mov eax, 42; ret

int main(void) {
    puts("jumping");
    fflush(stdout);
    code[1] = 43;
    int (*volatile f)(void) = (int (*)(void))(void*)code;
    printf("returned %d\n", f());
}
