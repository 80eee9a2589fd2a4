// Workload: the calls and faults that areas are for. usage: areas MODE ROUNDS
//   churn  a page mapped and unmapped, ROUNDS times
//   many   65,000 areas, then ROUNDS first touches all over them, each given up again
//   cow    a forked child writes 1024 pages that it shares with its parent, ROUNDS times
// Prints what it did; its speed is for who runs it to take.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kPage = 4096, kAreas = 65000, kCowPages = 1024 };

static long churn(long rounds) {
    for (long i = 0; i < rounds; i++) {
        void* page = mmap(0, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED || munmap(page, kPage)) exit(1);
    }
    return rounds;
}

static long many(long rounds) {
    // Every other page may be written: neighbours never merge.
    unsigned char* base = mmap(0, (long)kAreas * kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) exit(1);
    for (long i = 1; i < kAreas; i += 2)
        if (mprotect(base + i * kPage, kPage, PROT_READ | PROT_WRITE)) exit(1);
    unsigned long place = 1;
    for (long i = 0; i < rounds; i++) {
        place = place * 6364136223846793005ul + 1442695040888963407ul;
        unsigned char* page = base + ((place >> 33) % (kAreas / 2) * 2 + 1) * kPage;
        *page = 1;
        madvise(page, kPage, MADV_DONTNEED);
    }
    return rounds;
}

static long cow(long rounds) {
    unsigned char* base = mmap(0, kCowPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) exit(1);
    madvise(base, kCowPages * kPage, MADV_NOHUGEPAGE);
    memset(base, 1, kCowPages * kPage);
    for (long i = 0; i < rounds; i++) {
        if (fork() == 0) {
            for (long page = 0; page < kCowPages; page++) base[page * kPage] = 2;
            _exit(0);
        }
        wait(NULL);
    }
    return rounds * kCowPages;
}

int main(int argc, char** argv) {
    const char* mode = argc > 1 ? argv[1] : "churn";
    const long rounds = argc > 2 ? atol(argv[2]) : 1000;
    const long done = !strcmp(mode, "cow") ? cow(rounds) : !strcmp(mode, "many") ? many(rounds) : churn(rounds);
    printf("%s %ld\n", mode, done);
    return 0;
}
