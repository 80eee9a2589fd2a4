// Workload: the C library's memcpy, strlen and strchr, as it chooses them for the CPU that it finds. usage: strings
// [rounds].
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kSize = 16384 };

int main(int argc, char** argv) {
    const long rounds = argc > 1 ? atol(argv[1]) : 20000;
    char* from = malloc(kSize);
    char* to = malloc(kSize);
    if (!from || !to) return 1;
    memset(from, 'a', kSize);
    from[kSize - 1] = 0;
    from[kSize - 9] = 'z';
    size_t sum = 0;
    for (long round = 0; round < rounds; round++) {
        const size_t skip = (size_t)round & 63, size = kSize - skip;
        // Lengths of all kinds, as strings have them: from a word to the whole.
        memcpy(to, from + skip, size);
        sum += strlen(to) + (size_t)(strchr(to, 'z') - to);
        for (size_t n = 8; n < 512; n *= 2) {
            to[n + skip] = 0;
            sum += strlen(to + skip) + (strchr(to, 'z') != 0);
        }
    }
    printf("strings %zu\n", sum);
}
