// Huge pages of a pool (--hugepages 4): reserved by mmap, taken at the first touch, one fault for 2 MiB, and
// back in the pool with munmap. Without a pool mmap says ENOMEM.
//
// options: --hugepages 4
// host: no
// expect-stdout: start: total 4 free 4 reserved 0
// expect-stdout: mapped 3: total 4 free 4 reserved 3
// expect-stdout: touched 2: total 4 free 2 reserved 1, 2 faults
// expect-stdout: 3 more: ENOMEM
// expect-stdout: a child writes one: 1 minor, 0 major faults
// expect-stdout: a child writes one: total 4 free 1 reserved 1
// expect-stdout: unmapped: total 4 free 4 reserved 0
// expect-exit: 0
// expect-faults: hugetlb>=2 cow_copy>=1
#define _GNU_SOURCE
#include <errno.h>
#include <sys/wait.h>

#include "lib/guest.h"

enum { kHuge = 2 << 20 };

static void show(const char* when, const char* end) {
    const char* file = "/proc/meminfo";
    printf("%s: total %ld free %ld reserved %ld%s", when, proc_field(file, "HugePages_Total:"),
           proc_field(file, "HugePages_Free:"), proc_field(file, "HugePages_Rsvd:"), end);
    fflush(stdout);
}

static unsigned char* map(int pages) {
    return mmap(0, (long)pages * kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1,
                0);
}

int main(void) {
    show("start", "\n");
    unsigned char* p = map(3);
    if (p == MAP_FAILED) return perror("mmap"), 1;
    show("mapped 3", "\n");
    minor_faults();
    long before = minor_faults();
    p[0] = p[kHuge - 1] = p[kHuge] = p[2 * kHuge - 1] = 1;
    long faults = minor_faults() - before;
    show("touched 2", "");
    printf(", %ld faults\n", faults);
    printf("3 more: %s\n", map(3) == MAP_FAILED && errno == ENOMEM ? "ENOMEM" : "mapped");
    fflush(stdout);
    if (fork() == 0) {
        begin_step();
        p[0] = 2;
        end_step("a child writes one");
        show("a child writes one", "\n");
        _exit(0);
    }
    wait(0);
    munmap(p, 3l * kHuge);
    show("unmapped", "\n");
}
