// Runs until it is stopped from outside.
#include <stdio.h>

volatile long turns;

int main(void) {
    setbuf(stdout, NULL);
    puts("spinning");
    while (1) turns++;
}
