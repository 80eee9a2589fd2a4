// Threads and a child for debuggers: each thread counts, then the process forks and waits.
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int counts[3];

__attribute__((noinline)) void work(int which) {
    for (int i = 0; i < 5; i++) counts[which]++;
}

static void* run(void* which) {
    work((int)(long)which);
    return 0;
}

int main(void) {
    pthread_t threads[2];
    for (long i = 0; i < 2; i++) pthread_create(&threads[i], 0, run, (void*)(i + 1));
    for (int i = 0; i < 2; i++) pthread_join(threads[i], 0);
    pid_t child = fork();
    if (child == 0) {
        work(0);
        _exit(counts[0]);
    }
    int status = 0;
    waitpid(child, &status, 0);
    printf("counts %d %d child %d\n", counts[1], counts[2], WEXITSTATUS(status));
}
