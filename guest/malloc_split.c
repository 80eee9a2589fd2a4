// malloc below its threshold takes from the brk heap, above it (128 KiB in glibc) from mmap.
//
// libc: glibc
// expect-stdout: two blocks of 100 KiB: heap moved yes, both below brk yes
// expect-stdout: one of 1 MiB: heap moved no, below brk no
// expect-stdout: freed and asked for again: below brk yes
// expect-exit: 0
#include "lib/guest.h"

static const char* yes(int condition) {
    return condition ? "yes" : "no";
}

int main(void) {
    char* start = sbrk(0);
    char *first = malloc(100 << 10), *second = malloc(100 << 10);
    char* middle = sbrk(0);
    printf("two blocks of 100 KiB: heap moved %s, both below brk %s\n", yes(middle > start),
           yes(first < middle && second < middle));
    middle = sbrk(0);
    char* large = malloc(1 << 20);
    char* end = sbrk(0);
    large[0] = large[(1 << 20) - 1] = 1;
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
