// Makes system calls with arguments drawn from lists of good and bad ones, in a folder that it empties now
// and then, and prints how each ended: natively and emulated the same sequence must print the same. Usage:
// hostile_calls SEED COUNT [ONLY-THIS-CALL]
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef unsigned long u64;
static u64 state;
static u64 next(void) {
    u64 z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}
static u64 below(u64 n) {
    return next() % n;
}

static char *buffer, *read_only, *tail;  // tail: the last 8 bytes before a hole
static char long_name[300], long_path[5000];

static const char* path(void) {
    static const char* const kPaths[] = {
        "f",      "d",  "d/",  "f/",   "nope", "nope/x", "",       "l",    "l/",   "dl",    "loop",
        "d/..",   ".",  "..",  "./f",  "f/x",  "d/g",    "dd/sub", "new",  "new/", "d/new", "dangling",
        "d/../f", "dd", "dd/", "dl/x", "d/.",  "./",     "new2",   "dd/x", "ro"};
    switch (below(16)) {
        case 0:
            return NULL;
        case 1:
            return (char*)1;
        case 2:
            return below(2) ? long_name : long_path;
        case 3:
            return (char*)0xffff800000000000;
        default:
            return kPaths[below(sizeof kPaths / sizeof *kPaths)];
    }
}

// p path, P path again, f descriptor, a directory descriptor, b buffer to write, r buffer to read, n size, i
// flags, m mode, o offset, v iovec list, c count of it, s small number, z zero, t timespec pair, 8 the number
// eight
static u64 argument(char kind) {
    static const int kFiles[] = {100, 101, 102, 103, 104, 105, 106, 107, 999, -1, 100, 101};
    static const u64 kSizes[] = {0, 1, 8, 9, 10, 100, 4096, 5000, 8192};
    static const u64 kHuge[] = {~0ul, 1ul << 63, ~0ul - 4095, 1ul << 63};
    static const u64 kFlags[] = {
        0,      0,       0,       1,       2,        3,        4,        5,          7,         8,     0x40,
        0x41,   0x42,    0xc1,    0x100,   0x200,    0x240,    0x241,    0x400,      0x441,     0x800, 0x1000,
        0x2000, 0x10000, 0x20000, 0x80000, 0x200000, 0x400000, 0x410002, 0x40000000, 0x80000000};
    static const u64 kOffsets[] = {0, 0, 1, 5, 100, 4096, ~0ul, 1ul << 63, 0x7fffffffffffffff, 1ul << 33};
    static struct { u64 base, size; } list[4];
    static struct timespec times[2];
    switch (kind) {
        case 'p':
            return (u64)path();
        case 'f':
            return kFiles[below(12)];
        case 'a':
            return below(4) ? (u64)AT_FDCWD : (u64)kFiles[below(12)];
        case 'b':
        case 'r': {
            const u64 which = below(8);
            return which == 0   ? 0
                   : which == 1 ? (u64)tail
                   : which == 2 ? 0xffff800000000000
                   : which == 3 ? (u64)(kind == 'b' ? read_only : tail)
                                : (u64)buffer;
        }
        case 'n':
            return below(8) ? kSizes[below(9)] : kHuge[below(4)];
        case 'N':
            return kSizes[below(9)];
        case 'i':
            return kFlags[below(sizeof kFlags / 8)];
        case 'm':
            return below(8) ? 0700 + below(8) * 8 + below(8) : 07777;
        case 'o':
            return kOffsets[below(10)];
        case 'v':
            for (int i = 0; i < 4; i++) {
                list[i].base = argument('r');
                list[i].size = below(12) ? kSizes[below(9)] : kHuge[below(4)];
            }
            return below(8) ? (u64)list : argument('r');
        case 'c':
            return below(8) ? below(5) : 1025 + below(3);
        case 's':
            return below(8) ? below(70) : ~0ul;
        case 't':
            for (int i = 0; i < 2; i++) {
                times[i].tv_sec = below(2) ? (long)below(1000000) : 5;
                const long ns[] = {0, 5, 999999999, 1000000000, -1, UTIME_OMIT, 12345};
                times[i].tv_nsec = ns[below(7)];
            }
            return below(8) ? (u64)times : below(2) ? 1 : (u64)times;
        case 'e': {
            static const int kCommands[] = {F_GETFD, F_SETFD,  F_GETFL, F_GETLK,
                                            F_SETLK, F_GETOWN, 999,     F_GETPIPE_SZ};
            return kCommands[below(8)];
        }
        case '8':
            return below(8) ? 8 : below(20);
        case '7':
            return 0x7ff;
        case 'z':
            return 0;
        default:
            return 0;
    }
}

