// What tasks cost: "tasks WHAT COUNT". pipe: a byte goes to another process and back. yield: two processes give the CPU up
// in turn. futex: two threads hand a word over. fork: a process with 100 MB of touched memory forks, and waits for the
// child, which ends at once. Prints a checksum.
#define _GNU_SOURCE
// musl-gcc finds no headers of Linux.
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long count;

static long over_pipes(void) {
    int there[2], back[2];
    unsigned char byte = 1;
    long sum = 0;
    if (pipe(there) || pipe(back)) return -1;
    if (!fork()) {
        for (long i = 0; i < count; ++i) {
            if (read(there[0], &byte, 1) != 1) _exit(1);
            ++byte;
            if (write(back[1], &byte, 1) != 1) _exit(1);
        }
        _exit(0);
    }
    for (long i = 0; i < count; ++i) {
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) return -1;
        sum += byte;
    }
    wait(0);
    return sum;
}

static long by_yielding(void) {
    const pid_t child = fork();
    for (long i = 0; i < count; ++i) sched_yield();
    if (!child) _exit(0);
    wait(0);
    return count;
}

static atomic_int turn;

static void hand_over(int own) {
    for (long i = 0; i < count; ++i) {
        while (atomic_load(&turn) != own) syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !own, 0, 0, 0);
        atomic_store(&turn, !own);
        syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    }
}
static void* other_thread(void* unused) {
    hand_over(1);
    return unused;
}

static long by_futex(void) {
    pthread_t thread;
    pthread_create(&thread, 0, other_thread, 0);
    hand_over(0);
    pthread_join(thread, 0);
    return turn;
}

static long by_fork(void) {
    const size_t size = 100u << 20;
    char* memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long sum = 0;
    memset(memory, 1, size);
    for (long i = 0; i < count; ++i) {
        if (!fork()) _exit(memory[i * 4096 % size]);
        int status;
        wait(&status);
        sum += WEXITSTATUS(status);
    }
    return sum;
}

int main(int argc, char** argv) {
    if (argc < 3) return 1;
    count = atol(argv[2]);
    switch (argv[1][0]) {
        case 'p':
            return !printf("%ld\n", over_pipes());
        case 'y':
            return !printf("%ld\n", by_yielding());
        case 'f':
            return !printf("%ld\n", argv[1][1] == 'u' ? by_futex() : by_fork());
        default:
            return 1;
    }
}
