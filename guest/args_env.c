// Arguments, environment and the auxiliary vector arrive as execve promises.
//
// args: one "two words" ""
// expect-exit: 3
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(int argc, char** argv, char** envp) {
    const char* name = strrchr(argv[0], '/');
    printf("argc %d, name %s\n", argc, name ? name + 1 : argv[0]);
    for (int i = 1; i < argc; i++) printf("[%s]\n", argv[i]);
    int variables = 0;
    while (envp[variables]) variables++;
    printf("PATH %s, variables %d, terminated %d\n", getenv("PATH") ? "set" : "none", variables, !argv[argc]);
    printf("page %lu, entry %d, random %d, secure %lu, clock %lu, name %d\n", getauxval(AT_PAGESZ),
           getauxval(AT_ENTRY) != 0, getauxval(AT_RANDOM) != 0, getauxval(AT_SECURE), getauxval(AT_CLKTCK),
           strcmp((char*)getauxval(AT_EXECFN), argv[0]));
    printf("stack aligned %d\n", (int)((unsigned long)__builtin_frame_address(0) & 15));
    return argc - 1;
}
