// Five pages asked for, three touched: the area is 20 kB large (VSZ), 12 kB of it are in memory (RSS), all
// private. Two pages that may not be touched keep the area from merging with a neighbour.
//
// expect-stdout: asked for: 0 minor, 0 major faults
// expect-stdout: asked for: Size 20 kB, Rss 0 kB, Private_Dirty 0 kB
// expect-stdout: touched 3: 3 minor, 0 major faults
// expect-stdout: touched 3: Size 20 kB, Rss 12 kB, Private_Dirty 12 kB
// expect-stdout: given up: 0 minor, 0 major faults
// expect-stdout: given up: Size 20 kB, Rss 0 kB, Private_Dirty 0 kB
// expect-exit: 0
// expect-faults: anonymous>=3
#include "lib/guest.h"

/// Prints what /proc/self/smaps says of the area that begins at `start`.
static void show(const char* when, unsigned long start) {
    FILE* smaps = fopen("/proc/self/smaps", "r");
    char line[512];
    unsigned long from = 0, size = 0, rss = 0, dirty = 0, to;
    while (fgets(line, sizeof line, smaps)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) continue;
        if (from != start) continue;
        sscanf(line, "Size: %lu", &size);
        sscanf(line, "Rss: %lu", &rss);
        sscanf(line, "Private_Dirty: %lu", &dirty);
    }
    fclose(smaps);
    printf("%s: Size %lu kB, Rss %lu kB, Private_Dirty %lu kB\n", when, size, rss, dirty);
}

int main(void) {
    unsigned char* guard = mmap(0, 7 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char* pages = guard + kPage;
    begin_step();
    mprotect(pages, 5 * kPage, PROT_READ | PROT_WRITE);
    end_step("asked for");
    show("asked for", (unsigned long)pages);
    begin_step();
    for (int i = 0; i < 3; i++) pages[i * kPage] = 1;
    end_step("touched 3");
    show("touched 3", (unsigned long)pages);
    begin_step();
    madvise(pages, 5 * kPage, MADV_DONTNEED);
    end_step("given up");
    show("given up", (unsigned long)pages);
}
