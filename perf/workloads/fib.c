// Workload: recursive Fibonacci, calls and returns only. usage: fib [n]; prints fib(n).
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline, noclone, optimize("no-optimize-sibling-calls"))) static unsigned long fib(
    unsigned n) {
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int main(int argc, char** argv) {
    printf("fib %lu\n", fib(argc > 1 ? (unsigned)atoi(argv[1]) : 35));
}
