// Writes 16 MiB page by page and reads them back twice. With `--memory 8M --swap 64M` half of it is in swap
// at any time, and nothing but the fault counts shows it.
//
// expect-stdout: written: 4096 minor, 0 major faults
// expect-stdout: read twice: 0 minor, 0 major faults
// expect-stdout: 4096 pages written, read back: 4096 right, 4096 right
// expect-exit: 0
// expect-faults: anonymous>=4096 swap=0
#include "lib/guest.h"

int main(void) {
    enum { kPages = 4096 };
    unsigned char* pages = fresh_pages(kPages);
    long right[2] = {0, 0};
    begin_step();
    for (long i = 0; i < kPages; i++) *(long*)(pages + i * kPage + i % 500 * 8) = i + 1;
    end_step("written");
    begin_step();
    for (int round = 0; round < 2; round++)
        for (long i = 0; i < kPages; i++) right[round] += *(long*)(pages + i * kPage + i % 500 * 8) == i + 1;
    end_step("read twice");
    printf("%d pages written, read back: %ld right, %ld right\n", kPages, right[0], right[1]);
}
