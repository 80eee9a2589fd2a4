// The whole story of malloc: below the mmap threshold it moves the break and the heap's area grows; above, it
// maps an area of its own; either way there is no frame until a page is touched. Of five pages asked for and
// three touched VSZ counts 20 kB and RSS 12 kB.
//
// libc: glibc
// expect-stdout: malloc(100000): the break moved by 96 kB, the heap's area grew by 96 kB, 1 page for its own words
// expect-stdout: malloc(200000): the break stays, 196 kB more of addresses, 1 page for its own words
// expect-stdout: 5 pages more of heap: VSZ +20 kB, RSS +0 kB
// expect-stdout: 3 of them touched: VSZ +20 kB, RSS +12 kB, 3 faults
// expect-stdout: touched again: 0 faults
// expect-stdout: given back: VSZ +0 kB, RSS +0 kB
// expect-exit: 0
// expect-faults: anonymous>=6
#include <fcntl.h>
#include <malloc.h>
#include <string.h>

#include "lib/guest.h"

static char text[1 << 16];

/// No allocation: what is measured must not move.
static const char* contents_of(const char* file) {
    int fd = open(file, O_RDONLY);
    size_t length = 0;
    for (ssize_t n; (n = read(fd, text + length, sizeof text - 1 - length)) > 0;) length += (size_t)n;
    close(fd);
    text[length] = 0;
    return text;
}

static long status_kb(const char* field) {
    return atol(strstr(contents_of("/proc/self/status"), field) + strlen(field));
}

static long heap_kb(void) {
    char* line = strstr(contents_of("/proc/self/maps"), "[heap]");
    unsigned long start, end;
    while (line > text && line[-1] != '\n') line--;
    sscanf(line, "%lx-%lx", &start, &end);
    return (long)(end - start) / 1024;
}

int main(void) {
    static char buffer[4096];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    mallopt(M_TOP_PAD, 0);
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    char* volatile filler = malloc(1000);  // until little is left of the heap so far
    while (filler < (char*)sbrk(0) - 4096) filler = malloc(1000);
    minor_faults();
    heap_kb(), status_kb("VmSize:");
    char* end = sbrk(0);
    long heap = heap_kb(), before = minor_faults();
    char* volatile small = malloc(100000);
    long faults = minor_faults() - before;
    printf(
        "malloc(100000): the break moved by %ld kB, the heap's area grew by %ld kB, %ld page for its own "
        "words\n",
        ((char*)sbrk(0) - end) / 1024, heap_kb() - heap, faults);
    long size = status_kb("VmSize:");
    end = sbrk(0);
    before = minor_faults();
    char* volatile large = malloc(200000);
    faults = minor_faults() - before;
    printf("malloc(200000): the break %s, %ld kB more of addresses, %ld page for its own words\n",
           sbrk(0) == end ? "stays" : "moved", status_kb("VmSize:") - size, faults);
    free(large);
    free(small);
    size = status_kb("VmSize:");
    long resident = status_kb("RssAnon:");
    volatile char* five = sbrk(5 * kPage);
    printf("5 pages more of heap: VSZ +%ld kB, RSS +%ld kB\n", status_kb("VmSize:") - size,
           status_kb("RssAnon:") - resident);
    before = minor_faults();
    five[0] = five[kPage] = five[2 * kPage] = 1;
    faults = minor_faults() - before;
    printf("3 of them touched: VSZ +%ld kB, RSS +%ld kB, %ld faults\n", status_kb("VmSize:") - size,
           status_kb("RssAnon:") - resident, faults);
    before = minor_faults();
    five[0] = five[kPage] = five[2 * kPage] = 2;
    printf("touched again: %ld faults\n", minor_faults() - before);
    sbrk(-5 * kPage);
    printf("given back: VSZ +%ld kB, RSS +%ld kB\n", status_kb("VmSize:") - size,
           status_kb("RssAnon:") - resident);
}
