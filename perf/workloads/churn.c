// Workload: malloc/free churn, 16 B to 4 KiB blocks, 1000 alive at once. usage: churn [thousand operations].
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kAlive = 1000 };

int main(int argc, char** argv) {
    long operations = (argc > 1 ? atol(argv[1]) : 2000) * 1000;
    static unsigned char* block[kAlive];
    uint32_t state = 1;
    uint64_t sum = 0;
    for (long i = 0; i < operations; i++) {
        state = state * 1664525u + 1013904223u;
        unsigned slot = (state >> 16) % kAlive;
        size_t size = 16 + (state >> 8 & 63) * (state >> 8 & 63);
        if (block[slot]) {
            sum += block[slot][0];
            free(block[slot]);
        }
        block[slot] = malloc(size);
        memset(block[slot], (int)(state >> 24), size < 64 ? size : 64);
    }
    printf("churn %llu\n", (unsigned long long)sum);
}
