// libc: glibc
// Lines of /proc/self/numa_maps of areas that the program has made; natively where there is NUMA.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kPage = 4096 };

/// Without the address, the node's number and "active", which depend on the host's lists.
static void show(const char* what, const void* area) {
    char line[1024], wanted[32];
    snprintf(wanted, sizeof wanted, "%lx ", (unsigned long)area);
    FILE* in = fopen("/proc/self/numa_maps", "r");
    printf("%s:", what);
    while (in && fgets(line, sizeof line, in)) {
        if (strncmp(line, wanted, strlen(wanted))) continue;
        for (char* word = strtok(line + strlen(wanted), " \n"); word; word = strtok(NULL, " \n"))
            if (strncmp(word, "active=", 7) && strncmp(word, "N", 1)) printf(" %s", word);
    }
    printf("\n");
    fflush(stdout);
    if (in) fclose(in);
}

int main(void) {
    if (access("/proc/self/numa_maps", R_OK)) return 77;
    const int rw = PROT_READ | PROT_WRITE;
    // A page without rights on both sides: no neighbour merges.
    char* room = mmap(NULL, 64 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char* own = mmap(room + kPage, 8 * kPage, rw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    show("untouched", own);
    for (int i = 0; i < 5; i++) own[i * kPage] = 1;
    show("5 of 8 written", own);
    volatile char byte = own[6 * kPage];
    show("and one read", own);
    char* shared = mmap(room + 16 * kPage, 8 * kPage, rw, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    for (int i = 0; i < 3; i++) shared[i * kPage] = byte;
    show("shared, 3 written", shared);
    const int fd = memfd_create("a name", 0);
    if (ftruncate(fd, 4 * kPage)) return 1;
    char* file = mmap(room + 32 * kPage, 4 * kPage, rw, MAP_PRIVATE | MAP_FIXED, fd, 0);
    file[0] = 1;
    byte = file[2 * kPage];
    show("a private file, one written, one read", file);
    show("no rights", room + 40 * kPage);
    if (!fork()) {
        shared[0] = 2;
        show("in a child, its parent's", own);
        own[0] = 2;
        show("in a child, one written", own);
        show("in a child, shared", shared);
        _exit(0);
    }
    wait(NULL);
    show("the child is gone", own);
    return 0;
}
