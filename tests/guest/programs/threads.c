// Threads: mutexes, conditions, barriers, futexes and thread-directed signals; a native run must print the same.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// linux/futex.h, which musl's headers do not have.
enum {
    FUTEX_WAIT_PRIVATE = 128,
    FUTEX_WAKE_PRIVATE = 129,
    FUTEX_CMP_REQUEUE_PRIVATE = 132,
    FUTEX_WAKE_OP_PRIVATE = 133,
    FUTEX_LOCK_PI_PRIVATE = 134,
    FUTEX_UNLOCK_PI_PRIVATE = 135,
    FUTEX_TRYLOCK_PI_PRIVATE = 136,
    FUTEX_WAIT_BITSET_PRIVATE = 137,
    FUTEX_WAKE_BITSET_PRIVATE = 138,
    FUTEX_OP_ADD_3_IF_EQ_5 = 1 << 28 | 3 << 12 | 5,
};

enum { kThreads = 8, kRounds = 2000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static long counter, turns;
static __thread int mine;

static void *count(void *arg) {
    mine = (int)(intptr_t)arg;
    for (int i = 0; i < kRounds; ++i) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    pthread_barrier_wait(&barrier);
    pthread_mutex_lock(&mutex);
    while (turns != mine) pthread_cond_wait(&condition, &mutex);
    printf("thread %d in turn\n", mine);
    turns++;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
    return (void *)(intptr_t)(mine * 10);
}

static long futex(uint32_t *word, int op, uint32_t value, void *timeout, uint32_t *other, uint32_t value3) {
    return syscall(SYS_futex, word, op, value, timeout, other, value3);
}

static uint32_t word, second;
static volatile int ready;
static void *wait_on_word(void *arg) {
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    long result;
    while ((result = futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, 0, 0, (uint32_t)(uintptr_t)arg)) < 0 && errno == EINTR) {}
    return (void *)result;
}

static void futexes(void) {
    struct timespec past = {0, 1000};
    long result = futex(&word, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0);
    printf("other value: %ld %d\n", result, errno);
    result = futex(&word, FUTEX_WAIT_PRIVATE, 0, &past, 0, 0);
    printf("time-out: %ld %d\n", result, errno);
    result = futex((uint32_t *)((char *)&word + 1), FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    printf("unaligned: %ld %d\n", result, errno);
    result = futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, 0, 0, 0);
    printf("no bits: %ld %d\n", result, errno);
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; ++i) pthread_create(&threads[i], 0, wait_on_word, (void *)(i < 2 ? (uintptr_t)1 : (uintptr_t)2));
    while (ready < 4) sched_yield();
    struct timespec pause_time = {0, 10000000};
    nanosleep(&pause_time, 0);
    printf("wake bit 1: %ld\n", futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, 0, 0, 1));
    printf("requeue: %ld\n", futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10, &second, 0));
    printf("wrong compare: %ld", futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10, &second, 5));
    printf(" %d\n", errno);
    printf("wake second: %ld\n", futex(&second, FUTEX_WAKE_PRIVATE, 10, 0, 0, 0));
    for (int i = 0; i < 4; ++i) {
        void *value;
        pthread_join(threads[i], &value);
        printf("waiter %d: %ld\n", i, (long)value);
    }
    uint32_t pi = 0;
    result = futex(&pi, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0);
    printf("lock pi: %ld %d\n", result, pi == (uint32_t)syscall(SYS_gettid));
    result = futex(&pi, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0, 0, 0);
    printf("again: %ld %d\n", result, errno);
    result = futex(&pi, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0);
    printf("unlock pi: %ld %u\n", result, pi);
    result = futex(&pi, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0);
    printf("not mine: %ld %d\n", result, errno);
    word = 5;
    printf("wake op: %ld", futex(&second, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word, FUTEX_OP_ADD_3_IF_EQ_5));
    printf(" %u\n", word);
}

static pthread_t main_thread;
static volatile int hits;
static void on_usr1(int sig) { (void)sig; hits += pthread_self() == main_thread ? 100 : 1; }
static sem_t semaphore;
static void *take_signal(void *arg) {
    (void)arg;
    while (sem_wait(&semaphore) && errno == EINTR) {}
    return 0;
}

static void thread_signals(void) {
    main_thread = pthread_self();
    struct sigaction action = {.sa_handler = on_usr1, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, 0);
    sem_init(&semaphore, 0, 0);
    pthread_t thread;
    pthread_create(&thread, 0, take_signal, 0);
    pthread_kill(thread, SIGUSR1);
    while (hits != 1) sched_yield();
    printf("the thread had it\n");
    raise(SIGUSR1);
    printf("hits %d\n", hits);
    sem_post(&semaphore);
    pthread_join(thread, 0);
}

static void *exec_it(void *arg) {
    (void)arg;
    execl("/bin/busybox", "busybox", "echo", "exec from a thread", (char *)0);
    return 0;
}
static void *sleep_for_ever(void *arg) {
    while (!arg) pause();
    return arg;
}

static void ends(void) {
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t a, b;
        pthread_create(&a, 0, sleep_for_ever, 0);
        pthread_create(&b, 0, exec_it, 0);
        pause();
    }
    printf("exec: %d", waitpid(pid, &status, 0) == pid);
    printf(" status %d\n", status);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        pthread_t a;
        pthread_create(&a, 0, sleep_for_ever, 0);
        exit(4);
    }
    waitpid(pid, &status, 0);
    printf("exit_group: %d\n", WEXITSTATUS(status));
    pthread_mutex_t *robust = malloc(sizeof *robust);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(robust, &attributes);
    pthread_t thread;
    extern void *lock_and_end(void *);
    pthread_create(&thread, 0, lock_and_end, robust);
    pthread_join(thread, 0);
    printf("robust: %d\n", pthread_mutex_lock(robust) == EOWNERDEAD);
}
void *lock_and_end(void *mutex_address) {
    pthread_mutex_lock(mutex_address);
    return 0;
}

int main(void) {
    pthread_t threads[kThreads];
    pthread_barrier_init(&barrier, 0, kThreads);
    for (intptr_t i = 0; i < kThreads; ++i) pthread_create(&threads[i], 0, count, (void *)i);
    long sum = 0;
    for (int i = 0; i < kThreads; ++i) {
        void *value;
        pthread_join(threads[i], &value);
        sum += (long)value;
    }
    printf("counter %ld, sum %ld\n", counter, sum);
    futexes();
    thread_signals();
    ends();
    return 0;
}
