// The vDSO: found by auxv, an ELF object with the names that Linux has, whose answers lie between those of the calls
// around them. Everything that it prints is Linux's.
// libc: glibc musl
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const Elf64_Ehdr* image;
static const Elf64_Sym* symbols;
static const char* strings;
static const Elf64_Versym* versions;
static const Elf64_Verdef* definitions;
static const uint32_t* hash;

static void find_tables(void) {
    const Elf64_Phdr* segment = (const void*)((const char*)image + image->e_phoff);
    uintptr_t bias = 0;
    const Elf64_Dyn* dynamic = 0;
    for (int i = 0; i < image->e_phnum; ++i) {
        if (segment[i].p_type == PT_LOAD) bias = (uintptr_t)image + segment[i].p_offset - segment[i].p_vaddr;
        if (segment[i].p_type == PT_DYNAMIC) dynamic = (const void*)((const char*)image + segment[i].p_offset);
    }
    const char* soname = 0;
    for (const Elf64_Dyn* d = dynamic; d->d_tag != DT_NULL; ++d) {
        const void* where = (const void*)(bias + d->d_un.d_ptr);
        if (d->d_tag == DT_STRTAB) strings = where;
        if (d->d_tag == DT_SYMTAB) symbols = where;
        if (d->d_tag == DT_HASH) hash = where;
        if (d->d_tag == DT_VERSYM) versions = where;
        if (d->d_tag == DT_VERDEF) definitions = where;
        if (d->d_tag == DT_SONAME) soname = (const char*)d->d_un.d_val;
    }
    printf("soname %s\n", strings + (uintptr_t)soname);
}

static void* find(const char* name) {
    // DT_HASH went out of fashion: 6.13 has DT_GNU_HASH alone, after which the symbols are counted by their names.
    const unsigned count = hash ? hash[1] : (unsigned)(((const char*)strings - (const char*)symbols) / sizeof *symbols);
    for (unsigned i = 1; i < count; ++i) {
        if (strcmp(strings + symbols[i].st_name, name)) continue;
        const Elf64_Verdef* d = definitions;
        while (d->vd_ndx != (versions[i] & 0x7fff)) d = (const void*)((const char*)d + d->vd_next);
        const Elf64_Verdaux* aux = (const void*)((const char*)d + d->vd_aux);
        printf("%s: %s %s %s\n", name, ELF64_ST_BIND(symbols[i].st_info) == STB_WEAK ? "weak" : "global",
               ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC ? "function" : "?", strings + aux->vda_name);
        return (void*)((uintptr_t)image + symbols[i].st_value);
    }
    printf("%s: missing\n", name);
    return 0;
}

static long long ns(const struct timespec* t) { return t->tv_sec * 1000000000ll + t->tv_nsec; }

int main(void) {
    image = (const void*)getauxval(AT_SYSINFO_EHDR);
    printf("header %d, type %d, machine %d\n", image && !memcmp(image->e_ident, ELFMAG, 4), image->e_type,
           image->e_machine);
    find_tables();
    int (*gettime)(clockid_t, struct timespec*) = find("__vdso_clock_gettime");
    int (*getres)(clockid_t, struct timespec*) = find("__vdso_clock_getres");
    int (*timeofday)(struct timeval*, struct timezone*) = find("__vdso_gettimeofday");
    time_t (*seconds)(time_t*) = find("__vdso_time");
    long (*cpu)(unsigned*, unsigned*, void*) = find("__vdso_getcpu");
    find("clock_gettime"), find("clock_getres"), find("gettimeofday"), find("time"), find("getcpu");

    static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI};
    for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; ++i) {
        struct timespec before, between, after;
        syscall(SYS_clock_gettime, clocks[i], &before);
        const int result = gettime(clocks[i], &between);
        syscall(SYS_clock_gettime, clocks[i], &after);
        printf("clock %d: %d %d\n", clocks[i], result, ns(&before) <= ns(&between) && ns(&between) <= ns(&after));
    }
    for (int clock = CLOCK_REALTIME_COARSE; clock <= CLOCK_MONOTONIC_COARSE; ++clock) {
        struct timespec t;
        printf("clock %d: %d\n", clock, gettime(clock, &t));
    }
    struct timespec t = {0, 0};
    printf("cpu time %d, unknown %d %d\n", gettime(CLOCK_PROCESS_CPUTIME_ID, &t), gettime(77, &t), gettime(10, &t));
    printf("resolution %d", getres(CLOCK_MONOTONIC, &t));
    printf(" %lld, without place %d, unknown %d\n", ns(&t), getres(CLOCK_REALTIME, 0), getres(77, &t));
    struct timeval v;
    struct timezone z = {7, 7};
    struct timespec before, after;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &before);
    const int result = timeofday(&v, &z);
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &after);
    const long long us = v.tv_sec * 1000000ll + v.tv_usec;
    printf("timeofday %d %d, zone %d %d, nowhere %d\n", result, ns(&before) / 1000 <= us && us <= ns(&after) / 1000,
           z.tz_minuteswest, z.tz_dsttime, timeofday(0, 0));
    time_t stored = 0;
    const time_t now = seconds(&stored);
    printf("time %d %d\n", stored == now, now >= before.tv_sec && seconds(0) >= now);
    unsigned number = 77, node = 77;
    printf("getcpu %ld", cpu(&number, &node, 0));
    printf(" %ld\n", cpu(0, 0, 0));
    struct timespec nap = {0, 2000000};
    gettime(CLOCK_MONOTONIC, &before);
    nanosleep(&nap, 0);
    gettime(CLOCK_MONOTONIC, &after);
    printf("slept %d\n", ns(&after) - ns(&before) >= 2000000);

    FILE* maps = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned long start, end, data_end = 0;
    while (fgets(line, sizeof line, maps)) {
        char rights[8], name[64] = "";
        sscanf(line, "%lx-%lx %7s %*s %*s %*s %63s", &start, &end, rights, name);
        if (!strcmp(name, "[vvar]")) printf("[vvar] %s %lu\n", rights, end - start), data_end = end;
        if (!strcmp(name, "[vvar_vclock]")) data_end = end;
        if (!strcmp(name, "[vdso]"))
            printf("[vdso] %s %lu %d %d\n", rights, end - start, start == data_end, start == (uintptr_t)image);
    }
    return 0;
}
