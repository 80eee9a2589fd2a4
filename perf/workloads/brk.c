// Workload: the heap grown by brk, one page written each time, then given back. usage: brk [rounds of 256
// faults].
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { kPage = 4096, kPages = 256 };

int main(int argc, char** argv) {
    long rounds = argc > 1 ? atol(argv[1]) : 1000;
    unsigned char* start = sbrk(0);
    start += -(unsigned long)start & (kPage - 1);
    unsigned long sum = 0;
    for (long round = 0; round < rounds; round++) {
        for (int i = 0; i < kPages; i++) {
            if (brk(start + (long)(i + 1) * kPage)) return 1;
            start[(long)i * kPage] = (unsigned char)i;
        }
        sum += start[(round & 255) * kPage];
        if (brk(start)) return 1;
    }
    brk(start + kPage);
    printf("brk %lu\n", sum);
}
