// Memory is promised before it is there. With --overcommit 2 promises end at swap plus half of RAM, private
// writable memory alone counts, and what was promised and given back can be promised again.
//
// options: --overcommit 2 --memory 64M --swap 32M
// host: no
// expect-stdout: CommitLimit: half of RAM and swap
// expect-stdout: 64 MiB asked for: 0 minor, 0 major faults
// expect-stdout: 32 MiB: promised; 32 MiB more: ENOMEM
// expect-stdout: 32 MiB read-only: mapped; MAP_NORESERVE: ENOMEM all the same
// expect-stdout: making it writable: ENOMEM
// expect-stdout: given back, 32 MiB: promised
// expect-exit: 0
// expect-faults: signalled=0
#define _GNU_SOURCE
#include <errno.h>

#include "lib/guest.h"

enum { kLarge = 32 << 20 };

static long meminfo(const char* name) {
    return proc_field("/proc/meminfo", name);
}

static void* map(int rights, int flags) {
    return mmap(0, kLarge, rights, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static const char* result(int refused, const char* done) {
    return !refused ? done : errno == ENOMEM ? "ENOMEM" : "another error";
}

int main(void) {
    settle();
    long limit = meminfo("CommitLimit:"), expected = meminfo("MemTotal:") / 2 + meminfo("SwapTotal:");
    printf("CommitLimit: %s\n",
           limit >= expected - 4 && limit <= expected + 4 ? "half of RAM and swap" : "another");
    begin_step();
    void *first = map(PROT_READ | PROT_WRITE, 0), *second = map(PROT_READ | PROT_WRITE, 0);
    end_step("64 MiB asked for");
    printf("32 MiB: %s; ", result(first == MAP_FAILED, "promised"));
    printf("32 MiB more: %s\n", result(second == MAP_FAILED, "promised"));
    void* readable = map(PROT_READ, 0);
    printf("32 MiB read-only: %s; ", result(readable == MAP_FAILED, "mapped"));
    printf("MAP_NORESERVE: %s all the same\n",
           result(map(PROT_READ | PROT_WRITE, MAP_NORESERVE) == MAP_FAILED, "promised"));
    printf("making it writable: %s\n", result(mprotect(readable, kLarge, PROT_READ | PROT_WRITE), "done"));
    munmap(first, kLarge);
    printf("given back, 32 MiB: %s\n", result(map(PROT_READ | PROT_WRITE, 0) == MAP_FAILED, "promised"));
}
