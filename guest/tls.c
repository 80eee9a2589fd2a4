// Thread-local variables: initialised and zero ones, reached through the FS base.
//
// expect-stdout: initialised 42, zero 0, array 1 2 3
// expect-stdout: changed 43, zero 7, array 1 20 3
// expect-exit: 0
#include <stdio.h>

static _Thread_local int initialised = 42;
static _Thread_local int zero;
static _Thread_local int array[3] = {1, 2, 3};

static void show(const char* word) {
    printf("%s %d, zero %d, array %d %d %d\n", word, initialised, zero, array[0], array[1], array[2]);
}

int main(void) {
    show("initialised");
    initialised++, zero = 7, array[1] = 20;
    show("changed");
}
