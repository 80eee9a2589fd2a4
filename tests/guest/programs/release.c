// libc: glibc
// process_mrelease: the memory of a process that was killed and has not run since. How far a killed process
// has come natively is not known; what it must answer otherwise is.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char* release(int pidfd, unsigned flags) {
    return syscall(448, pidfd, flags) ? strerrorname_np(errno) : "ok";
}

/// kB.
static long free_memory(void) {
    char line[256];
    long kb = 0;
    FILE* in = fopen("/proc/meminfo", "r");
    while (fgets(line, sizeof line, in)) sscanf(line, "MemFree: %ld", &kb);
    fclose(in);
    return kb;
}

int main(void) {
    enum { kSize = 8 << 20 };
    int ready[2];
    char byte;
    if (pipe(ready)) return 1;
    const pid_t child = fork();
    if (!child) {
        memset(mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, kSize);
        if (write(ready[1], "r", 1) != 1) _exit(1);
        for (;;) pause();
    }
    if (read(ready[0], &byte, 1) != 1) return 1;
    const int fd = (int)syscall(SYS_pidfd_open, child, 0);
    printf("flags: %s\n", release(fd, 1));
    printf("no pidfd: %s\n", release(1, 0));
    printf("alive: %s\n", release(fd, 0));
    const long before = free_memory();
    kill(child, SIGKILL);
    printf("killed: %s\n", release(fd, 0));
    printf("and again: %s\n", release(fd, 0));
    const long after = free_memory();
    siginfo_t info;
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    printf("ended: %s\n", release(fd, 0));
    waitpid(child, NULL, 0);
    printf("waited for: %s\n", release(fd, 0));
    printf("memory is back: %s\n", after - before > kSize / 1024 - 64 ? "yes" : "no");
    return 0;
}
