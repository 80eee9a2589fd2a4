// Runs until somebody ends it.
volatile unsigned long turns;

int main(void) {
    for (;;) turns++;
}
