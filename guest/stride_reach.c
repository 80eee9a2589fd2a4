// Walks N pages in order, round after round: with true LRU every reference misses once N exceeds a level's
// reach, and none (after the first round) while it fits. usage: stride_reach [pages] [rounds]
//
// expect-stdout: each page once: 48 minor, 0 major faults
// expect-stdout: in order, again and again: 0 minor, 0 major faults
// expect-stdout: 48 pages, 100 rounds: sum 4800
// expect-exit: 0
#include "lib/guest.h"

int main(int argc, char** argv) {
    long pages = argc > 1 ? atol(argv[1]) : 48, rounds = argc > 2 ? atol(argv[2]) : 100, sum = 0;
    volatile unsigned char* p = fresh_pages(pages);
    begin_cold_step();
    for (long i = 0; i < pages; i++) p[i * kPage] = 1;
    end_step("each page once");
    begin_cold_step();
    for (long round = 0; round < rounds; round++)
        for (long i = 0; i < pages; i++) sum += p[i * kPage];
    end_step("in order, again and again");
    printf("%ld pages, %ld rounds: sum %ld\n", pages, rounds, sum);
}
