// Workload: first-touch page faults: mmap 1 MiB, write one byte a page, munmap. usage: touch [rounds of 256
// faults].
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { kPage = 4096, kPages = 256 };

int main(int argc, char** argv) {
    long rounds = argc > 1 ? atol(argv[1]) : 2000;
    unsigned long sum = 0;
    for (long round = 0; round < rounds; round++) {
        unsigned char* p =
            mmap(0, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) return 1;
        for (int i = 0; i < kPages; i++) p[(long)i * kPage] = (unsigned char)i;
        sum += p[(round & 255) * kPage];
        munmap(p, kPages * kPage);
    }
    printf("touch %lu\n", sum);
}
