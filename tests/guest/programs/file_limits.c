// RLIMIT_FSIZE of files and of shared memory, holes, pwritev2's flags, files by descriptors of O_PATH and
// O_TMPFILE, clone3's rarer arguments, core dump status. Each line is as natively.
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/// Under a limit of RLIMIT_FSIZE what is said waits: it may be a file that it goes to.
static int held;

static long say(int line, const char* what, long result) {
    printf("%d %s: %ld%s%s\n", line, what, result, result < 0 ? " " : "",
           result < 0 ? strerrorname_np(errno) : "");
    if (!held) fflush(stdout);
    return result;
}
#define SAY(call) say(__LINE__, #call, (long)(call))

static volatile sig_atomic_t too_big;
static void count(int signal) { too_big += signal == SIGXFSZ; }
static char bytes[4096];

static void limited(const char* name, int fd) {
    printf("%s\n", name);
    too_big = 0;
    SAY(write(fd, bytes, 300));
    SAY(write(fd, bytes, 1));
    SAY(write(fd, bytes, 0));
    SAY(pwrite(fd, bytes, 10, 95));
    SAY(pwrite(fd, bytes, 10, 5000));
    SAY(ftruncate(fd, 101));
    SAY(ftruncate(fd, 50));
    SAY(fallocate(fd, 0, 0, 100));
    SAY(fallocate(fd, 0, 0, 101));
    SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 5000));
    const struct iovec parts[2] = {{bytes, 60}, {bytes, 60}};
    SAY(pwritev(fd, parts, 2, 10));
    printf("SIGXFSZ: %d\n", too_big);
    struct stat status;
    fstat(fd, &status);
    printf("size %ld\n", (long)status.st_size);
}

static void limits(void) {
    const int file = open("limited", O_CREAT | O_RDWR, 0600), before = open("before", O_CREAT | O_RDWR, 0600);
    SAY(write(before, bytes, 200));
    const struct rlimit limit = {100, RLIM_INFINITY}, lifted = {RLIM_INFINITY, RLIM_INFINITY};
    held = 1;
    SAY(setrlimit(RLIMIT_FSIZE, &limit));
    signal(SIGXFSZ, count);
    limited("file", file);
    limited("memfd", memfd_create("m", 0));
    too_big = 0;
    SAY(pwrite(before, bytes, 150, 0));
    SAY(ftruncate(before, 150));
    SAY(truncate("before", 151));
    SAY(lseek(before, 0, SEEK_SET));
    SAY(ftruncate(file, 0));
    SAY(lseek(file, 0, SEEK_SET));
    SAY(sendfile(file, before, NULL, 150));
    SAY(copy_file_range(before, &(off_t){0}, file, &(off_t){50}, 100, 0));
    SAY(copy_file_range(before, &(off_t){0}, file, &(off_t){100}, 100, 0));
    const int append = open("limited", O_WRONLY | O_APPEND);
    SAY(write(append, bytes, 10));
    printf("SIGXFSZ: %d\n", too_big);
    if (!fork()) {
        signal(SIGXFSZ, SIG_DFL);
        if (write(append, bytes, 10) > 0) _exit(1);
        _exit(0);
    }
    int status;
    wait(&status);
    printf("ended %x\n", status);
    SAY(setrlimit(RLIMIT_FSIZE, &lifted));
    held = 0;
}

static void holes_and_flags(void) {
    const int fd = open("holes", O_CREAT | O_RDWR, 0600);
    memset(bytes, 'x', sizeof bytes);
    for (int i = 0; i < 3; ++i) SAY(write(fd, bytes, sizeof bytes));
    char* map = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    map[4096] = 'y';
    SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4000, 4200));
    printf("%d %d %d %d %d\n", map[3999], map[4000], map[4096], map[8199], map[8200]);
    SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10));
    SAY(fallocate(fd, 0x999, 0, 10));
    SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096 * 100, 10));
    const struct iovec part = {"12345", 5};
    SAY(lseek(fd, 3, SEEK_SET));
    SAY(pwritev2(fd, &part, 1, 0, RWF_APPEND));
    SAY(lseek(fd, 0, SEEK_CUR));
    SAY(pwritev2(fd, &part, 1, -1, RWF_APPEND));
    SAY(lseek(fd, 0, SEEK_CUR));
    SAY(pwritev2(fd, &part, 1, 0, RWF_SYNC | RWF_DSYNC));
    SAY(pwritev2(fd, &part, 1, 0, 0x10000));
    printf("%.5s\n", map);
    close(fd);
}

