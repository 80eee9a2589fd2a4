// libc: glibc
// Shared memory with a descriptor that is larger than the memory beside it: a memfd, or a file of /dev/shm.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kPage = 4096, kBytes = 7 << 20, kRest = 13 << 20 };

static long meminfo(const char* field) {
    char line[128];
    long kb = -1;
    FILE* file = fopen("/proc/meminfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, field, strlen(field))) sscanf(line + strlen(field) + 1, "%ld", &kb);
    if (file) fclose(file);
    return kb;
}

int main(int argc, char** argv) {
    const char* name = "/dev/shm/swapped";
    const int shm = argc > 1 && !strcmp(argv[1], "shm");
    const int fd = shm ? open(name, O_RDWR | O_CREAT, 0600) : memfd_create("swapped", 0);
    static long page[kPage / sizeof(long)];
    for (long i = 0; i < kBytes / kPage; ++i) {
        page[0] = i;
        if (write(fd, page, kPage) != kPage) return printf("write: %s\n", strerrorname_np(errno)), 1;
    }
    puts("written");
    char* pressure = mmap(NULL, kRest, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (long at = 0; at < kRest; at += kPage) pressure[at] = 1;
    const long used = meminfo("SwapTotal:") - meminfo("SwapFree:");
    char* map = mmap(NULL, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    long wrong = 0;
    for (long i = 0; i < kBytes / kPage; ++i) {
        wrong += *(long*)(map + i * kPage) != i;
        *(long*)(map + i * kPage) = -i;
    }
    printf("wrong through the mapping: %ld\n", wrong);
    wrong = 0;
    for (long i = 0; i < kBytes / kPage; ++i) {
        pread(fd, page, kPage, i * kPage);
        wrong += page[0] != -i;
    }
    printf("wrong for read(): %ld\nin swap: %d\n", wrong, used > kBytes / 2 / 1024);
    munmap(pressure, kRest);
    munmap(map, kBytes);
    close(fd);
    if (shm) unlink(name);
    printf("left: %ld\n", meminfo("Shmem:"));
    return 0;
}
