// Workload: what the kernel's own structures take for a process's memory, by /proc/meminfo, natively too.
// usage: overhead areas N | overhead processes N [BYTES]
//   areas      N areas of one page, every other one with its page
//   processes  N children that sleep, each with BYTES of its own
// Prints kB more than before; natively other programs are in it, too.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kPage = 4096, kFields = 5 };
static const char* const kNames[kFields] = {"Slab:", "PageTables:", "KernelStack:", "AnonPages:", "MemFree:"};

static void read_fields(long* kb) {
    char line[256];
    FILE* in = fopen("/proc/meminfo", "r");
    while (in && fgets(line, sizeof line, in))
        for (int i = 0; i < kFields; i++)
            if (!strncmp(line, kNames[i], strlen(kNames[i]))) kb[i] = atol(line + strlen(kNames[i]));
    if (in) fclose(in);
}

static void show(const long* before) {
    long now[kFields] = {0};
    read_fields(now);
    for (int i = 0; i < kFields; i++) printf("%s %+ld kB  ", kNames[i], now[i] - before[i]);
    const long kernel = now[0] + now[1] + now[2] - before[0] - before[1] - before[2];
    printf("the kernel's: %ld kB\n", kernel);
}

static void areas(long count, const long* before) {
    unsigned char* base =
        mmap(NULL, count * kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (long i = 1; i < count; i += 2) mprotect(base + i * kPage, kPage, PROT_READ | PROT_WRITE);
    for (long i = 1; i < count; i += 2) base[i * kPage] = 1;
    show(before);
}

static void processes(long count, size_t bytes, const long* before) {
    pid_t* children = malloc(count * sizeof *children);
    for (long i = 0; i < count; i++) {
        children[i] = fork();
        if (children[i]) continue;
        volatile char* own = malloc(bytes);  // volatile: the compiler does not leave it out
        for (size_t at = 0; at < bytes; at += kPage) own[at] = 1;
        for (;;) pause();
    }
    sleep(2);
    show(before);
    for (long i = 0; i < count; i++) kill(children[i], SIGKILL);
    for (long i = 0; i < count; i++) waitpid(children[i], NULL, 0);
}

int main(int argc, char** argv) {
    long before[kFields] = {0};
    if (argc < 3) return 2;
    read_fields(before);
    if (!strcmp(argv[1], "areas"))
        areas(atol(argv[2]), before);
    else
        processes(atol(argv[2]), argc > 3 ? atol(argv[3]) : 0, before);
    return 0;
}