static void by_descriptor(void) {
    char path[64];
    const int made = open(".", O_TMPFILE | O_RDWR, 0600);
    SAY(write(made, "made", 4));
    SAY(linkat(made, "", AT_FDCWD, "made", AT_EMPTY_PATH));
    SAY(linkat(made, "", AT_FDCWD, "made", AT_EMPTY_PATH));
    struct stat status;
    SAY(stat("made", &status));
    printf("%ld %ld\n", (long)status.st_nlink, (long)status.st_size);
    mkdir("folder", 0700);
    symlink("made", "link");
    static const char* const kNames[] = {"made", "folder", "link"};
    static const int kFlags[] = {O_RDONLY, O_RDWR, O_RDONLY | O_DIRECTORY, O_PATH, O_WRONLY | O_TRUNC};
    for (int i = 0; i < 3; ++i) {
        const int pinned = open(kNames[i], O_PATH | O_NOFOLLOW);
        snprintf(path, sizeof path, "/proc/self/fd/%d", pinned);
        for (int j = 0; j < 5; ++j) {
            const int fd = open(path, kFlags[j]);
            printf("%s %x: %s\n", kNames[i], kFlags[j], fd < 0 ? strerrorname_np(errno) : "opened");
            if (fd >= 0) close(fd);
        }
        close(pinned);
    }
    SAY(stat("made", &status));
    printf("%ld\n", (long)status.st_size);
}

struct clone_args_ {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
#define CLONE_INTO_CGROUP_ 0x200000000
#define CLONE_DETACHED_ 0x00400000
#define CLONE_PIDFD_ 0x1000

/// Names are made, changed and removed behind the links of /proc as where they lead.
static void behind_links(void) {
    char path[300], here[200];
    SAY(open("/proc/self/cwd/one", O_CREAT | O_RDWR, 0600) >= 0);
    SAY(mkdir("/proc/self/cwd/two/", 0700));
    SAY(rename("/proc/self/cwd/one", "/proc/self/cwd/two/three"));
    SAY(truncate("/proc/self/cwd/two/three", 5));
    SAY(chmod("/proc/self/cwd/two/three", 0400));
    const int folder = open("two", O_RDONLY);
    snprintf(path, sizeof path, "/proc/self/fd/%d/four", folder);
    SAY(symlink("three", path));
    SAY(chdir("/proc/self/cwd/two"));
    struct stat status;
    SAY(stat("four", &status));
    printf("%o %ld\n", status.st_mode, (long)status.st_size);
    SAY(chdir(".."));
    if (!getcwd(here, sizeof here)) exit(1);
    snprintf(path, sizeof path, "/proc/%d/root%s/five", getpid(), here);
    SAY(open(path, O_CREAT | O_EXCL | O_RDWR, 0600) >= 0);
    SAY(link("five", "/proc/thread-self/cwd/six"));
    SAY(unlink("/proc/self/cwd/six"));
    SAY(access("five", F_OK));
    SAY(rmdir("/proc/self/cwd/two"));
}

static int nothing(void* unused) { return unused != NULL; }

static void clones(void) {
    struct clone_args_ args = {0};
    int numbers[40] = {30000};
    args.exit_signal = SIGCHLD;
    args.set_tid = (uintptr_t)numbers;
    args.set_tid_size = 33;
    SAY(syscall(SYS_clone3, &args, 80));
    args.set_tid_size = 0;
    SAY(syscall(SYS_clone3, &args, 80));
    args.set_tid = 0;
    args.flags = CLONE_INTO_CGROUP_;
    args.cgroup = 999;
    SAY(syscall(SYS_clone3, &args, 88));
    // A thread with a pidfd: readable when it has ended.
    static char stack[65536];
    int pidfd = -1;
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    SAY(clone(nothing, stack + sizeof stack, flags | CLONE_PIDFD_, NULL, &pidfd) > 0);
    struct pollfd ended = {pidfd, POLLIN, 0};
    SAY(poll(&ended, 1, 5000));
    SAY(clone(nothing, stack + sizeof stack, SIGCHLD | CLONE_PIDFD_ | CLONE_DETACHED_, NULL, &pidfd));
}

/// "core dumped" is said where one would be: not with a limit of less than a page.
static void core_status(void) {
    const struct rlimit none = {0, 0};
    SAY(setrlimit(RLIMIT_CORE, &none));
    static const int kSignals[] = {SIGSEGV, SIGQUIT, SIGABRT, SIGTERM};
    for (int i = 0; i < 4; ++i) {
        if (!fork()) {
            raise(kSignals[i]);
            _exit(0);
        }
        int status;
        wait(&status);
        printf("%d: %x\n", kSignals[i], status);
    }
}

int main(int argc, char** argv) {
    if (argc < 2 || chdir(argv[1])) return 2;
    static char room[16384];
    setvbuf(stdout, room, _IOFBF, sizeof room);
    holes_and_flags();
    by_descriptor();
    behind_links();
    clones();
    core_status();
    limits();
    return 0;
}
