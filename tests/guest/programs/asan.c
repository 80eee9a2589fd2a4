// What AddressSanitizer is for: a clean run, a write beyond a block, a read of a freed one, an address of a
// stack frame that is gone. Its shadow memory takes 16 TiB of addresses. usage: asan [overflow|freed|stack]
// libc: glibc
// flags: -g -O1 -fsanitize=address -Wno-use-after-free
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static int sum_of(const char* bytes, int count) {
    int sum = 0;
    for (int i = 0; i < count; i++) sum += bytes[i];
    return sum;
}

int main(int argc, char** argv) {
    const char* what = argc > 1 ? argv[1] : "";
    char* volatile block = malloc(100);
    char frame[40];
    memset(block, 7, 100);
    memset(frame, 3, sizeof frame);
    printf("sums %d %d\n", sum_of(block, 100), sum_of(frame, 40));
    fflush(stdout);
    if (!strcmp(what, "overflow")) block[100 + argc - 2] = 1;
    if (!strcmp(what, "stack")) printf("%d\n", sum_of(frame, 41));
    free(block);
    if (!strcmp(what, "freed")) printf("%d\n", block[5]);
    char* volatile large = malloc(300 << 20);
    large[200 << 20] = 1;
    free(large);
    puts("clean");
    return 0;
}
