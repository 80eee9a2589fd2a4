// A heap for debuggers: small chunks, one of them freed between others, one so large that it is mapped.
#include <stdlib.h>
#include <string.h>

void* kept[4];

__attribute__((noinline)) void done(void) {
    kept[3] = 0;
}

int main(void) {
    kept[0] = malloc(1000);
    void* freed = malloc(5000);
    kept[1] = malloc(1000);
    kept[2] = malloc(1 << 20);
    memset(kept[2], 1, 10000);
    free(freed);
    done();
    return 0;
}
