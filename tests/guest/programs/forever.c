// Never ends by itself: for Ctrl-C and instruction limits.
int main(void) {
    for (volatile unsigned long n = 0;; n++) {
    }
}
