// A private file mapping: reads share the file's page, the first write copies it, the file keeps its bytes.
//
// expect-stdout: read 127, written 1, file still 127
// expect-stdout: writes: 1 faults for a page read before, 1 for one never touched
// expect-exit: 0
// expect-faults: cow_copy>=1 file_cow>=1
#define _GNU_SOURCE
#include <fcntl.h>

#include "lib/guest.h"

int main(int argc, char** argv) {
    (void)argc;
    int file = open(argv[0], O_RDONLY);
    volatile unsigned char* p = mmap(0, 4 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    if (p == MAP_FAILED) return 1;
    madvise((void*)p, 4 * kPage, MADV_RANDOM);
    int before = p[0];
    minor_faults();
    long start = minor_faults();
    p[0] = 1;
    long shared = minor_faults();
    p[3 * kPage] = 1;
    long fresh = minor_faults();
    unsigned char byte = 0;
    if (pread(file, &byte, 1, 0) != 1) return 1;
    printf("read %d, written %d, file still %d\n", before, p[0], byte);
    printf("writes: %ld faults for a page read before, %ld for one never touched\n", shared - start,
           fresh - shared);
}
