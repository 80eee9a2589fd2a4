// Locks on files between processes: what fcntl and flock say natively they must say here. The lines are the
// same each time: children take turns over pipes.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static char name[200];

static int lock(int fd, int command, int type, int whence, long start, long length) {
    struct flock l = {.l_type = (short)type, .l_whence = (short)whence, .l_start = start, .l_len = length};
    return fcntl(fd, command, &l) ? -errno : 0;
}

static void query(const char *what, int fd, int command, int type, long start, long length) {
    struct flock l = {.l_type = (short)type, .l_start = start, .l_len = length};
    const int r = fcntl(fd, command, &l) ? -errno : 0;
    printf("%s: %d type %d whence %d %ld+%ld %s\n", what, r, l.l_type, l.l_whence, (long)l.l_start, (long)l.l_len,
           l.l_pid == getppid() ? "parent" : l.l_pid == 0 ? "0" : l.l_pid == -1 ? "-1" : l.l_pid == getpid() ? "self" : "other");
}

static void say(const char *what, int r) { printf("%s %d\n", what, r); }

static int in_child(void (*f)(int), int fd) {
    fflush(stdout);
    const pid_t pid = fork();
    if (!pid) f(fd), fflush(stdout), _exit(0);
    int status;
    waitpid(pid, &status, 0);
    return status;
}

static void look(int fd) {
    query("child sees", fd, F_GETLK, F_WRLCK, 0, 0);
    query("at 15", fd, F_GETLK, F_WRLCK, 15, 1);
    query("read at 15", fd, F_GETLK, F_RDLCK, 15, 1);
    query("at 30", fd, F_GETLK, F_WRLCK, 30, 0);
    printf("set %d, read %d\n", lock(fd, F_SETLK, F_WRLCK, 0, 5, 100), lock(fd, F_SETLK, F_RDLCK, 0, 200, 0));
}

static void records(int fd) {
    printf("whole %d\n", lock(fd, F_SETLK, F_WRLCK, SEEK_SET, 0, 0));
    in_child(look, fd);
    printf("hole %d\n", lock(fd, F_SETLK, F_UNLCK, SEEK_SET, 10, 10));
    in_child(look, fd);
    printf("weaker %d\n", lock(fd, F_SETLK, F_RDLCK, SEEK_SET, 5, 20));
    in_child(look, fd);
    lseek(fd, 12, SEEK_SET);
    printf("cur %d end %d back %d\n", lock(fd, F_SETLK, F_WRLCK, SEEK_CUR, 2, 2), lock(fd, F_SETLK, F_UNLCK, SEEK_END, -4, 4),
           lock(fd, F_SETLK, F_UNLCK, SEEK_SET, 9, -3));
    in_child(look, fd);
    close(open(name, O_RDONLY));  // takes away all of the process's
    in_child(look, fd);
    const int r = open(name, O_RDONLY), w = open(name, O_WRONLY), n = open("/dev/null", O_RDWR), p = open(name, O_PATH);
    printf("errors %d %d %d %d %d %d %d %d\n", lock(r, F_SETLK, F_WRLCK, 0, 0, 1), lock(w, F_SETLK, F_RDLCK, 0, 0, 1),
           lock(fd, F_SETLK, 7, 0, 0, 1), lock(fd, F_SETLK, F_RDLCK, 5, 0, 1), lock(fd, F_SETLK, F_RDLCK, 0, -1, 1),
           lock(fd, F_SETLK, F_RDLCK, 0, INT64_MAX, 2), lock(fd, F_SETLK, F_RDLCK, 0, 3, -4), lock(fd, F_SETLK, F_RDLCK, SEEK_CUR, INT64_MAX, 0));
    printf("null %d path %d closed %d get %d efault %d\n", lock(n, F_SETLK, F_WRLCK, 0, 0, 0), lock(p, F_SETLK, F_RDLCK, 0, 0, 0),
           lock(99, F_SETLK, F_RDLCK, 0, 0, 0), lock(fd, F_GETLK, F_UNLCK, 0, 0, 0), fcntl(fd, F_SETLK, (void *)8) ? -errno : 0);
    close(r), close(w), close(n), close(p);
}

static void of_files(int fd) {
    const int other = open(name, O_RDWR), shared = dup(fd);
    struct flock bad = {.l_type = F_RDLCK, .l_pid = 3};
    printf("ofd %d %d\n", lock(fd, F_OFD_SETLK, F_WRLCK, 0, 0, 10), fcntl(fd, F_OFD_SETLK, &bad) ? -errno : 0);
    printf("same %d other %d posix %d\n", lock(shared, F_OFD_SETLK, F_WRLCK, 0, 5, 2), lock(other, F_OFD_SETLK, F_RDLCK, 0, 5, 2),
           lock(other, F_SETLK, F_RDLCK, 0, 5, 2));
    query("other sees", other, F_OFD_GETLK, F_RDLCK, 5, 1);
    query("posix sees", other, F_GETLK, F_RDLCK, 5, 1);
    close(shared);
    printf("after a close of one of two %d\n", lock(other, F_OFD_SETLK, F_RDLCK, 0, 5, 2));
    printf("unlock %d\n", lock(fd, F_OFD_SETLK, F_UNLCK, 0, 0, 0));
    printf("now %d\n", lock(other, F_OFD_SETLK, F_RDLCK, 0, 5, 2));
    close(other);
}

