// Files of /proc/PID that programs read and write: what they say natively they must say here, where it is not
// another machine's.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[65536];
static const char* file(const char* name) {
    const int fd = open(name, O_RDONLY);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n < 0) snprintf(text, sizeof text, "error %d\n", errno);
    else text[n] = 0;
    if (fd >= 0) close(fd);
    return text;
}
static void show(const char* name) { printf("%s: %s", name, file(name)); }
static void put(const char* name, const char* what) {
    const int fd = open(name, O_WRONLY);
    const long n = fd < 0 ? -1 : write(fd, what, strlen(what));
    printf("%s <- %s: %ld\n", name, what, n < 0 ? -(long)errno : n);
    if (fd >= 0) close(fd);
}
static long value(const char* name, const char* key) {
    const char* at = strstr(file(name), key);
    return at ? atol(at + strlen(key)) : -1;
}

static void namespaces(void) {
    static const char* names[] = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "user", "uts"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64], target[64] = "";
        struct stat link, followed;
        snprintf(name, sizeof name, "/proc/self/ns/%s", names[i]);
        readlink(name, target, sizeof target - 1);
        const int a = lstat(name, &link), b = stat(name, &followed), fd = open(name, O_RDONLY);
        const char* number = strchr(target, '[');
        printf("%s %.*s %d %d %d: the number is its inode %d, opened %d\n", names[i],
               number ? (int)(number - target) : 0, target, a, b, S_ISLNK(link.st_mode),
               number && (unsigned long)followed.st_ino == strtoul(number + 1, 0, 10), fd >= 0);
        if (fd >= 0) close(fd);
    }
    const int fd = open("/proc/self/stat", O_RDONLY);
    printf("setns %d", setns(fd, 0) ? errno : 0);
    printf(" %d\n", setns(999, 0) ? errno : 0);
    close(fd);
}

static void* named(void* tid) {
    *(volatile pid_t*)tid = gettid();
    while (*(volatile pid_t*)tid) usleep(1000);
    char name[17] = "";
    prctl(PR_GET_NAME, name);
    printf("it is called %s\n", name);
    return 0;
}

static void names(void) {
    pthread_t thread;
    volatile pid_t tid = 0;
    char path[64];
    pthread_create(&thread, 0, named, (void*)&tid);
    while (!tid) usleep(1000);
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", tid);
    printf("%d\n", pthread_setname_np(thread, "a thread"));
    printf("%s", file(path));
    const int fd = open(path, O_WRONLY);
    printf("%zd\n", write(fd, "a name that is too long\n", 24));
    close(fd);
    printf("%s", file(path));
    show("/proc/self/comm");
    tid = 0;
    pthread_join(thread, 0);
    put("/proc/self/comm", "main one\n");
    show("/proc/self/comm");
    const pid_t child = fork();
    if (!child) pause();
    snprintf(path, sizeof path, "/proc/%d/comm", child);
    const int other = open(path, O_WRONLY);
    printf("another's: %d\n", write(other, "x", 1) < 0 ? errno : 0);
    close(other);
    kill(child, SIGKILL);
    waitpid(child, 0, 0);
}

static void counts(void) {
    const long r = value("/proc/self/io", "rchar:"), w = value("/proc/self/io", "wchar:");
    const long sr = value("/proc/self/io", "syscr:"), sw = value("/proc/self/io", "syscw:");
    const int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
    char bytes[1000];
    for (int i = 0; i < 10; i++)
        if (read(zero, bytes, 1000) != 1000 || write(null, bytes, 500) != 500) return;
    close(zero), close(null);
    const long w2 = value("/proc/self/io", "wchar:"), sw2 = value("/proc/self/io", "syscw:");
    const long r2 = value("/proc/self/io", "rchar:"), sr2 = value("/proc/self/io", "syscr:");
    printf("written %ld in %ld, read at least %d in %ld\n", w2 - w, sw2 - sw, r2 - r >= 10000, sr2 - sr);
    const long v = value("/proc/self/status", "\nvoluntary_ctxt_switches:");
    usleep(1000);
    printf("switched %d\n", value("/proc/self/status", "\nvoluntary_ctxt_switches:") > v);
}

static void sockets(void) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0mmuscope-proc-test"};
    const int s = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(s, (struct sockaddr*)&name, sizeof(sa_family_t) + 19);
    listen(s, 3);
    char link[64] = "", path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", s);
    readlink(path, link, sizeof link - 1);
    char* line = strstr((char*)file("/proc/net/unix"), "@mmuscope-proc-test");
    while (line && line > text && line[-1] != '\n') line--;
    unsigned long number;
    unsigned references, protocol, flags, type, state, inode = 0;
    const int fields =
        line ? sscanf(line, "%lx: %x %x %x %x %x %u", &number, &references, &protocol, &flags, &type, &state, &inode) : 0;
    printf("socket: %d fields, %x %x %x %x, its inode %d\n", fields, protocol, flags, type, state,
           !strncmp(link, "socket:[", 8) && (unsigned)atoi(link + 8) == inode);
    close(s);
}

static void unsharing(void) {
    const int fd = open("/dev/null", O_RDONLY);
    printf("unshare %d %d %d %d\n", unshare(0), unshare(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM),
           unshare(1 << 3) ? errno : 0, unshare(CLONE_THREAD) ? errno : 0);
    printf("sync_file_range %d", sync_file_range(fd, 0, 5, 0) ? errno : 0);
    printf(" %d", sync_file_range(99, 0, 5, 0) ? errno : 0);
    printf(" %d", sync_file_range(fd, -1, 5, 0) ? errno : 0);
    printf(" %d\n", sync_file_range(fd, 0, 5, 64) ? errno : 0);
    const long none = syscall(SYS_ioprio_get, 1, 0), set = syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 3);
    printf("ioprio %ld %ld %ld", none, set, syscall(SYS_ioprio_get, 1, 0));
    printf(" %d", syscall(SYS_ioprio_get, 9, 0) < 0 ? errno : 0);
    printf(" %d", syscall(SYS_ioprio_get, 1, 0x3ffffff) < 0 ? errno : 0);
    printf(" %d\n", syscall(SYS_ioprio_set, 1, 0, 5 << 13) < 0 ? errno : 0);
}

int main(void) {
    static const char* plain[] = {"cpuset",      "uid_map",         "gid_map",  "projid_map", "setgroups",
                                  "timers",      "coredump_filter", "loginuid", "sessionid",
                                  "timerslack_ns"};
    for (unsigned i = 0; i < sizeof plain / sizeof *plain; i++) {
        char name[64];
        snprintf(name, sizeof name, "/proc/self/%s", plain[i]);
        show(name);
    }
    put("/proc/self/coredump_filter", "0x7f\n");
    show("/proc/self/coredump_filter");
    put("/proc/self/coredump_filter", "what");
    put("/proc/self/timerslack_ns", "12345\n");
    printf("%d\n", prctl(PR_GET_TIMERSLACK));
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 10, .sigev_value.sival_int = 7};
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    printf("%ld %d\n", value("/proc/self/timers", "ID: "), strstr(text, "notify: signal/pid.") != 0);
    printf("%d %d\n", strncmp(file("/proc/self/syscall"), "0 0x", 4), strstr(file("/proc/net/dev"), "    lo:") != 0);
    printf("%d %d\n", value("/proc/self/schedstat", "") >= 0, strstr(file("/proc/self/sched"), "nr_switches") != 0);
    namespaces();
    names();
    counts();
    sockets();
    unsharing();
    return 0;
}
