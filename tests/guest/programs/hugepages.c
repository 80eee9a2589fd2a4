// Pools of huge pages as a program sees them: /proc/meminfo, smaps, files of huge pages, a pool that is empty. Needs a
// pool of four 2 MiB pages, as --hugepages 4 gives, and root for System V segments of huge pages.
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HUGE = 2 << 20 };

static void show_pool(const char* when) {
    FILE* file = fopen("/proc/meminfo", "r");
    char line[256];
    unsigned long total = 0, free = 0, reserved = 0, surplus = 0;
    while (fgets(line, sizeof line, file)) {
        sscanf(line, "HugePages_Total: %lu", &total);
        sscanf(line, "HugePages_Free: %lu", &free);
        sscanf(line, "HugePages_Rsvd: %lu", &reserved);
        sscanf(line, "HugePages_Surp: %lu", &surplus);
    }
    fclose(file);
    printf("%s: total %lu free %lu reserved %lu surplus %lu\n", when, total, free, reserved, surplus);
}

static void show_area(void* at) {
    FILE* file = fopen("/proc/self/smaps", "r");
    char line[512];
    unsigned long from = 0, begin, to, value;
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "%lx-%lx ", &begin, &to) == 2) from = begin;
        if (from != (unsigned long)at) continue;
        char name[64];
        if (sscanf(line, "%63[^:]: %lu kB", name, &value) == 2 &&
            (strstr(name, "PageSize") || strstr(name, "Hugetlb") || !strcmp(name, "Rss")))
            printf("  %s %lu\n", name, value);
        if (!strncmp(line, "VmFlags:", 8)) printf("  %s", strstr(line, " ht ") ? "ht\n" : "no ht\n");
    }
    fclose(file);
}

static sigjmp_buf back;
static void on_signal(int number) {
    siglongjmp(back, number);
}

static void touch(const char* what, char* at) {
    const int number = sigsetjmp(back, 1);
    if (!number) *(volatile char*)at = 1;
    printf("%s: %s\n", what, number ? sigabbrev_np(number) : "fine");
}

static void set_pool(const char* path, const char* count) {
    const int fd = open(path, O_WRONLY);
    printf("%s to %s: %d\n", count, path, fd >= 0 && write(fd, count, strlen(count)) == (ssize_t)strlen(count));
    close(fd);
}

int main(void) {
    signal(SIGBUS, on_signal);
    show_pool("start");
    char* p = mmap(0, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    show_pool("mapped two");
    memset(p, 'x', HUGE + 1);
    show_pool("touched two");
    show_area(p);
    fflush(stdout);
    if (fork() == 0) {
        p[0] = 'y';
        show_pool("child has copied one");
        printf("child sees %c %c\n", p[0], p[1]);
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    printf("parent sees %c\n", p[0]);
    int fd = memfd_create("pool", MFD_HUGETLB);
    char* q = mmap(0, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    q[5] = 'q';
    char* r = mmap(0, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    printf("through the other mapping: %c\n", r[5]);
    r[5] = 'r';
    printf("after a private write: %c %c\n", q[5], r[5]);
    show_pool("file and copy");
    printf("ftruncate to less than a page: %d\n", ftruncate(fd, 100) < 0 && errno == EINVAL);
    printf("ftruncate: %d\n", ftruncate(fd, 0));
    touch("beyond the end", q);
    char* hope = mmap(0, 2 * HUGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
    touch("first without a promise", hope);
    touch("second without a promise", hope + HUGE);
    munmap(hope, 2 * HUGE);
    printf("munmap of a part: %d\n", munmap(p, HUGE / 2) < 0 && errno == EINVAL);
    munmap(p, 2 * HUGE);
    munmap(q, HUGE);
    munmap(r, HUGE);
    close(fd);
    show_pool("all given up");
    int id = shmget(IPC_PRIVATE, HUGE, SHM_HUGETLB | 0600);
    if (id >= 0) {
        char* s = shmat(id, 0, 0);
        s[7] = 's';
        show_area(s);
        shmctl(id, IPC_RMID, 0);
        shmdt(s);
    }
    set_pool("/proc/sys/vm/nr_hugepages", "7");
    show_pool("seven");
    set_pool("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n");
    show_pool("none");
    return 0;
}
