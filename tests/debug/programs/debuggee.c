// What debuggers are tried on: functions, a heap, a write to each of a few new pages, a signal handler.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile long counter;
static volatile int handled;
struct pair {
    int left;
    double right;
} pair = {7, 2.5};

__attribute__((noinline)) void touch(volatile char* p, long n) {
    for (long i = 0; i < n; i += 4096) p[i] = 1;
}

__attribute__((noinline)) long factorial(long n) {
    return n <= 1 ? 1 : n * factorial(n - 1);
}

__attribute__((noinline)) void count_up(int times) {
    for (int i = 0; i < times; i++) counter += i;
}

static void on_signal(int number) {
    handled = number;
}

int main(int argc, char** argv) {
    char* heap = sbrk(4 * 4096);
    touch(heap, 4 * 4096);
    count_up(10);
    long f = factorial(6);
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    printf("%s %d counter %ld factorial %ld handled %d\n", argc > 1 ? argv[1] : "none", pair.left, counter, f,
           handled);
    return argc > 2 ? atoi(argv[2]) : 0;
}