static void wait_for_parent(int fd) {
    printf("child waits\n"), fflush(stdout);
    printf("child has it: %d\n", lock(fd, F_SETLKW, F_WRLCK, 0, 0, 10));
}
static void on_alarm(int signal) { (void)signal; }

static void waiting(int fd) {
    lock(fd, F_SETLK, F_WRLCK, 0, 0, 10);
    fflush(stdout);
    const pid_t pid = fork();
    if (!pid) wait_for_parent(fd), fflush(stdout), _exit(0);
    usleep(50000);
    printf("parent lets go\n"), fflush(stdout);
    lock(fd, F_SETLK, F_UNLCK, 0, 0, 10);
    waitpid(pid, 0, 0);
    // A circle of two: the child holds B and waits for A; the parent holds A and asks for B.
    lock(fd, F_SETLK, F_WRLCK, 0, 0, 1);
    int ready[2];
    if (pipe(ready)) exit(1);
    const pid_t second = fork();
    if (!second) {
        lock(fd, F_SETLK, F_WRLCK, 0, 1, 1);
        if (write(ready[1], "r", 1) != 1) _exit(9);
        _exit(lock(fd, F_SETLKW, F_WRLCK, 0, 0, 1) ? 1 : 0);
    }
    char c;
    if (read(ready[0], &c, 1) != 1) exit(1);
    usleep(50000);
    printf("circle %d\n", lock(fd, F_SETLKW, F_WRLCK, 0, 1, 1));
    lock(fd, F_SETLK, F_UNLCK, 0, 0, 0);
    int status;
    waitpid(second, &status, 0);
    printf("the child went on: %d\n", status);
    // A signal ends a wait; the end of the holder too.
    const pid_t third = fork();
    if (!third) {
        lock(fd, F_SETLK, F_WRLCK, 0, 0, 0);
        if (write(ready[1], "r", 1) != 1) _exit(9);
        pause();
    }
    if (read(ready[0], &c, 1) != 1) exit(1);
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, 0);
    ualarm(50000, 0);
    printf("interrupted %d\n", lock(fd, F_SETLKW, F_RDLCK, 0, 3, 1));
    kill(third, SIGKILL);
    printf("freed by the end %d\n", lock(fd, F_SETLKW, F_RDLCK, 0, 3, 1));
    waitpid(third, 0, 0);
    close(ready[0]), close(ready[1]);
}

static int flocked(int fd, int operation) { return flock(fd, operation) ? -errno : 0; }

static void flocks(int fd) {
    const int other = open(name, O_RDONLY), third = open(name, O_RDWR), shared = dup(fd), path = open(name, O_PATH);
    say("sh", flocked(fd, LOCK_SH)), say("sh", flocked(other, LOCK_SH | LOCK_NB));
    say("ex", flocked(third, LOCK_EX | LOCK_NB)), say("up", flocked(fd, LOCK_EX | LOCK_NB));
    say("dup", flocked(shared, LOCK_SH | LOCK_NB)), say("un", flocked(other, LOCK_UN));
    say("up", flocked(fd, LOCK_EX | LOCK_NB)), say("records do not care", lock(third, F_SETLK, F_WRLCK, 0, 0, 0));
    say("nothing", flocked(fd, 0)), say("both", flocked(fd, LOCK_SH | LOCK_EX)), say("closed", flocked(99, LOCK_SH));
    say("path", flocked(path, LOCK_SH)), say("mand", flocked(99, 32 | LOCK_SH)), say("bad", flocked(99, 77));
    fflush(stdout);
    const pid_t pid = fork();
    if (!pid) {
        close(fd), close(shared);
        printf("child: inherited? %d\n", flocked(third, LOCK_EX | LOCK_NB));
        fflush(stdout);
        printf("child waited: %d\n", flocked(third, LOCK_SH));
        fflush(stdout);
        _exit(0);
    }
    usleep(50000);
    printf("parent closes one\n"), close(shared), usleep(50000);
    printf("and the other\n"), fflush(stdout);
    flocked(fd, LOCK_UN);
    waitpid(pid, 0, 0);
    close(other), close(third), close(path);
}

static unsigned long seed = 88172645463325252;
static unsigned draw(unsigned below) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (unsigned)(seed % below);
}

