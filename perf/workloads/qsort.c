// Workload: qsort(3) of pseudo-random ints with a comparison function. usage: qsort [thousands]; prints a
// checksum.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void* a, const void* b) {
    int x = *(const int*)a, y = *(const int*)b;
    return (x > y) - (x < y);
}

int main(int argc, char** argv) {
    size_t count = (size_t)(argc > 1 ? atoi(argv[1]) : 1000) * 1000;
    int* numbers = malloc(count * sizeof *numbers);
    uint32_t state = 12345;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        numbers[i] = (int)(state >> 1);
    }
    qsort(numbers, count, sizeof *numbers, compare);
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum = sum * 31 + (uint64_t)numbers[i];
    printf("qsort %016llx\n", (unsigned long long)sum);
}
