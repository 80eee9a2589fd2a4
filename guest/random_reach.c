// Reads random pages out of N: the miss rate of a level is about 1 - entries / N. usage: random_reach
// [pages] [reads]
//
// expect-stdout: each page once: 256 minor, 0 major faults
// expect-stdout: at random: 0 minor, 0 major faults
// expect-stdout: 256 pages, 20000 reads: sum 20000
// expect-exit: 0
#include "lib/guest.h"

int main(int argc, char** argv) {
    long pages = argc > 1 ? atol(argv[1]) : 256, reads = argc > 2 ? atol(argv[2]) : 20000, sum = 0;
    volatile unsigned char* p = fresh_pages(pages);
    begin_cold_step();
    for (long i = 0; i < pages; i++) p[i * kPage] = 1;
    end_step("each page once");
    begin_cold_step();
    unsigned long state = 1;
    for (long i = 0; i < reads; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        sum += p[(state >> 33) % pages * kPage];
    }
    end_step("at random");
    printf("%ld pages, %ld reads: sum %ld\n", pages, reads, sum);
}
