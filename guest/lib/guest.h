// What the guests share: counting one's own page faults, numbers of /proc, and stopping with a message.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { kPage = 4096 };

/// Minor faults of this process so far. Call it once before the first use, so that its own code and stack are
/// there.
static inline long minor_faults(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

/// Fresh private anonymous pages; huge pages are refused so that each page faults by itself on any host.
static inline unsigned char* fresh_pages(long pages) {
    unsigned char* p = mmap(0, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    madvise(p, pages * kPage, MADV_NOHUGEPAGE);
    return p;
}

/// The number behind `field` in a file of /proc; -1: there is none.
static inline long proc_field(const char* file, const char* field) {
    static char line[512];
    long found = -1;
    FILE* in = fopen(file, "r");
    while (in && found < 0 && fgets(line, sizeof line, in))
        if (!strncmp(line, field, strlen(field))) found = strtol(line + strlen(field), NULL, 10);
    if (in) fclose(in);
    return found;
}
