// Reading a mapped file in order costs few major faults, for each brings a window of pages with it; after
// MADV_RANDOM each page is a major fault of its own. On a host whose cache has the file already there is
// none.
//
// options: --fault-around 4K
// expect-stdout: in order: 128 pages, sum 128
// expect-stdout: at random: 128 pages, sum 128
// expect-exit: 0
// expect-faults: file_read>=240 major>=110
#include "lib/guest.h"

/// Both parts, far from one another, are in the program's own file and are touched by nobody else.
static const struct {
    unsigned char pages[384][kPage];
} file __attribute__((aligned(4096))) = {.pages = {[0 ... 383] = {[0] = 1, [100] = 7}}};

int main(void) {
    const volatile unsigned char* p = file.pages[0];
    unsigned long sum = 0;
    for (int i = 0; i < 128; i++) sum += p[i * kPage];
    printf("in order: 128 pages, sum %lu\n", sum);
    madvise((void*)(p + 256 * kPage), 128 * kPage, MADV_RANDOM);
    sum = 0;
    for (int i = 0; i < 128; i++) sum += p[(256 + i * 37 % 128) * kPage];
    printf("at random: 128 pages, sum %lu\n", sum);
}
