// Threads and processes without end meet RLIMIT_NPROC: EAGAIN, and the program goes on. Run here only: the host lets root
// pass the limit.
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static void* wait_at_gate(void* unused) {
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return unused;
}

int main(void) {
    const struct rlimit limit = {40, 40};
    setrlimit(RLIMIT_NPROC, &limit);
    pthread_t threads[100];
    int made = 0, error = 0;
    pthread_mutex_lock(&gate);
    while (made < 100 && !(error = pthread_create(&threads[made], 0, wait_at_gate, 0))) ++made;
    printf("threads %d: %s\n", made, strerrorname_np(error));
    printf("fork: %s\n", fork() < 0 ? strerrorname_np(errno) : "?");
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < made; ++i) pthread_join(threads[i], 0);
    fflush(stdout);
    int children = 0;
    int hold[2];
    if (pipe(hold)) return 1;
    pid_t child;
    while ((child = fork()) > 0) ++children;
    if (child == 0) {
        char c;
        close(hold[1]);
        _exit(read(hold[0], &c, 1) != 0);
    }
    printf("children %d: %s\n", children, strerrorname_np(errno));
    close(hold[1]);
    int zombies = 0;
    while (wait(0) > 0) ++zombies;
    printf("waited for %d, then %s\n", zombies, strerrorname_np(errno));
    return 0;
}
