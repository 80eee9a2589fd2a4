// A thread that ends, while all others wait for what never comes.
#include <pthread.h>
#include <unistd.h>

static void* run(void* unused) { return unused; }

int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, run, 0);
    pause();
    return 0;
}
