// malloc below its threshold takes from the brk heap, above it (128 KiB in glibc) from mmap.
//
// libc: glibc
// expect-stdout: two blocks of 100 KiB: heap moved yes, both below brk yes
// expect-stdout: the 24 whole pages of a block of 100 KiB: 24 minor, 0 major faults
// expect-stdout: 255 whole pages of 1 MiB: 255 minor, 0 major faults
// expect-stdout: one of 1 MiB: heap moved no, below brk no
// expect-stdout: freed and asked for again: below brk yes
// expect-exit: 0
#include "lib/guest.h"

static const char* yes(int condition) {
    return condition ? "yes" : "no";
}

/// The pages that lie in the block alone: its first and last ones are malloc's too.
static void touch(const char* what, char* block, int pages) {
    volatile char* page = (volatile char*)(((unsigned long)block + kPage - 1) & -kPage);
    begin_step();
    for (int i = 0; i < pages; i++) page[i * kPage] = 1;
    end_step(what);
}

int main(void) {
    settle();
    char* start = sbrk(0);
    char *first = malloc(100 << 10), *second = malloc(100 << 10);
    char* middle = sbrk(0);
    printf("two blocks of 100 KiB: heap moved %s, both below brk %s\n", yes(middle > start),
           yes(first < middle && second < middle));
    middle = sbrk(0);
    char* large = malloc(1 << 20);
    char* end = sbrk(0);
    touch("the 24 whole pages of a block of 100 KiB", first, 24);
    touch("255 whole pages of 1 MiB", large, 255);
    printf("one of 1 MiB: heap moved %s, below brk %s\n", yes(end != middle), yes(large < end));
    free(first);
    free(second);
    free(large);
    // Freeing a mapped block raises the threshold (mallopt(3), M_MMAP_THRESHOLD): the next one comes from the
    // heap.
    char* next = malloc(1 << 20);
    printf("freed and asked for again: below brk %s\n", yes(next < (char*)sbrk(0)));
    free(next);
}
