// Workload: the heap grown by brk, its pages written, then given back. usage: brk [rounds of 256 faults]
// [pages that each call grows it by: 1].
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { kPage = 4096, kPages = 256 };

int main(int argc, char** argv) {
    long rounds = argc > 1 ? atol(argv[1]) : 1000, pages = argc > 2 ? atol(argv[2]) : 1;
    unsigned char* start = sbrk(0);
    start += -(unsigned long)start & (kPage - 1);
    unsigned long sum = 0;
    for (long round = 0; round < rounds; round++) {
        for (long i = 0; i < kPages; i++) {
            if (i % pages == 0 && brk(start + (i + pages) * kPage)) return 1;
            start[(long)i * kPage] = (unsigned char)i;
        }
        sum += start[(round & 255) * kPage];
        if (brk(start)) return 1;
    }
    brk(start + kPage);
    printf("brk %lu\n", sum);
}
