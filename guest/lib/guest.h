// What the guests share: counting one's own page faults, numbers of /proc, and stopping with a message.
//
// A guest's fault counts are those of its own steps and the same natively, here and with any C library:
//     begin_step();
//     for (int i = 0; i < 16; i++) p[i * kPage] = 1;
//     end_step("written");                            // written: 16 minor, 0 major faults
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

/// Makes all of the program's own memory present, and writable what may be: its image, 64 KiB of stack, a
/// buffer for stdout. What faults after it is what a step touches; after fork() a child needs its own.
static inline void settle(void) {
    extern const char __executable_start[], end[];
    enum { kPopulateRead = 22, kPopulateWrite = 23 };
    static char buffer[kPage];
    static int buffered;
    if (!buffered++) setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
    for (const char* page = __executable_start; page < end; page += kPage)
        if (madvise((void*)((unsigned long)page & -kPage), kPage, kPopulateWrite))
            madvise((void*)((unsigned long)page & -kPage), kPage, kPopulateRead);
    volatile char stack[64 << 10];
    for (unsigned i = 0; i < sizeof stack; i += kPage) stack[i] = 0;
}

static struct rusage usage_before_step;

/// A step begins with what is there: the program's own pages still fault when they are first used.
static inline void begin_cold_step(void) {
    getrusage(RUSAGE_SELF, &usage_before_step);  // makes its own code and words present
    getrusage(RUSAGE_SELF, &usage_before_step);
}

/// A step begins: until end_step() all of the process's page faults are its.
static inline void begin_step(void) {
    settle();
    begin_cold_step();
}

/// Tells the page faults of a step, as the kernel counts them.
static inline void end_step(const char* name) {
    static struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%s: %ld minor, %ld major faults\n", name, usage.ru_minflt - usage_before_step.ru_minflt,
           usage.ru_majflt - usage_before_step.ru_majflt);
}

/// The number behind `field` in a file of /proc, from the line on that begins with `from`; -1: there is none.
static inline long proc_field_from(const char* file, const char* from, const char* field) {
    static char line[512];
    long found = -1;
    int reached = 0;
    FILE* in = fopen(file, "r");
    while (in && found < 0 && fgets(line, sizeof line, in)) {
        reached = reached || !strncmp(line, from, strlen(from));
        if (reached && !strncmp(line, field, strlen(field))) found = strtol(line + strlen(field), NULL, 10);
    }
    if (in) fclose(in);
    return found;
}

/// The number behind `field` in a file of /proc; -1: there is none.
static inline long proc_field(const char* file, const char* field) {
    return proc_field_from(file, "", field);
}

/// What /proc/self/smaps says of the area that begins at `start`: "Rss:", in kB.
static inline long smaps_field(const volatile void* start, const char* field) {
    char area[32];
    snprintf(area, sizeof area, "%lx-", (unsigned long)start);
    return proc_field_from("/proc/self/smaps", area, field);
}
