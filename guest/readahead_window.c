// Reading a mapped file in order costs one major fault, for it and those that follow bring windows of pages
// before they are asked for; after MADV_RANDOM each page is a major fault of its own. On a host whose cache
// has the file already there is none.
//
// options: --fault-around 4K
// host: no
// expect-stdout: two parts of the program's own file
// expect-stdout: in order: 127 minor, 1 major faults
// expect-stdout: in order: 128 pages, sum 128
// expect-stdout: at random: 0 minor, 128 major faults
// expect-stdout: at random: 128 pages, sum 128
// expect-exit: 0
// expect-faults: file_read>=240 major>=110
#include "lib/guest.h"

enum { kFar = 64, kPart = 128 };

/// In the program's own file: both parts are so far from each other and from all else that no window reaches
/// from one to the other.
static const struct {
    unsigned char before[kFar][kPage], first[kPart][kPage], between[kFar][kPage], second[kPart][kPage],
        behind[kFar][kPage];
} file __attribute__((aligned(4096))) = {.first = {[0 ... kPart - 1] = {[0] = 1, [100] = 7}},
                                         .second = {[0 ... kPart - 1] = {[0] = 1, [100] = 7}}};

int main(void) {
    const volatile unsigned char *first = file.first[0], *second = file.second[0];
    unsigned long sum = 0;
    printf("two parts of the program's own file\n");
    begin_cold_step();
    for (int i = 0; i < kPart; i++) sum += first[i * kPage];
    end_step("in order");
    printf("in order: %d pages, sum %lu\n", kPart, sum);
    madvise((void*)second, sizeof file.second, MADV_RANDOM);
    sum = 0;
    begin_cold_step();
    for (int i = 0; i < kPart; i++) sum += second[i * 37 % kPart * kPage];
    end_step("at random");
    printf("at random: %d pages, sum %lu\n", kPart, sum);
}
