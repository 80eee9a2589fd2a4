// Futex operations beyond wait and wake: requeueing to a PI lock, waiting for several words, the calls of 6.7.
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
enum { kWake2 = 454, kWait2 = 455, kRequeue2 = 456, kSize32 = 2, kPrivate = 128 };

struct word {
    uint64_t value, address;
    uint32_t flags, reserved;
};

static void say(const char* what, long result) {
    if (result < 0)
        printf("%s: %s\n", what, strerrorname_np(errno));
    else
        printf("%s: %ld\n", what, result);
    fflush(stdout);
}

static long futex(void* word, int op, unsigned value, const void* timeout, void* second, unsigned third) {
    return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, timeout, second, third);
}

static atomic_uint condition, lock, arrived, results[4], other;
static atomic_int tids[4];

static struct timespec soon(clockid_t clock, long ms) {
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static void* pi_waiter(void* argument) {
    const int number = (int)(intptr_t)argument;
    tids[number] = gettid();
    ++arrived;
    const long result = futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, 0, &lock, 0);
    results[number] = result < 0 ? errno : 1000;
    if (result == 0) {
        if ((lock & FUTEX_TID_MASK) == (unsigned)gettid()) results[number] += 1;
        unsigned mine = gettid();
        if (!atomic_compare_exchange_strong(&lock, &mine, 0)) futex(&lock, FUTEX_UNLOCK_PI, 0, 0, 0, 0);
    }
    return 0;
}

static void settle(unsigned count) {
    while (arrived < count) usleep(1000);
    usleep(60000);
}

static void requeue_pi(void) {
    pthread_t threads[3];
    condition = lock = arrived = 0;
    for (intptr_t i = 0; i < 3; ++i) {
        pthread_create(&threads[i], 0, pi_waiter, (void*)i);
        settle(i + 1);
    }
    say("two to wake", futex(&condition, FUTEX_CMP_REQUEUE_PI, 2, (void*)1, &lock, 0));
    say("another value", futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void*)1, &lock, 5));
    say("itself", futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void*)1, &condition, 0));
    say("another lock", futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void*)1, &other, 0));
    say("wake", futex(&condition, FUTEX_WAKE, 1, 0, 0, 0));
    say("requeue", futex(&condition, FUTEX_CMP_REQUEUE, 1, (void*)1, &other, 0));
    // The lock is held: all are moved, and get it in turn.
    say("lock", futex(&lock, FUTEX_LOCK_PI, 0, 0, 0, 0));
    say("to a held lock", futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void*)0x7fffffff, &lock, 0));
    printf("word %d %d\n", (lock & FUTEX_TID_MASK) == (unsigned)gettid(), (lock & FUTEX_WAITERS) != 0);
    say("none left", futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void*)0x7fffffff, &lock, 0));
    say("unlock", futex(&lock, FUTEX_UNLOCK_PI, 0, 0, 0, 0));
    for (int i = 0; i < 3; ++i) {
        pthread_join(threads[i], 0);
        printf("waiter %d: %u\n", i, (unsigned)results[i]);
    }
    printf("lock %x\n", (unsigned)lock);
    // The lock is free: the first one has it at once.
    arrived = 0;
    for (intptr_t i = 0; i < 2; ++i) {
        pthread_create(&threads[i], 0, pi_waiter, (void*)i);
        settle(i + 1);
    }
    say("to a free lock", futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void*)0, &lock, 0));
    pthread_join(threads[0], 0);
    printf("waiter 0: %u\n", (unsigned)results[0]);
    say("the other", futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void*)1, &lock, 0));
    pthread_join(threads[1], 0);
    printf("waiter 1: %u\n", (unsigned)results[1]);

    struct timespec t = soon(CLOCK_MONOTONIC, 20);
    say("time-out", futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, &t, &lock, 0));
    t = soon(CLOCK_REALTIME, 20);
    say("on the other clock", futex(&condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 0, &t, &lock, 0));
    say("changed", futex(&condition, FUTEX_WAIT_REQUEUE_PI, 7, 0, &lock, 0));
    say("the same word", futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, 0, &condition, 0));
    say("unaligned", futex((char*)&condition + 1, FUTEX_WAIT_REQUEUE_PI, 0, 0, &lock, 0));
}

static pthread_mutex_t mutex;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static int turn;

static void* in_turn(void* argument) {
    pthread_mutex_lock(&mutex);
    while (turn != (int)(intptr_t)argument) pthread_cond_wait(&ready, &mutex);
    printf("turn %d\n", turn++);
    pthread_cond_broadcast(&ready);
    pthread_mutex_unlock(&mutex);
    return 0;
}

static void pi_mutex(void) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    say("mutex", pthread_mutex_init(&mutex, &attributes));
    pthread_t threads[4];
    for (intptr_t i = 3; i >= 0; --i) pthread_create(&threads[i], 0, in_turn, (void*)i);
    for (int i = 0; i < 4; ++i) pthread_join(threads[i], 0);
    fflush(stdout);
}

static atomic_uint words[3];

