// What /proc says of a process agrees with itself and with what it did: 64 pages of its own, 32 shared ones
// of which a child has 16 as well. Half of a page that two have is each one's (PSS).
//
// host: no
// expect-stdout: touched: 96 minor, 0 major faults
// expect-stdout: own: Rss 256 kB Pss 256 kB Private 256 kB Shared 0 kB
// expect-stdout: shared: Rss 128 kB Pss 128 kB Private 128 kB Shared 0 kB
// expect-stdout: a child touches 16 shared ones: 16 minor, 0 major faults
// expect-stdout: with a child, own: Rss 256 kB Pss 128 kB Private 0 kB Shared 256 kB
// expect-stdout: with a child, shared: Rss 128 kB Pss 96 kB Private 64 kB Shared 64 kB
// expect-stdout: and writes 8 of the others: 8 minor, 0 major faults
// expect-stdout: child has written 8: Rss 256 kB Pss 144 kB Private 32 kB Shared 224 kB
// expect-stdout: VmRSS is statm's, the sum of smaps and smaps_rollup's
// expect-stdout: VmSize is statm's and the sum of all areas
// expect-stdout: in pagemap 64 of 64 pages are present
// expect-faults: anonymous>=64 file_shared>=32 cow_copy>=8
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/guest.h"

enum { kOwn = 64, kShared = 32, kChildShared = 16, kChildWrites = 8 };

static void area(const char* title, const void* start) {
    static char line[512], wanted[32];
    long rss = -1, pss = -1, private = 0, shared = 0, value;
    int found = 0;
    snprintf(wanted, sizeof wanted, "%lx-", (unsigned long)start);
    FILE* in = fopen("/proc/self/smaps", "r");
    while (in && fgets(line, sizeof line, in)) {
        if (strstr(line, "-p ") || strstr(line, "-s ") || strstr(line, "xp "))
            found = !strncmp(line, wanted, strlen(wanted));
        if (!found) continue;
        if (sscanf(line, "Rss: %ld", &value) == 1) rss = value;
        if (sscanf(line, "Pss: %ld", &value) == 1) pss = value;
        if (sscanf(line, "Private_Clean: %ld", &value) == 1 ||
            sscanf(line, "Private_Dirty: %ld", &value) == 1)
        private += value;
        if (sscanf(line, "Shared_Clean: %ld", &value) == 1 || sscanf(line, "Shared_Dirty: %ld", &value) == 1)
            shared += value;
    }
    fclose(in);
    printf("%s: Rss %ld kB Pss %ld kB Private %ld kB Shared %ld kB\n", title, rss, pss, private, shared);
}

/// The sum of all lines that begin so.
static long sum(const char* file, const char* field) {
    static char line[512];
    long total = 0;
    FILE* in = fopen(file, "r");
    while (in && fgets(line, sizeof line, in))
        if (!strncmp(line, field, strlen(field))) total += strtol(line + strlen(field), NULL, 10);
    if (in) fclose(in);
    return total;
}

int main(void) {
    unsigned char* own = mmap(NULL, kOwn * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char* shared =
        mmap(NULL, kShared * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    madvise(own, kOwn * kPage, MADV_NOHUGEPAGE);
    begin_step();
    for (int i = 0; i < kOwn; i++) own[i * kPage] = 1;
    for (int i = 0; i < kShared; i++) shared[i * kPage] = 1;
    end_step("touched");
    area("own", own);
    area("shared", shared);
    int there[2], done[2];
    if (pipe(there) || pipe(done)) return 1;
    const pid_t child = fork();
    if (!child) {
        char byte = 0;
        begin_step();
        for (int i = 0; i < kChildShared; i++) shared[i * kPage]++;
        end_step("a child touches 16 shared ones");
        if (write(there[1], "1", 1) != 1 || read(done[0], &byte, 1) != 1) _exit(1);
        begin_step();
        for (int i = 0; i < kChildWrites; i++) own[i * kPage]++;
        end_step("and writes 8 of the others");
        if (write(there[1], "2", 1) != 1 || read(done[0], &byte, 1) != 1) _exit(1);
        _exit(0);
    }
    char byte;
    if (read(there[0], &byte, 1) != 1) return 1;
    area("with a child, own", own);
    area("with a child, shared", shared);
    if (write(done[1], "w", 1) != 1 || read(there[0], &byte, 1) != 1) return 1;
    area("child has written 8", own);
    if (write(done[1], "e", 1) != 1) return 1;
    waitpid(child, NULL, 0);

    long size = 0, resident = 0;
    FILE* in = fopen("/proc/self/statm", "r");
    if (fscanf(in, "%ld %ld", &size, &resident) != 2) return 1;
    fclose(in);
    const long status = sum("/proc/self/status", "VmRSS:"), smaps = sum("/proc/self/smaps", "Rss:"),
               rollup = sum("/proc/self/smaps_rollup", "Rss:");
    printf("VmRSS is %s, the sum of smaps %s\n", status == resident * 4 ? "statm's" : "not statm's",
           smaps == rollup && smaps == status ? "and smaps_rollup's" : "is something else");
    printf("VmSize is %s and %s\n",
           sum("/proc/self/status", "VmSize:") == size * 4 ? "statm's" : "not statm's",
           sum("/proc/self/smaps", "Size:") == size * 4 ? "the sum of all areas" : "not their sum");
    const int pagemap = open("/proc/self/pagemap", O_RDONLY);
    static uint64_t entries[kOwn];
    int present = 0;
    if (pread(pagemap, entries, sizeof entries, (unsigned long)own / kPage * 8) != sizeof entries) return 1;
    for (int i = 0; i < kOwn; i++) present += entries[i] >> 63;
    printf("in pagemap %d of 64 pages are present\n", present);
}
