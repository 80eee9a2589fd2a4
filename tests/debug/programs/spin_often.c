// Runs until it is stopped from outside, and says so now and then: whoever reads it knows that it runs again.
#include <stdio.h>

volatile long turns;

int main(void) {
    setbuf(stdout, NULL);
    while (1)
        if (turns++ % 1000000 == 0) puts("spinning");
}
