// A page that is read first gets the shared zero page; its first write faults again and gets a frame of its
// own.
//
// expect-stdout: read: 16 faults, sum 0
// expect-stdout: then written: 16 faults
// expect-stdout: written first: 16 faults
// expect-exit: 0
// expect-faults: anonymous_zero>=16 cow_copy>=16 anonymous>=16
#include "lib/guest.h"

int main(void) {
    volatile unsigned char* pages = fresh_pages(32);
    long sum = 0;
    minor_faults();
    long start = minor_faults();
    for (int i = 0; i < 16; i++) sum += pages[i * kPage];
    long read = minor_faults();
    for (int i = 0; i < 16; i++) pages[i * kPage] = 1;
    long upgraded = minor_faults();
    for (int i = 16; i < 32; i++) pages[i * kPage] = 1;
    long written = minor_faults();
    printf("read: %ld faults, sum %ld\n", read - start, sum);
    printf("then written: %ld faults\n", upgraded - read);
    printf("written first: %ld faults\n", written - upgraded);
}
