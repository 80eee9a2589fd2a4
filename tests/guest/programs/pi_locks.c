// PI locks by the bare calls: what the word says after each, owners that end, circles, and the priority that an
// owner has from who waits for it. Natively and here the lines are the same.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_LOCK_PI = 6, FUTEX_UNLOCK_PI = 7, FUTEX_TRYLOCK_PI = 8, FUTEX_LOCK_PI2 = 13 };
enum { FUTEX_CLOCK_REALTIME = 256, FUTEX_TID_MASK = 0x3fffffff, FUTEX_OWNER_DIED = 0x40000000 };
static const unsigned FUTEX_WAITERS = 0x80000000;
struct robust_list { struct robust_list* next; };
struct robust_list_head { struct robust_list list; long futex_offset; struct robust_list* list_op_pending; };

static atomic_uint a, b;
static atomic_int step;
static pid_t holder;

static long futex(void* word, int op, unsigned value, const void* timeout) {
    const long result = syscall(SYS_futex, word, op, value, timeout, 0, 0);
    return result < 0 ? -errno : result;
}

// The word without its number: whose it is, and the two bits.
static void show(const char* what, unsigned word) {
    const unsigned tid = word & FUTEX_TID_MASK;
    printf("%s: %s%s%s\n", what, !tid ? "free" : tid == (unsigned)gettid() ? "mine" : "another's",
           word & FUTEX_WAITERS ? " waiters" : "", word & FUTEX_OWNER_DIED ? " died" : "");
}
static void say(const char* what, long result) { printf("%s %ld\n", what, result); }
static void until(int n) { while (step < n) usleep(500); }
static void settle(void) { usleep(50000); }

static void* dies(void* unused) {
    (void)unused;
    holder = gettid();
    say("it locks", futex(&a, FUTEX_LOCK_PI, 0, 0));
    step = 1;
    until(2);
    settle();  // the other one waits
    return 0;
}

struct robust { struct robust_list_head head; struct robust_list entry; };
static void* dies_robustly(void* unused) {
    (void)unused;
    static struct robust list;
    list.head.list.next = (void*)((uintptr_t)&list.entry | 1);
    list.entry.next = &list.head.list;
    list.head.futex_offset = (long)((uintptr_t)&a - (uintptr_t)&list.entry);
    syscall(SYS_set_robust_list, &list.head, sizeof list.head);
    return dies(0);
}

static void owner_ends(const char* how, void* (*thread)(void*)) {
    pthread_t other;
    a = step = 0;
    printf("%s\n", how);
    pthread_create(&other, 0, thread, 0);
    until(1);
    step = 2;
    say("lock", futex(&a, FUTEX_LOCK_PI, 0, 0));
    show("word", a);
    pthread_join(other, 0);
    say("again", futex(&a, FUTEX_LOCK_PI, 0, 0));
    say("unlock", futex(&a, FUTEX_UNLOCK_PI, 0, 0));
    show("word", a);
}

static void* waits_for_a(void* unused) {
    (void)unused;
    ++step;
    const long result = futex(&a, FUTEX_LOCK_PI, 0, 0);
    if (result) say("waiting", result);
    until(2);
    show("handed over", a);
    say("unlock", futex(&a, FUTEX_UNLOCK_PI, 0, 0));
    show("word", a);
    return 0;
}

static void* tries(void* unused) {
    (void)unused;
    say("try", futex(&a, FUTEX_TRYLOCK_PI, 0, 0));
    show("word", a);
    say("unlock another's", futex(&a, FUTEX_UNLOCK_PI, 0, 0));
    return 0;
}

