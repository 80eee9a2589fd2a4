// Rules of where a program lies (E1 .. E4), a line each; without randomisation every Linux prints the same.
// It runs itself again for its arguments' limits.
// libc: glibc
// flags: -O1 -static -Wno-unused-function
#include "rules.h"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

static unsigned long zeroed[3000] = {0}, filled[600] = {1};

static void auxiliary(char** environment) {
    char** at = environment;
    while (*at) at++;
    printf("E1 auxv:");
    for (const ElfW(auxv_t)* entry = (void*)(at + 1);; entry++) {
        // Newer kernels tell more: HWCAP3 and HWCAP4.
        if (entry->a_type != 29 && entry->a_type != 30) printf(" %lu", entry->a_type);
        if (entry->a_type == AT_NULL) break;
    }
    putchar('\n');
    extern char __ehdr_start;
    const ElfW(Ehdr)* header = (void*)&__ehdr_start;
    rule("E1", "PHDR in the image %d, PHNUM %d, ENTRY %d, BASE %lu, PAGESZ %lu, CLKTCK %lu, SECURE %lu",
         getauxval(AT_PHDR) == (unsigned long)&__ehdr_start + header->e_phoff,
         getauxval(AT_PHNUM) == header->e_phnum, getauxval(AT_ENTRY) == header->e_entry, getauxval(AT_BASE),
         getauxval(AT_PAGESZ), getauxval(AT_CLKTCK), getauxval(AT_SECURE));
    rule("E1", "PLATFORM %s, EXECFN below the end of the stack %d", (char*)getauxval(AT_PLATFORM),
         getauxval(AT_EXECFN) + strlen((char*)getauxval(AT_EXECFN)) + 9 == kTaskSize);
}

static void image(void) {
    extern char _end;
    int all = 1;
    for (unsigned i = 0; i < 3000; i++) all &= zeroed[i] == 0;
    rule("E2", "bss is zero: %d; data is filled: %lu; the last byte of bss %s", all, filled[0],
         READ(&_end - 1));
    rule("E2", "code cannot be written: %s; data cannot be executed: %s", WRITE((uintptr_t)&image),
         FETCH(filled));
}

static void stack(char** argv) {
    uintptr_t local = (uintptr_t)&argv;
    rule("E3", "rsp below argv, strings above: %d %d",
         local<(uintptr_t)argv, (uintptr_t)argv[0]>(uintptr_t) argv);
    rule("E3", "the 8 bytes at the very end are zero: %d, then nothing: %s", *(long*)(kTaskSize - 8) == 0,
         READ(kTaskSize));
    FILE* maps = fopen("/proc/self/maps", "r");
    char line[256], rights[8];
    unsigned long from, to;
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "[stack]") && sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3)
            rule("E3", "[stack] %s ends at %lx, holds rsp: %d", rights, to, local >= from && local < to);
    fclose(maps);
}

static const char* exec_with(size_t length) {
    static char text[8 << 20];
    memset(text, 'x', length);
    text[length] = 0;
    fflush(stdout);
    int status;
    if (fork() == 0) {
        execl("/proc/self/exe", "rules_exec", "again", text, (char*)0);
        _exit(errno == E2BIG ? 77 : 78);
    }
    wait(&status);
    return WEXITSTATUS(status) == 77 ? "E2BIG" : WEXITSTATUS(status) == 0 ? "ok" : "another";
}

/// Many strings of 100 KiB: up to a quarter of RLIMIT_STACK in all, 6 MiB at most.
static const char* exec_with_many(int count) {
    static char text[100 << 10];
    static char* argv[100] = {"rules_exec", "again"};
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < count; i++) argv[2 + i] = text;
    argv[2 + count] = 0;
    fflush(stdout);
    int status;
    if (fork() == 0) {
        char* none[] = {0};
        execve("/proc/self/exe", argv, none);
        _exit(errno == E2BIG ? 77 : 78);
    }
    wait(&status);
    return WEXITSTATUS(status) == 77 ? "E2BIG" : WEXITSTATUS(status) == 0 ? "ok" : "another";
}

int main(int argc, char** argv, char** environment) {
    if (argc > 1) return 0;
    catch_traps();
    auxiliary(environment);
    image();
    stack(argv);
    const char *longest = exec_with(131071), *longer = exec_with(131072);
    rule("E4", "a string of 128 KiB with its end %s, a byte more %s", longest, longer);
    set_limit(RLIMIT_STACK, 8 << 20);
    const char *some = exec_with_many(20), *many = exec_with_many(21);
    rule("E4", "a quarter of an 8 MiB stack: 20 times 100 KiB %s, 21 times %s", some, many);
    set_limit(RLIMIT_STACK, 64 << 20);
    some = exec_with_many(61), many = exec_with_many(62);
    rule("E4", "6 MiB at most: 61 times %s, 62 times %s", some, many);
    return 0;
}
