// The work as a program. usage: program matrix|strings ROUNDS.
#include <stdio.h>
#include <stdlib.h>

#include "work.h"

static char memory[1 << 18] __attribute__((aligned(4096)));

int main(int argc, char** argv) {
    if (argc < 3) return 125;
    const long rounds = atol(argv[2]);
    double* const matrices = (double*)memory;
    if (argv[1][0] == 'm')
        printf("%ld\n", (long)multiply(matrices, matrices + 4096, matrices + 8192, rounds));
    else
        printf("%ld\n", strings(memory, memory + (1 << 16), rounds));
}