static void words(void) {
    pthread_t thread;
    a = 0;
    say("free", futex(&a, FUTEX_TRYLOCK_PI, 0, 0));
    show("word", a);
    say("own", futex(&a, FUTEX_TRYLOCK_PI, 0, 0));
    pthread_create(&thread, 0, tries, 0);
    pthread_join(thread, 0);
    say("unlock", futex(&a, FUTEX_UNLOCK_PI, 0, 0));
    a = 0x3fffff00;  // nobody
    say("try nobody's", futex(&a, FUTEX_TRYLOCK_PI, 0, 0));
    say("lock nobody's", futex(&a, FUTEX_LOCK_PI, 0, 0));
    a = gettid();
    say("wait, as a plain one", futex(&a, FUTEX_WAIT, 5, 0));
    say("unlock unaligned", futex((char*)&a + 1, FUTEX_UNLOCK_PI, 0, 0));
    say("lock unaligned", futex((char*)&a + 1, FUTEX_LOCK_PI, 0, 0));
    say("lock nowhere", futex((void*)8, FUTEX_LOCK_PI, 0, 0));
    a = 0;
    say("lock", futex(&a, FUTEX_LOCK_PI, 0, 0));
    step = 0;
    pthread_create(&thread, 0, waits_for_a, 0);
    until(1), settle();
    show("one waits", a);
    say("wake", futex(&a, FUTEX_WAKE, 1, 0));
    say("hand over", futex(&a, FUTEX_UNLOCK_PI, 0, 0));
    step = 2;
    pthread_join(thread, 0);
    const struct timespec t = {0, 1};
    const pid_t child = fork();  // it has not locked anything, but it is there
    if (!child) pause();
    a = child;
    say("LOCK_PI2, too late", futex(&a, FUTEX_LOCK_PI2, 0, &t));
    say("LOCK_PI2, realtime", futex(&a, FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME, 0, &t));
    kill(child, SIGKILL);
    waitpid(child, 0, 0);
}

static void* circle(void* unused) {
    (void)unused;
    say("b", futex(&b, FUTEX_LOCK_PI, 0, 0));
    step = 1;
    const long result = futex(&a, FUTEX_LOCK_PI, 0, 0);  // the main thread has it
    futex(&a, FUTEX_UNLOCK_PI, 0, 0);
    futex(&b, FUTEX_UNLOCK_PI, 0, 0);
    return (void*)(intptr_t)result;
}

static void circles(void) {
    pthread_t thread;
    a = b = step = 0;
    say("a", futex(&a, FUTEX_LOCK_PI, 0, 0));
    pthread_create(&thread, 0, circle, 0);
    until(1), settle();
    say("closes a circle", futex(&b, FUTEX_LOCK_PI, 0, 0));
    show("b", b);
    say("unlock a", futex(&a, FUTEX_UNLOCK_PI, 0, 0));
    void* result;
    pthread_join(thread, &result);
    say("then a", (intptr_t)result);
}

static int priority_of(pid_t tid) {
    char name[64], text[600];
    snprintf(name, sizeof name, "/proc/self/task/%d/stat", tid);
    const int fd = open(name, O_RDONLY);
    const ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return -1;
    text[n] = 0;
    char* at = strrchr(text, ')');
    for (int field = 2; field < 18; ++field) at = strchr(at + 1, ' ');
    return atoi(at);
}

static void* is_nice(void* unused) {
    (void)unused;
    holder = gettid();
    setpriority(PRIO_PROCESS, holder, 15);
    futex(&a, FUTEX_LOCK_PI, 0, 0);
    step = 1;
    until(2);
    futex(&a, FUTEX_UNLOCK_PI, 0, 0);
    step = 3;
    until(4);
    return 0;
}

static void* waits(void* unused) {
    (void)unused;
    futex(&a, FUTEX_LOCK_PI, 0, 0);
    futex(&a, FUTEX_UNLOCK_PI, 0, 0);
    return 0;
}

static void priorities(void) {
    pthread_t owner, waiter;
    a = step = 0;
    const int own = priority_of(gettid());
    pthread_create(&owner, 0, is_nice, 0);
    until(1);
    printf("alone %d\n", priority_of(holder) > own);
    pthread_create(&waiter, 0, waits, 0);
    settle();
    printf("waited for %d\n", priority_of(holder) - own);
    printf("its nice value %d\n", getpriority(PRIO_PROCESS, holder) == 15);
    step = 2;
    until(3);
    printf("after %d\n", priority_of(holder) > own);
    step = 4;
    pthread_join(owner, 0), pthread_join(waiter, 0);
}

int main(void) {
    setpriority(PRIO_PROCESS, 0, 0);
    words();
    owner_ends("ends", dies);
    owner_ends("ends, on its list", dies_robustly);
    circles();
    priorities();
    return 0;
}