static void* wake_third(void* unused) {
    (void)unused;
    usleep(30000);
    return (void*)syscall(kWake2, &words[2], ~0u, 1, kSize32 | kPrivate);
}

static long waitv(struct word* list, unsigned count, unsigned flags, const void* timeout, int clock) {
    return syscall(SYS_futex_waitv, list, count, flags, timeout, clock);
}

static void several(void) {
    struct word list[3];
    for (int i = 0; i < 3; ++i) list[i] = (struct word){0, (uintptr_t)&words[i], kSize32 | kPrivate, 0};
    pthread_t thread;
    pthread_create(&thread, 0, wake_third, 0);
    say("waitv", waitv(list, 3, 0, 0, 0));
    void* woken;
    pthread_join(thread, &woken);
    say("futex_wake", (long)woken);
    struct timespec t = soon(CLOCK_MONOTONIC, 20);
    say("time-out", waitv(list, 3, 0, &t, CLOCK_MONOTONIC));
    t = soon(CLOCK_REALTIME, 20);
    say("time-out", waitv(list, 3, 0, &t, CLOCK_REALTIME));
    say("another clock", waitv(list, 3, 0, &t, CLOCK_BOOTTIME));
    t.tv_nsec = -1;
    say("bad time", waitv(list, 3, 0, &t, CLOCK_MONOTONIC));
    say("none", waitv(list, 0, 0, 0, 0));
    say("too many", waitv(list, 129, 0, 0, 0));
    say("flags", waitv(list, 3, 1, 0, 0));
    say("nowhere", waitv(0, 3, 0, 0, 0));
    say("bad place", waitv((void*)8, 3, 0, 0, 0));
    list[1].value = 9;
    say("changed", waitv(list, 3, 0, 0, 0));
    list[1].value = 1ull << 32;
    say("too large a value", waitv(list, 3, 0, 0, 0));
    list[1].value = 0;
    list[2].flags = kPrivate;  // 8 bits
    say("another size", waitv(list, 3, 0, 0, 0));
    list[2].flags = kSize32 | 1u << 20;
    say("unknown flag", waitv(list, 3, 0, 0, 0));
    list[2].flags = kSize32;
    list[2].reserved = 1;
    say("reserved", waitv(list, 3, 0, 0, 0));
    list[2].reserved = 0;
    list[2].address = 8;
    say("bad word", waitv(list, 3, 0, 0, 0));
    list[2].address = (uintptr_t)&words[2] + 1;
    say("unaligned", waitv(list, 3, 0, 0, 0));
}

static void* wait_on_first(void* mask) {
    ++arrived;
    const long result = syscall(kWait2, &words[0], 0, (unsigned long)mask, kSize32 | kPrivate, 0, 0);
    results[3] += result < 0 ? 100 : 1;
    return 0;
}

static void new_calls(void) {
    pthread_t threads[3];
    arrived = results[3] = 0;
    for (int i = 0; i < 3; ++i) pthread_create(&threads[i], 0, wait_on_first, (void*)(i == 0 ? 1ul : 2ul));
    settle(3);
    say("other bits", syscall(kWake2, &words[0], 4, 9, kSize32 | kPrivate));
    say("nobody", syscall(kWake2, &words[0], 3, 0, kSize32 | kPrivate));
    say("by bits", syscall(kWake2, &words[0], 1, 9, kSize32 | kPrivate));
    struct word two[2] = {{0, (uintptr_t)&words[0], kSize32 | kPrivate, 0}, {0, (uintptr_t)&words[1], kSize32 | kPrivate, 0}};
    two[0].value = 5;
    say("requeue, changed", syscall(kRequeue2, two, 0, 1, 1));
    two[0].value = 0;
    say("requeue, flags", syscall(kRequeue2, two, 1, 1, 1));
    say("requeue, negative", syscall(kRequeue2, two, 0, -1, 1));
    say("requeue, nowhere", syscall(kRequeue2, 0, 0, 1, 1));
    say("requeue", syscall(kRequeue2, two, 0, 1, 1));
    say("at the old place", syscall(kWake2, &words[0], ~0u, 9, kSize32 | kPrivate));
    say("at the new one", syscall(kWake2, &words[1], ~0u, 9, kSize32 | kPrivate));
    for (int i = 0; i < 3; ++i) pthread_join(threads[i], 0);
    printf("woken %u\n", (unsigned)results[3]);
    say("no bits", syscall(kWake2, &words[0], 0, 1, kSize32 | kPrivate));
    say("size", syscall(kWake2, &words[0], 1, 1, 0));
    say("changed", syscall(kWait2, &words[0], 1, ~0u, kSize32 | kPrivate, 0, 0));
    say("no bits", syscall(kWait2, &words[0], 0, 0, kSize32 | kPrivate, 0, 0));
    struct timespec t = soon(CLOCK_MONOTONIC, 20);
    say("time-out", syscall(kWait2, &words[0], 0, ~0u, kSize32 | kPrivate, &t, CLOCK_MONOTONIC));
}

int main(void) {
    requeue_pi();
    pi_mutex();
    several();
    new_calls();
    return 0;
}