static const struct {
    int number;
    const char *name, *arguments;
    int value;
} kCalls[] = {
#define C(name, arguments, value) \
    { SYS_##name, #name, arguments, value }
    C(open, "pim", 2),
    C(openat, "apim", 2),
    C(creat, "pm", 2),
    C(read, "fbn", 1),
    C(write, "frN", 1),
    C(pread64, "fbno", 1),
    C(pwrite64, "frNo", 1),
    C(readv, "fvc", 1),
    C(writev, "fvc", 1),
    C(lseek, "fos", 1),
    C(access, "pi", 1),
    C(faccessat, "api", 1),
    C(stat, "pb", 1),
    C(lstat, "pb", 1),
    C(fstat, "fb", 1),
    C(newfstatat, "apbi", 1),
    C(statx, "api7b", 1),
    C(readlink, "pbn", 1),
    C(readlinkat, "apbn", 1),
    C(mkdir, "pm", 1),
    C(mkdirat, "apm", 1),
    C(rmdir, "p", 1),
    C(unlink, "p", 1),
    C(unlinkat, "api", 1),
    C(rename, "pp", 1),
    C(renameat2, "apapi", 1),
    C(link, "pp", 1),
    C(linkat, "apapi", 1),
    C(symlink, "pp", 1),
    C(symlinkat, "pap", 1),
    C(chmod, "pm", 1),
    C(fchmod, "fm", 1),
    C(fchmodat, "apm", 1),
    C(truncate, "po", 1),
    C(ftruncate, "fo", 1),
    C(utimensat, "apti", 1),
    C(dup, "f", 2),
    C(dup3, "ffi", 3),
    C(fcntl, "fes", 0),
    C(getdents64, "fbn", 0),
    C(chdir, "p", 4),
    C(fchdir, "f", 4),
    C(pipe2, "bi", 3),
    C(fsync, "f", 1),
    C(umask, "m", 1),
    C(getcwd, "bn", 0),
    C(copy_file_range, "fbfbNi", 1),
    C(rt_sigaction, "sbb8", 1),
    C(rt_sigprocmask, "sbb8", 1),
    C(sigaltstack, "bb", 0),
    C(clock_gettime, "sb", 1),
    C(clock_getres, "sb", 1),
    C(getrlimit, "sb", 1),
    C(uname, "b", 1),
    C(sysinfo, "b", 1),
    C(getrusage, "sb", 1),
    C(times, "b", 0),
    C(gettimeofday, "bb", 1),
    C(getrandom, "bNi", 1),
    C(getitimer, "sb", 1),
    C(fadvise64, "foos", 1),
    C(statfs, "pb", 1),
    C(fstatfs, "fb", 1),
    C(mincore, "bnb", 1),
    C(msync, "bni", 1),
    C(mlock, "bN", 1),
    C(munlock, "bN", 1),
    C(poll, "bcz", 0),
    C(getgroups, "sb", 0),
    C(set_robust_list, "bn", 1),
    C(tgkill, "zzs", 1),
    C(tkill, "zs", 1),
    C(preadv, "fvco", 1),
    C(pwritev, "fvco", 1),
#undef C
};

static void put_file(const char* name, const char* text) {
    const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (write(fd, text, strlen(text)) < 0) _exit(9);
    close(fd);
}
static void open_as(int number, int fd) {
    if (fd < 0) {
        perror("open");
        _exit(9);
    }
    dup2(fd, number);
    close(fd);
}
static void remove_all(int folder) {
    char entries[4096];
    long n;
    while ((n = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0)
        for (long at = 0; at < n; at += *(unsigned short*)(entries + at + 16)) {
            const char* name = entries + at + 19;
            if (!strcmp(name, ".") || !strcmp(name, "..")) continue;
            if (unlinkat(folder, name, 0) == 0) continue;
            const int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            if (inner >= 0) remove_all(inner), close(inner);
            unlinkat(folder, name, AT_REMOVEDIR);
        }
}
static void reset(void) {
    const int here = open(".", O_RDONLY | O_DIRECTORY);
    remove_all(here);
    close(here);
    put_file("f", "some content of a file\n");
    mkdir("d", 0755);
    put_file("d/g", "g");
    mkdir("dd", 0755);
    mkdir("dd/sub", 0755);
    if (symlink("f", "l") || symlink("d", "dl") || symlink("loop", "loop") ||
        symlink("nowhere", "dangling")) {
    }
    put_file("ro", "read only");
    chmod("ro", 0444);
    int ends[2];
    if (pipe2(ends, O_NONBLOCK)) _exit(9);
    open_as(100, open("f", O_RDWR));
    open_as(101, open("f", O_RDONLY));
    open_as(102, open("d", O_RDONLY | O_DIRECTORY));
    open_as(103, ends[0]);
    open_as(104, ends[1]);
    open_as(105, open("f", O_PATH));
    open_as(106, open("f", O_WRONLY | O_APPEND));
    open_as(107, open("d/g", O_RDWR));
}

int main(int argc, char** argv) {
    state = argc > 1 ? strtoul(argv[1], 0, 0) : 1;
    const int count = argc > 2 ? atoi(argv[2]) : 1000;
    const char* only = argc > 3 ? argv[3] : NULL;
    buffer = mmap(0, 3 * 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(buffer + 8192, 4096);
    tail = buffer + 8192 - 8;
    read_only = buffer + 8192 + 4096;
    mprotect(read_only, 4096, PROT_READ);
    memset(long_name, 'x', sizeof long_name - 1);
    memset(long_path, 'y', sizeof long_path - 1);
    signal(SIGPIPE, SIG_IGN);
    const struct rlimit files = {1024, 1024};
    if (setrlimit(RLIMIT_NOFILE, &files)) return 9;
    mkdir("work", 0755);
    if (chdir("work")) return 9;
    reset();
    const int home = open(".", O_PATH);
    dup2(home, 200);
    close(home);
    static char out[1 << 16];
    setvbuf(stdout, out, _IOFBF, sizeof out);
    for (int i = 0; i < count; i++) {
        const u64 which = below(sizeof kCalls / sizeof *kCalls);
        u64 a[6] = {0};
        for (int k = 0; kCalls[which].arguments[k]; k++) a[k] = argument(kCalls[which].arguments[k]);
        memset(buffer, 0, 8192);
        if (only && strcmp(only, kCalls[which].name)) continue;
        const long result = syscall(kCalls[which].number, a[0], a[1], a[2], a[3], a[4], a[5]);
        printf("%d %s(", i, kCalls[which].name);
        for (int k = 0; kCalls[which].arguments[k]; k++) {
            const char kind = kCalls[which].arguments[k];
            const char* p = (const char*)a[k];
            if (kind == 'p')
                printf("%s%s", k ? ", " : "",
                       a[k] == 0                 ? "NULL"
                       : a[k] == 1 || a[k] >> 63 ? "BAD"
                       : strlen(p) > 200         ? "LONG"
                                                 : p);
            else if (kind == 'b' || kind == 'r')
                printf("%s%s", k ? ", " : "",
                       p == buffer      ? "buf"
                       : p == tail      ? "tail"
                       : p == read_only ? "ro"
                       : a[k]           ? "BAD"
                                        : "NULL");
            else if (kind == 't' || kind == 'v')
                printf("%s%c", k ? ", " : "", kind);
            else
                printf("%s%#lx", k ? ", " : "", a[k]);
        }
        if (result < 0)
            printf(") = %s\n", strerrorname_np(errno));
        else if (kCalls[which].value == 1)
            printf(") = %ld\n", result);
        else
            printf(") = ok\n");
        if (kCalls[which].value == 2 && result >= 0) close(result);
        if (kCalls[which].value == 4 && fchdir(200)) return 9;
        if (kCalls[which].value == 3 || i % 50 == 49) {
            for (int fd = 3; fd < 30; fd++) close(fd);
            reset();
        }
    }
    fflush(stdout);
    return 0;
}
