// Code that no CPU executes, and code that is cut off by the end of a page: which exception, where, with which address.
// libc: glibc
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static sigjmp_buf back;
static unsigned char *pages, *start;

static void on_signal(int number, siginfo_t* info, void* context) {
    greg_t* r = ((ucontext_t*)context)->uc_mcontext.gregs;
    printf("signal %d code %d trap %lld", number, info->si_code, r[REG_TRAPNO]);
    if (r[REG_TRAPNO] == 14)
        printf(" error %#llx cr2 %+ld", r[REG_ERR], (long)(r[REG_CR2] - (greg_t)pages - 4096));
    if (r[REG_TRAPNO] != 13) printf(" address %+ld", (long)((unsigned char*)info->si_addr - pages - 4096));
    printf(" rip %+ld\n", (long)((unsigned char*)r[REG_RIP] - start));
    siglongjmp(back, 1);
}

// The bytes end `behind` bytes after the end of the first page.
static void run(const char* name, const void* bytes, int size, int behind) {
    start = pages + 4096 - size + behind;
    memset(pages, 0xf4, 4096);
    memcpy(start, bytes, behind > 0 ? size - behind : size);
    printf("%s: ", name);
    fflush(stdout);
    if (!sigsetjmp(back, 1)) {
        ((void (*)(void))start)();
        puts("executed");
    }
}

int main(void) {
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    for (int signals[] = {SIGSEGV, SIGILL, SIGBUS, SIGTRAP}, i = 0; i < 4; i++) sigaction(signals[i], &action, 0);
    pages = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static const unsigned char move[10] = {0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8}, escape[2] = {0x0f, 0x05};
    unsigned char prefixes[16];
    memset(prefixes, 0x66, 15);
    prefixes[15] = 0x90;

    run("push es", "\x06", 1, -100);
    run("ud2", "\x0f\x0b", 2, -100);
    run("an opcode that is none", "\x0f\xff\x00", 3, -100);
    run("lock on what has no memory", "\xf0\x01\xc0", 3, -100);
    run("lea of a register", "\x8d\xc0", 2, -100);
    run("a privileged one", "\xf4", 1, -100);
    run("15 bytes", prefixes + 1, 15, -100);
    run("16 bytes", prefixes, 16, -100);

    for (int pass = 0; pass < 2; pass++) {
        if (pass == 0)
            mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE);  // without PROT_EXEC
        else
            munmap(pages + 4096, 4096);
        puts(pass == 0 ? "into a page that may not be executed" : "into no page");
        for (int cut = 1; cut < 10; cut += 4) run("mov cut", move, 10, cut);
        run("0f cut", escape, 2, 1);
        run("prefixes cut", prefixes, 16, 2);
        run("a jump there", "\x90", 1, 1);
        run("an undefined one just before", "\x0f\x0b", 2, 0);
    }
}
