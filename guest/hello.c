// The smallest guest: start-up, one write, exit.
//
// expect-stdout: hello, world
// expect-exit: 0
#include <stdio.h>

int main(void) {
    puts("hello, world");
}
