// The main story: malloc asks brk for more heap, the first touch of each page faults, free gives the top
// back.
//
// libc: glibc
// expect-stdout: malloc asked brk for more heap: yes
// expect-stdout: first touch of 16 pages: 16 faults
// expect-stdout: second touch: 0 faults
// expect-stdout: free gave heap back: yes
// expect-exit: 0
// expect-faults: anonymous>=16
#include <malloc.h>

#include "lib/guest.h"

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    minor_faults();
    char* heap = sbrk(0);
    char* volatile block = malloc(256 << 10);
    char* grown = sbrk(0);
    printf("malloc asked brk for more heap: %s\n", grown > heap ? "yes" : "no");
    volatile char* first = (volatile char*)(((unsigned long)heap + kPage) & -kPage);
    long before = minor_faults();
    for (int i = 0; i < 16; i++) first[i * kPage] = 'x';
    long after = minor_faults();
    for (int i = 0; i < 16; i++) first[i * kPage] = 'y';
    long again = minor_faults();
    printf("first touch of 16 pages: %ld faults\n", after - before);
    printf("second touch: %ld faults\n", again - after);
    free(block);
    printf("free gave heap back: %s\n", (char*)sbrk(0) < grown ? "yes" : "no");
}
