// khugepaged puts small pages together: 512 pages that were touched one by one become a huge one some time
// later, at no fault. It looks at what was advised (or at all memory: --thp always) every ten seconds.
//
// options: --thp madvise
// host: no
// expect-stdout: touched: 512 faults, AnonHugePages 0 kB
// expect-stdout: a minute later: 0 faults, AnonHugePages 2048 kB, collapsed 1
// expect-stdout: contents kept, 0 faults
// expect-faults: anonymous>=512 anonymous_huge=0
#define _GNU_SOURCE
#include <string.h>

#include "lib/guest.h"

enum { kHuge = 2 << 20, kPages = kHuge / 4096 };

int main(void) {
    // What reads files is used before anything is counted.
    proc_field("/proc/meminfo", "AnonHugePages:");
    proc_field("/sys/kernel/mm/transparent_hugepage/khugepaged/pages_collapsed", "");
    minor_faults();
    printf("touched: ");
    fflush(stdout);
    unsigned char* p = mmap(NULL, 2 * kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p += kHuge - (unsigned long)p % kHuge;
    long before = minor_faults();
    for (int i = 0; i < kPages; i++) p[i * kPage] = (unsigned char)i;
    long count = minor_faults() - before;
    printf("%ld faults, AnonHugePages %ld kB\n", count, proc_field("/proc/meminfo", "AnonHugePages:"));
    madvise(p, kHuge, MADV_HUGEPAGE);
    before = minor_faults();
    sleep(60);
    count = minor_faults() - before;
    printf("a minute later: %ld faults, AnonHugePages %ld kB, collapsed %ld\n", count,
           proc_field("/proc/meminfo", "AnonHugePages:"),
           proc_field("/sys/kernel/mm/transparent_hugepage/khugepaged/pages_collapsed", ""));
    before = minor_faults();
    const char* what = "kept";
    for (int i = 0; i < kPages; i++)
        if (p[i * kPage] != (unsigned char)i) what = "lost";
    count = minor_faults() - before;
    printf("contents %s, %ld faults\n", what, count);
}
