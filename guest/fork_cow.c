// Copy-on-write after fork: a child's first write to each page copies it; once the child has gone the parent's write
// finds itself alone and only makes the page writable again. Reads cost nothing on either side.
//
// expect-stdout: child reads 16 pages: 0 faults
// expect-stdout: child writes 16 pages: 16 faults
// expect-stdout: parent reads 16 pages: 0 faults
// expect-stdout: parent writes 16 pages: 16 faults
// expect-stdout: parent writes them again: 0 faults
// expect-stdout: sum 1 for the parent
// expect-faults: cow_copy>=16 cow_reuse>=16
#include <sys/wait.h>

#include "lib/guest.h"

enum { PAGES = 16 };

static long read_all(const volatile unsigned char* p) {
    minor_faults();  // the stack and its own code are there
    const long before = minor_faults();
    for (int i = 0; i < PAGES; i++) (void)p[i * kPage];
    return minor_faults() - before;
}

static long write_all(unsigned char* p, unsigned char value) {
    const long before = minor_faults();
    for (int i = 0; i < PAGES; i++) p[i * kPage] = value;
    return minor_faults() - before;
}

int main(void) {
    unsigned char* p = mmap(0, PAGES * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(p, PAGES * kPage, MADV_NOHUGEPAGE);
    write_all(p, 1);
    if (fork() == 0) {
        const long read = read_all(p), written = write_all(p, 2);
        printf("child reads %d pages: %ld faults\nchild writes %d pages: %ld faults\n", PAGES, read, PAGES, written);
        return 0;
    }
    wait(0);
    printf("parent reads %d pages: %ld faults\n", PAGES, read_all(p));
    printf("parent writes %d pages: %ld faults\n", PAGES, write_all(p, 1));
    printf("parent writes them again: %ld faults\n", write_all(p, 1));
    printf("sum %d for the parent\n", p[(PAGES - 1) * kPage]);
}
