// Sixty million instructions: a history whose snapshots are far apart.
volatile long turns;

__attribute__((noinline)) int done(void) {
    return turns != 0;
}

int main(void) {
    for (long i = 0; i < 8000000; i++) turns++;
    return done() - 1;
}
