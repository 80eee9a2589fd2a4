// A compiler's two ways to write code that it runs: one mapping whose rights go to and fro (never writable
// and executable at once), and two mappings of one memfd, one to write and one to run. Each round is other
// code.
//
// expect-stdout: rights to and fro: 1 minor, 0 major faults
// expect-stdout: rights to and fro: sum of 50 functions 1225
// expect-stdout: two mappings: 2 minor, 0 major faults
// expect-stdout: two mappings: sum of 50 functions 1225
// expect-stdout: the executable one cannot be written: yes
// expect-stdout: the writable one cannot be executed: yes
// expect-exit: 0
// expect-faults: signalled=2
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "lib/guest.h"

typedef int (*Function)(void);

static sigjmp_buf back;

static void on_signal(int signal) {
    siglongjmp(back, signal);
}

/// mov eax, number; ret
static void assemble(unsigned char* at, int number) {
    at[0] = 0xb8;
    memcpy(at + 1, &number, 4);
    at[5] = 0xc3;
}

static void rights(void) {
    unsigned char* code = mmap(0, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int sum = 0;
    begin_step();
    for (int n = 0; n < 50; n++) {
        mprotect(code, kPage, PROT_READ | PROT_WRITE);
        assemble(code, n);
        mprotect(code, kPage, PROT_READ | PROT_EXEC);
        sum += ((Function)(void*)code)();
    }
    end_step("rights to and fro");
    printf("rights to and fro: sum of 50 functions %d\n", sum);
}

static void two_mappings(void) {
    int fd = memfd_create("code", 0);
    if (ftruncate(fd, kPage)) exit(1);
    unsigned char* write = mmap(0, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unsigned char* run = mmap(0, kPage, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    int sum = 0;
    begin_step();
    for (int n = 0; n < 50; n++) {
        assemble(write, n);
        sum += ((Function)(void*)run)();
    }
    end_step("two mappings");
    printf("two mappings: sum of 50 functions %d\n", sum);
    signal(SIGSEGV, on_signal);
    if (!sigsetjmp(back, 1))
        *(volatile unsigned char*)run = 0x90;
    else
        printf("the executable one cannot be written: yes\n");
    if (!sigsetjmp(back, 1))
        ((Function)(void*)write)();
    else
        printf("the writable one cannot be executed: yes\n");
}

int main(void) {
    rights();
    two_mappings();
    return 0;
}
