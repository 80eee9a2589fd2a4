// Code that changes itself on a page which is both writable and executable: its own next instruction, in a
// loop.
//
// expect-stdout: sum 4950
// expect-stdout: written, run and rewritten: 1 minor, 0 major faults
// expect-stdout: patched ahead: 7
// expect-exit: 0
#include <string.h>

#include "lib/guest.h"

int main(void) {
    unsigned char* page = fresh_pages(1);
    if (mprotect(page, kPage, PROT_READ | PROT_WRITE | PROT_EXEC)) return 1;
    static const unsigned char add[] = {0x8d, 0x47, 0, 0xc3};  // lea eax, [rdi + imm8]; ret
    begin_step();
    memcpy(page, add, sizeof add);
    int (*volatile f)(int) = (int (*)(int))(void*)page;
    int sum = 0;
    for (int i = 0; i < 100; i++) {
        page[2] = (unsigned char)i;
        sum += f(0);
    }
    printf("sum %d\n", sum);
    // mov byte ptr [rip + 1], 7; mov eax, 0; ret: the store changes the immediate of the very next
    // instruction.
    static const unsigned char ahead[] = {0xc6, 0x05, 1, 0, 0, 0, 7, 0xb8, 0, 0, 0, 0, 0xc3};
    memcpy(page, ahead, sizeof ahead);
    const int patched = f(0);
    end_step("written, run and rewritten");
    printf("patched ahead: %d\n", patched);
}