// Thousands of drawn calls on five open files, and what each says.
static void drawn_of_files(void) {
    int fds[5];
    for (int i = 0; i < 5; i++) fds[i] = open(name, O_RDWR);
    unsigned long sum = 0;
    for (int n = 0; n < 3000; n++) {
        static const int types[] = {F_RDLCK, F_WRLCK, F_UNLCK, F_WRLCK};
        struct flock l = {.l_type = (short)types[draw(4)], .l_start = draw(60), .l_len = draw(12)};
        const int fd = fds[draw(5)], command = draw(3) ? F_OFD_SETLK : F_OFD_GETLK;
        if (l.l_type == F_UNLCK && command == F_OFD_GETLK) continue;
        const int r = fcntl(fd, command, &l) ? -errno : 0;
        sum = sum * 31 + (unsigned)r + (unsigned)l.l_type * 7 + (unsigned long)l.l_start * 11 + (unsigned long)l.l_len * 13;
        if (n % 300 == 0) printf("%d: %d %d %ld+%ld %lx\n", n, r, l.l_type, (long)l.l_start, (long)l.l_len, sum);
    }
    printf("drawn %lx\n", sum);
    for (int i = 0; i < 5; i++) close(fds[i]);
}

struct order { int command; struct flock lock; };

// The same with three processes, each with locks of its own, told what to do by the parent.
static void drawn_of_processes(int fd) {
    int to[3][2], from[3][2];
    pid_t pids[3];
    for (int i = 0; i < 3; i++) {
        if (pipe(to[i]) || pipe(from[i])) exit(1);
        if (!(pids[i] = fork())) {
            struct order o;
            for (int k = 0; k <= i; k++) close(to[k][1]);
            while (read(to[i][0], &o, sizeof o) == sizeof o) {
                const int r = fcntl(fd, o.command, &o.lock) ? -errno : 0;
                o.command = r;
                if (write(from[i][1], &o, sizeof o) != sizeof o) _exit(9);
            }
            _exit(0);
        }
        close(to[i][0]);
    }
    unsigned long sum = 0;
    for (int n = 0; n < 600; n++) {
        static const int types[] = {F_RDLCK, F_WRLCK, F_UNLCK, F_WRLCK};
        struct order o = {.lock = {.l_type = (short)types[draw(4)], .l_start = draw(60), .l_len = draw(12)}};
        o.command = o.lock.l_type == F_UNLCK || draw(3) ? F_SETLK : F_GETLK;
        const int query = o.command == F_GETLK;
        const unsigned who = draw(3);
        if (write(to[who][1], &o, sizeof o) != sizeof o || read(from[who][0], &o, sizeof o) != sizeof o) exit(1);
        int owner = -1;
        for (int i = 0; query && i < 3; i++) owner = o.lock.l_pid == pids[i] ? i : owner;
        sum = sum * 31 + (unsigned)o.command + (unsigned)o.lock.l_type * 7 + (unsigned long)o.lock.l_start * 11 +
              (unsigned long)o.lock.l_len * 13 + (unsigned)owner;
    }
    printf("processes %lx\n", sum);
    for (int i = 0; i < 3; i++) close(to[i][1]);
    for (int i = 0; i < 3; i++) waitpid(pids[i], 0, 0);
}

// For a test that holds locks of its own: "try" or "wait" FILE.
static int against_others(const char *how, const char *file) {
    const int fd = open(file, O_RDWR), waits = !strcmp(how, "wait");
    query("sees", fd, F_GETLK, F_WRLCK, 0, 10);
    say("record", lock(fd, waits ? F_SETLKW : F_SETLK, F_WRLCK, 0, 0, 10));
    say("elsewhere", lock(fd, F_SETLK, F_WRLCK, 0, 100, 10));
    say("flock", flocked(fd, waits ? LOCK_EX : LOCK_EX | LOCK_NB));
    return 0;
}

static void try_flock(int fd) {
    (void)fd;
    say("child: flock", flocked(open(name, O_RDONLY), LOCK_EX | LOCK_NB));
}

// The same with a file that can only be read: "hold" FILE until the standard input ends, "look" FILE.
static int read_only(const char *how, const char *file) {
    const int fd = open(file, O_RDONLY);
    char c;
    if (!strcmp(how, "look")) {
        query("sees", fd, F_GETLK, F_RDLCK, 0, 10);
        say("record", lock(fd, F_SETLK, F_RDLCK, 0, 0, 10));
        say("elsewhere", lock(fd, F_SETLK, F_RDLCK, 0, 100, 10));
        return 0;
    }
    snprintf(name, sizeof name, "%s", file);
    say("record", lock(fd, F_SETLK, F_RDLCK, 0, 0, 0));
    say("flock", flocked(fd, LOCK_EX | LOCK_NB));
    in_child(try_flock, fd);
    printf("holding\n"), fflush(stdout);
    return read(0, &c, 1) != 0;
}

int main(int argc, char **argv) {
    if (argc > 2 && (!strcmp(argv[1], "hold") || !strcmp(argv[1], "look"))) return read_only(argv[1], argv[2]);
    if (argc > 2) return against_others(argv[1], argv[2]);
    snprintf(name, sizeof name, "%s/locked", argc > 1 ? argv[1] : ".");
    const int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, "0123456789abcdefghij", 20) != 20) return 1;
    records(fd);
    of_files(fd);
    waiting(fd);
    flocks(fd);
    drawn_of_files();
    drawn_of_processes(fd);
    unlink(name);
    return 0;
}
