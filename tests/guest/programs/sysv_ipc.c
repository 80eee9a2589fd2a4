// System V semaphores and message queues, POSIX message queues: every answer, between processes too. What it
// prints is the same on every Linux.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long result(long value) {
    return value < 0 ? -errno : value;
}
static void show(const char* what, long value) {
    printf("%s %ld\n", what, value);
    fflush(stdout);
}
#define TRY(call) show(#call, result(call))

static long op(int id, int number, int change, int flags) {
    struct sembuf one = {(unsigned short)number, (short)change, (short)flags};
    return semop(id, &one, 1);
}
static void until_count(int id, int command, int wanted) {
    while (semctl(id, 0, command) != wanted) usleep(1000);
}

static void semaphores(void) {
    int id = semget(IPC_PRIVATE, 3, 0600);
    show("made", id >= 0);
    TRY(semget(IPC_PRIVATE, 0, 0600));
    TRY(semget(IPC_PRIVATE, -1, 0600));
    TRY(semget(IPC_PRIVATE, 32001, 0600));
    int key = 0x4d550000 ^ getpid();
    TRY(semget(key, 2, 0600));
    int named = semget(key, 2, IPC_CREAT | IPC_EXCL | 0600);
    TRY(semget(key, 2, IPC_CREAT | IPC_EXCL | 0600));
    TRY(semget(key, 5, 0600));
    show("the same", semget(key, 0, 0) == named);
    TRY(semctl(named, 0, IPC_RMID));
    TRY(semctl(named, 0, GETVAL));

    unsigned short values[3] = {1, 2, 3}, read_back[3] = {0};
    TRY(semctl(id, 0, SETALL, values));
    TRY(semctl(id, 0, GETALL, read_back));
    printf("%d %d %d\n", read_back[0], read_back[1], read_back[2]);
    TRY(semctl(id, 1, SETVAL, 32768));
    TRY(semctl(id, 1, SETVAL, -1));
    TRY(semctl(id, 3, GETVAL));
    TRY(semctl(id, 0, 99));
    TRY(op(id, 0, -1, 0));
    TRY(op(id, 0, -1, IPC_NOWAIT));
    TRY(op(id, 1, 0, IPC_NOWAIT));
    TRY(op(id, 7, 1, 0));
    TRY(op(id, 0, 32767, 0));
    TRY(op(id, 0, 1, 0));
    TRY(semop(id, NULL, 1));
    struct sembuf many[2] = {{0, -32767, 0}, {1, -3, IPC_NOWAIT}};
    TRY(semop(id, many, 2));  // nothing of it is done
    TRY(semctl(id, 0, GETVAL));
    TRY(semop(id, many, 0));
    TRY(semop(id, many, 501));
    TRY(semop(-1, many, 1));
    struct timespec soon = {0, 5000000}, wrong = {0, 1000000000};
    struct sembuf down = {2, -9, 0};
    TRY(semtimedop(id, &down, 1, &soon));
    TRY(semtimedop(id, &down, 1, &wrong));
    show("my pid", semctl(id, 0, GETPID) == getpid());

    // Two wait; who changes the value lets them go on in order.
    TRY(semctl(id, 0, SETVAL, 0));
    int pipes[2];
    if (pipe(pipes)) return;
    for (int i = 0; i < 2; ++i) {
        if (!fork()) {
            char name = (char)('a' + i);
            if (op(id, 0, -1, 0) == 0 && write(pipes[1], &name, 1) == 1) _exit(0);
            _exit(1);
        }
        until_count(id, GETNCNT, i + 1);
    }
    char order[3] = {0};
    TRY(op(id, 0, 1, 0));
    show("first", read(pipes[0], order, 1));
    TRY(op(id, 0, 1, 0));
    show("second", read(pipes[0], order + 1, 1));
    puts(order);
    while (wait(NULL) > 0) {}
    // For zero.
    TRY(semctl(id, 1, SETVAL, 2));
    if (!fork()) _exit(op(id, 1, 0, 0) == 0 ? 7 : 8);
    until_count(id, GETZCNT, 0);
    while (semctl(id, 1, GETZCNT) != 1) usleep(1000);
    TRY(op(id, 1, -2, 0));
    int status = 0;
    wait(&status);
    show("zero", WEXITSTATUS(status));
    // What a process did is undone at its end.
    TRY(semctl(id, 2, SETVAL, 5));
    if (!fork()) {
        op(id, 2, -3, SEM_UNDO);
        op(id, 2, 1, SEM_UNDO);
        _exit(semctl(id, 2, GETVAL));
    }
    wait(&status);
    show("inside", WEXITSTATUS(status));
    TRY(semctl(id, 2, GETVAL));
    // A signal ends the wait, and so does the end of the array.
    signal(SIGUSR1, SIG_DFL);
    for (int i = 0; i < 2; ++i) {
        pid_t child = fork();
        if (!child) _exit((int)-result(op(id, 0, -30, 0)));
        until_count(id, GETNCNT, 1);
        if (i) semctl(id, 0, IPC_RMID); else kill(child, SIGUSR1);
        waitpid(child, &status, 0);
        show(i ? "removed" : "killed", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
        if (!i) until_count(id, GETNCNT, 0);
    }
    struct semid_ds data;
    id = semget(IPC_PRIVATE, 4, 0640);
    TRY(semctl(id, 0, IPC_STAT, &data));
    printf("%o %lu otime %ld\n", data.sem_perm.mode, (unsigned long)data.sem_nsems, (long)data.sem_otime);
    data.sem_perm.mode = 0600;
    TRY(semctl(id, 0, IPC_SET, &data));
    TRY(semctl(id, 0, IPC_STAT, &data));
    printf("%o\n", data.sem_perm.mode);
    TRY(semctl(id, 0, IPC_STAT, NULL));
    struct seminfo info;
    show("info", semctl(0, 0, IPC_INFO, &info) >= 0);
    printf("%d %d %d %d\n", info.semmsl, info.semopm, info.semvmx, info.semusz);
    TRY(semctl(id, 0, IPC_RMID));
}

struct text {
    long type;
    char bytes[64];
};
static long put(int id, long type, const char* bytes, int flags) {
    struct text text = {type, ""};
    strcpy(text.bytes, bytes);
    return result(msgsnd(id, &text, strlen(bytes), flags));
}
static void take(int id, long type, size_t size, int flags) {
    struct text text = {0, ""};
    long got = result(msgrcv(id, &text, size, type, flags));
    printf("type %ld flags %d: %ld %ld \"%.*s\"\n", type, flags, got, text.type, got > 0 ? (int)got : 0, text.bytes);
    fflush(stdout);
}

/// A child that receives; what it got is printed when `child_prints` is called.
static int go[2];
static pid_t receiver(int id, long type) {
    if (pipe(go)) exit(1);
    pid_t child = fork();
    if (child) {
        close(go[0]);
        char path[64], state = 0;
        snprintf(path, sizeof path, "/proc/%d/stat", child);
        while (state != 'S') {  // until it waits
            FILE* file = fopen(path, "r");
            if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 0;
            if (file) fclose(file);
            usleep(1000);
        }
        return child;
    }
    close(go[1]);
    struct text text = {0, ""};
    long got = result(msgrcv(id, &text, 64, type, 0));
    char byte;
    while (read(go[0], &byte, 1) > 0) {}
    printf("received %ld %ld \"%.*s\"\n", got, text.type, got > 0 ? (int)got : 0, text.bytes);
    fflush(stdout);
    _exit(0);
}
static void child_prints(pid_t child) {
    close(go[1]);
    waitpid(child, NULL, 0);
}

static void messages(void) {
    int id = msgget(IPC_PRIVATE, 0600);
    show("made", id >= 0);
    show("three", put(id, 3, "three", 0));
    show("one", put(id, 1, "one", 0));
    show("two", put(id, 2, "two", 0));
    show("again", put(id, 3, "three again", 0));
    show("type 0", put(id, 0, "x", 0));
    take(id, 2, 64, IPC_NOWAIT);
    take(id, 9, 64, IPC_NOWAIT);
    take(id, -2, 64, IPC_NOWAIT);
    take(id, 3, 2, IPC_NOWAIT);
    take(id, 3, 2, IPC_NOWAIT | MSG_NOERROR);
    take(id, 7, 64, IPC_NOWAIT | MSG_EXCEPT);
    take(id, 0, 64, IPC_NOWAIT);
    char big[9000] = {1};
    TRY(msgsnd(id, big, 8193, 0));
    TRY(msgsnd(id, big, 8192, 0));
    TRY(msgsnd(id, big, 8192, 0));
    TRY(msgsnd(id, big, 1, IPC_NOWAIT));
    TRY(msgsnd(id, NULL, 1, 0));
    TRY(msgsnd(-1, big, 1, 0));
    TRY(msgrcv(id, big, (size_t)-1, 0, 0));
    // A sender waits for room, a receiver for its type.
    if (!fork()) _exit((int)put(id, 5, "late", 0));
    usleep(20000);
    struct msqid_ds data;
    TRY(msgctl(id, IPC_STAT, &data));
    printf("%lu of %lu bytes in %lu\n", data.__msg_cbytes, data.msg_qbytes, data.msg_qnum);
    TRY(msgrcv(id, big, 8192, 0, 0));
    take(id, 5, 64, 0);
    int status;
    wait(&status);
    show("sender", WEXITSTATUS(status));
    TRY(msgrcv(id, big, 8192, 0, 0));
    pid_t child = receiver(id, -4);
    show("six", put(id, 6, "six", 0));
    show("four", put(id, 4, "four", 0));
    child_prints(child);
    take(id, 0, 64, 0);
    child = receiver(id, 0);
    TRY(msgctl(id, IPC_RMID, NULL));
    child_prints(child);
    TRY(msgctl(id, IPC_RMID, NULL));
    TRY(msgget(0x4d560000 ^ getpid(), 0600));
    struct msginfo info;
    show("info", msgctl(0, IPC_INFO, (struct msqid_ds*)&info) >= 0);
    printf("%d %d %d\n", info.msgmax, info.msgmnb, info.msgssz);
}

static volatile sig_atomic_t heard, code, value;
static void notified(int signal, siginfo_t* about, void* context) {
    (void)signal;
    (void)context;
    heard++;
    code = about->si_code;
    value = about->si_value.sival_int;
}

static void posix_queues(void) {
    char name[64];
    snprintf(name, sizeof name, "/mmuscope-%d", getpid());
    TRY(mq_open(name, O_RDWR));
    TRY(mq_open("/", O_RDWR));
    TRY(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL));
    struct mq_attr attr = {.mq_maxmsg = 0, .mq_msgsize = 16};
    TRY(mq_open(name, O_RDWR | O_CREAT, 0600, &attr));
    attr.mq_maxmsg = 3;
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &attr);
    show("made", queue >= 0);
    TRY(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr));
    char bytes[32] = {0};
    unsigned priority = 0;
    TRY(mq_receive(queue, bytes, 16, &priority));
    TRY(mq_receive(queue, bytes, 15, &priority));
    TRY(mq_send(queue, "low", 4, 1));
    TRY(mq_send(queue, "high", 5, 9));
    TRY(mq_send(queue, "low 2", 6, 1));
    TRY(mq_send(queue, "full", 5, 1));
    TRY(mq_send(queue, bytes, 17, 1));
    TRY(mq_send(queue, bytes, 1, 32768));
    TRY(mq_getattr(queue, &attr));
    printf("%ld %ld %ld %ld\n", attr.mq_flags, attr.mq_maxmsg, attr.mq_msgsize, attr.mq_curmsgs);
    struct pollfd poll_it = {queue, POLLIN | POLLOUT, 0};
    TRY(poll(&poll_it, 1, 0));
    show("events", poll_it.revents);
    for (int i = 0; i < 3; ++i) {
        TRY(mq_receive(queue, bytes, 16, &priority));
        printf("%s %u\n", bytes, priority);
    }
    struct sigaction action = {.sa_sigaction = notified, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
    TRY(mq_notify(queue, &event));
    TRY(mq_notify(queue, &event));
    TRY(mq_send(queue, "a", 2, 0));
    TRY(mq_send(queue, "b", 2, 0));
    printf("heard %d code %d value %d\n", (int)heard, (int)code, (int)value);
    TRY(mq_notify(queue, NULL));
    attr.mq_flags = 0;
    struct mq_attr old;
    TRY(mq_setattr(queue, &attr, &old));
    printf("was %ld\n", old.mq_flags);
    TRY(mq_receive(queue, bytes, 16, NULL));
    TRY(mq_receive(queue, bytes, 16, NULL));
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_nsec += 5000000;
    if (now.tv_nsec >= 1000000000) now.tv_nsec -= 1000000000, now.tv_sec++;
    TRY(mq_timedreceive(queue, bytes, 16, NULL, &now));
    now.tv_nsec = -1;
    TRY(mq_timedreceive(queue, bytes, 16, NULL, &now));
    if (!fork()) {
        usleep(10000);
        _exit(mq_send(queue, "from a child", 13, 3) == 0 ? 0 : 1);
    }
    TRY(mq_receive(queue, bytes, 16, &priority));
    printf("%s %u\n", bytes, priority);
    wait(NULL);
    mqd_t reader = mq_open(name, O_RDONLY);
    TRY(mq_send(reader, "x", 2, 0));
    TRY(mq_unlink(name));
    TRY(mq_unlink(name));
    TRY(mq_send(queue, "still here", 11, 0));
    TRY(mq_receive(reader, bytes, 16, NULL));
    TRY(mq_close(reader));
    TRY(mq_close(queue));
    TRY(mq_getattr(0, &attr));
}

int main(void) {
    semaphores();
    messages();
    posix_queues();
    return 0;
}
