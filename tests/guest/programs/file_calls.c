// Drawn calls on files, pipes, sockets and names, one line each with what came of it: to be the same natively
// and here. arguments: FOLDER SEED COUNT; the folder is empty at the start.
// libc: glibc
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FIRST_FD = 3, FDS = 21, BYTES = 9000 };

static uint64_t seed;
static unsigned draw(unsigned below) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (unsigned)((seed >> 20) % below);
}

static unsigned char buffer[BYTES * 2];
static unsigned hash(const void *bytes, long size) {
    unsigned h = 2166136261u;
    for (long i = 0; i < size; i++) h = (h ^ ((const unsigned char *)bytes)[i]) * 16777619u;
    return h;
}

// No absolute name, and ".." only behind two of these: natively this runs as whoever runs the tests, root perhaps,
// and nothing outside of FOLDER may be within its reach, by links either.
static const char *const names[] = {"a", "b", "c", "d", "d/a", "d/b", "d/e", "d/e/a", "l", "m", "d/", "a/", "./b", "d/../c", "l/a", "", "d/.", "d/e/..", "fifo"};
static const char *name(void) { return names[draw(draw(3) ? 10 : sizeof names / sizeof *names)]; }
static int any_fd(void) { return FIRST_FD + (int)draw(draw(4) ? 9 : FDS); }
static long size(void) { return draw(4) ? draw(300) : draw(BYTES); }
static long offset(void) { return draw(8) ? (long)draw(600) : draw(2) ? (long)draw(20000) : -(long)draw(5); }

static void say(const char *what, long result) {
    if (result < 0) printf(" %s: %s\n", what, strerrorname_np(errno));
    else printf(" %s: %ld\n", what, result);
}

static void fill(long n) {
    for (long i = 0; i < n; i++) buffer[i] = (unsigned char)(draw(256));
}

static void shown(const char *what, long result, const struct stat *s) {
    if (result < 0) return say(what, result);
    // The mode of an open FIFO is the one that it had when it was opened (Deviation).
    printf(" %s: mode %o links %ld size %ld\n", what, S_ISFIFO(s->st_mode) ? S_IFIFO : s->st_mode, S_ISREG(s->st_mode) ? (long)s->st_nlink : 0,
           S_ISREG(s->st_mode) || S_ISLNK(s->st_mode) ? (long)s->st_size : 0);
}

static void open_one(void) {
    static const int access[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR}, more[] = {O_CREAT, O_TRUNC, O_APPEND, O_EXCL, O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC, O_PATH};
    int flags = access[draw(4)] | O_NONBLOCK | (draw(2) ? O_CREAT : 0);
    for (unsigned n = draw(3); n--;) flags |= more[draw(8)];
    const char *path = name();
    printf("open %s %o", path, flags), say("", open(path, flags, 0600 | draw(0200)));
}

static void move_bytes(void) {
    const int fd = any_fd();
    const long n = size(), at = offset();
    memset(buffer, 0, sizeof buffer);
    struct iovec parts[3] = {{buffer, (size_t)n / 3}, {buffer + n / 3, (size_t)n / 4}, {buffer + n, (size_t)n / 5}};
    long r;
    struct stat s;
    if (!fstat(fd, &s) && S_ISDIR(s.st_mode)) return;  // EINVAL instead of EISDIR where ext4 has its last entry
    switch (draw(8)) {
        case 0: r = read(fd, buffer, (size_t)n), printf("read %d %ld", fd, n); break;
        case 1: r = pread(fd, buffer, (size_t)n, at), printf("pread %d %ld %ld", fd, n, at); break;
        case 2: r = readv(fd, parts, 3), printf("readv %d %ld", fd, n); break;
        case 3: fill(n), r = write(fd, buffer, (size_t)n), printf("write %d %ld", fd, n); break;
        case 4: fill(n), r = pwrite(fd, buffer, (size_t)n, at), printf("pwrite %d %ld %ld", fd, n, at); break;
        case 5: fill(2 * n), r = writev(fd, parts, 3), printf("writev %d %ld", fd, n); break;
        case 6: fill(n), r = preadv2(fd, parts, 2, at, (int)draw(2)), printf("preadv2 %d %ld %ld", fd, n, at); break;
        default: fill(2 * n), r = pwritev(fd, parts, 2, at), printf("pwritev %d %ld %ld", fd, n, at); break;
    }
    printf(" [%x]", hash(buffer, (long)sizeof buffer)), say("", r);
}

static void descriptors(void) {
    const int fd = any_fd(), to = any_fd();
    switch (draw(10)) {
        case 0: printf("dup %d", fd), say("", dup(fd)); break;
        case 1: printf("dup2 %d %d", fd, to), say("", dup2(fd, to)); break;
        case 2: printf("dup3 %d %d", fd, to), say("", dup3(fd, to, draw(2) ? O_CLOEXEC : (int)draw(3))); break;
        case 3: printf("dupfd %d %d", fd, to), say("", fcntl(fd, draw(2) ? F_DUPFD : F_DUPFD_CLOEXEC, to)); break;
        case 4: printf("getfd %d", fd), say("", fcntl(fd, F_GETFD)); break;
        case 5: printf("setfd %d", fd), say("", fcntl(fd, F_SETFD, draw(2))); break;
        case 6: printf("getfl %d", fd), say("", fcntl(fd, F_GETFL)); break;
        case 7: printf("setfl %d", fd), say("", fcntl(fd, F_SETFL, O_NONBLOCK | (draw(2) ? O_APPEND : 0))); break;
        default: printf("close %d", fd), say("", close(fd)); break;
    }
}

static void make_pair(void) {
    int fds[2] = {-1, -1};
    switch (draw(4)) {
        case 0: printf("pipe2"), say("", pipe2(fds, O_NONBLOCK | (draw(2) ? O_CLOEXEC : 0))); break;
        case 1: printf("socketpair"), say("", socketpair(AF_UNIX, (draw(2) ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_NONBLOCK, 0, fds)); break;
        case 2: printf("eventfd"), say("", eventfd(draw(9), EFD_NONBLOCK | (draw(2) ? EFD_SEMAPHORE : 0))); break;
        default: printf("memfd"), say("", memfd_create("m", draw(2) ? MFD_ALLOW_SEALING : 0)); break;
    }
    printf("  %d %d\n", fds[0], fds[1]);
}

static void polled(void) {
    struct pollfd p[5];
    for (int i = 0; i < 5; i++) p[i] = (struct pollfd){any_fd(), POLLIN | POLLOUT | POLLRDHUP, 0};
    const long r = poll(p, 5, 0);
    printf("poll");
    for (int i = 0; i < 5; i++) printf(" %d:%x", p[i].fd, p[i].revents);
    say("", r);
    const int fd = any_fd();
    int n = -1;
    printf("fionread %d", fd), say("", ioctl(fd, FIONREAD, &n)), printf("  %d\n", n);
}

static void sizes(void) {
    const int fd = any_fd();
    const long at = offset();
    const char *path = name();
    static const int whence[] = {SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 9};
    switch (draw(6)) {
        case 0: printf("ftruncate %d %ld", fd, at), say("", ftruncate(fd, at)); break;
        case 1: printf("truncate %s %ld", path, at), say("", truncate(path, at)); break;
        case 2: printf("fallocate %d %ld", fd, at), say("", fallocate(fd, (int)draw(2), at, draw(300))); break;
        case 3: printf("fsync %d", fd), say("", fsync(fd)); break;
        default: {
            const int w = whence[draw(6)];
            if (w == SEEK_DATA || w == SEEK_HOLE) break;  // a file system's own business
            printf("lseek %d %ld %d", fd, at, w), say("", lseek(fd, at, w));
        }
    }
}

static void mapped(void) {
    const int fd = any_fd(), shared = (int)draw(2);
    struct stat s;
    if (fstat(fd, &s)) return;
    const long length = 4096 * (1 + (long)draw(2));
    unsigned char *m = mmap(0, (size_t)length, PROT_READ | (draw(3) ? PROT_WRITE : 0), shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
    printf("mmap %d shared %d", fd, shared), say("", m == MAP_FAILED ? -1 : 0);
    if (m == MAP_FAILED) return;
    const long there = S_ISREG(s.st_mode) ? (s.st_size < length ? s.st_size : length) : 0;
    printf("  holds [%x]\n", hash(m, there));
    if (there && !mprotect(m, (size_t)length, PROT_READ | PROT_WRITE)) {
        for (int i = 0; i < 4; i++) m[draw((unsigned)there)] ^= (unsigned char)draw(256);
        printf("  msync %d\n", msync(m, (size_t)length, MS_SYNC));
        const long r = pread(fd, buffer, BYTES, 0);
        printf("  reads [%x]", hash(buffer, r > 0 ? r : 0)), say("", r);
    }
    munmap(m, (size_t)length);
}

static void tree(void) {
    static int fifos;
    const char *one = name(), *two = name();
    const int folder = draw(3) ? AT_FDCWD : any_fd();
    switch (draw(12)) {
        case 0: printf("mkdir %s", one), say("", mkdirat(folder, one, 0755)); break;
        case 1: printf("rmdir %s", one), say("", rmdir(one)); break;
        case 2:
        case 3: printf("unlink %s", one), say("", unlinkat(folder, one, draw(5) ? 0 : AT_REMOVEDIR)); break;
        case 4:
        case 5: printf("rename %s %s", one, two), say("", renameat2(folder, one, AT_FDCWD, two, draw(3) ? 0 : draw(4))); break;
        case 6: printf("link %s %s", one, two), say("", linkat(folder, one, AT_FDCWD, two, draw(2) ? AT_SYMLINK_FOLLOW : 0)); break;
        case 7: printf("symlink %s %s", one, two), say("", symlinkat(one, folder, two)); break;
        case 8:
            if (fifos++) break;  // a FIFO that is open keeps its number on Linux, and here it does not
            printf("mkfifo %s", one), say("", mkfifo(one, 0600)); break;
        case 9: printf("chmod %s", one), say("", chmod(one, 0600 | draw(0200))); break;
        case 10: {
            const int fd = any_fd();
            struct stat s;
            if (fstat(fd, &s) || (!S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode))) break;  // of others 6.16 thinks otherwise
            printf("fchmod %d", fd), say("", fchmod(fd, 0600 | draw(0200)));
            break;
        }
        default: printf("umask"), say("", umask(draw(2) ? 022 : 077)); break;
    }
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(int fd) {
    char found[64][300], *sorted[64];
    int count = 0;
    const long r = syscall(SYS_getdents64, fd, buffer, 1500);
    printf("getdents %d", fd);
    if (r < 0) return say("", r);
    for (long at = 0; at < r && count < 64;) {
        struct dirent64 *e = (struct dirent64 *)(buffer + at);
        snprintf(found[count], sizeof *found, "%s(%d)", e->d_name, e->d_type);
        sorted[count] = found[count], count++, at += e->d_reclen;
    }
    qsort(sorted, (size_t)count, sizeof *sorted, by_name);
    for (int i = 0; i < count; i++) printf(" %s", sorted[i]);
    printf("\n");
}

static void look(void) {
    const char *path = name();
    struct stat s;
    char text[64] = "";
    long r;
    const int fd = any_fd();
    switch (draw(9)) {
        case 0: r = stat(path, &s), printf("stat %s", path), shown("", r, &s); break;
        case 1: r = lstat(path, &s), printf("lstat %s", path), shown("", r, &s); break;
        case 2: r = fstat(fd, &s), printf("fstat %d", fd), shown("", r, &s); break;
        case 3: r = readlink(path, text, sizeof text - 1), printf("readlink %s '%s'", path, text), say("", r); break;
        case 4: printf("access %s", path), say("", access(path, (int)draw(8))); break;
        case 5: list(fd); break;
        case 6: {
            struct timespec t[2] = {{(time_t)draw(1000), 5}, {(time_t)draw(1000), draw(3) ? 7 : UTIME_OMIT}};
            printf("utimens %s", path), say("", utimensat(AT_FDCWD, path, t, draw(2) ? AT_SYMLINK_NOFOLLOW : 0));
            if (!stat(path, &s) && s.st_mtim.tv_nsec == 7) printf("  %ld\n", (long)s.st_mtim.tv_sec);
            break;
        }
        case 7: r = fstatat(fd, path, &s, draw(2) ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW), printf("fstatat %d %s", fd, path), shown("", r, &s); break;
        default: printf("faccessat %d %s", fd, path), say("", faccessat(fd, path, (int)draw(8), 0)); break;
    }
}

static void between(void) {
    const int from = any_fd(), to = any_fd();
    const long n = size();
    off_t at = offset(), other = offset();
    struct stat s, t;
    // A file copied onto itself while it grows, and what fits into a pipe, are a host's own.
    if (fstat(from, &s) || !S_ISREG(s.st_mode) || fstat(to, &t) || !S_ISREG(t.st_mode) || s.st_ino == t.st_ino) return;
    if (draw(2)) {
        const long r = sendfile(to, from, draw(2) ? &at : 0, (size_t)n);
        printf("sendfile %d %d %ld", to, from, n), say("", r), printf("  %ld\n", (long)at);
    } else {
        const long r = copy_file_range(from, draw(2) ? &at : 0, to, draw(2) ? &other : 0, (size_t)n, draw(9) ? 0 : 1);
        printf("copy_file_range %d %d %ld", from, to, n), say("", r), printf("  %ld %ld\n", (long)at, (long)other);
    }
}

static void locks(void) {
    static const int types[] = {F_RDLCK, F_WRLCK, F_UNLCK};
    static const int operations[] = {LOCK_SH, LOCK_EX, LOCK_UN, 0};
    struct flock l = {.l_type = (short)types[draw(3)], .l_whence = (short)draw(4), .l_start = offset(), .l_len = offset()};
    const int fd = any_fd(), command = draw(2) ? F_OFD_SETLK : F_OFD_GETLK;
    struct stat s;
    if (!fstat(fd, &s) && !S_ISREG(s.st_mode)) return;
    if (draw(3)) printf("lock %d %d", fd, command), say("", fcntl(fd, command, &l)), printf("  %d %ld+%ld\n", l.l_type, (long)l.l_start, (long)l.l_len);
    else printf("flock %d", fd), say("", flock(fd, operations[draw(4)] | LOCK_NB));
}

int main(int argc, char **argv) {
    static void (*const calls[])(void) = {open_one, open_one, open_one, move_bytes, move_bytes, move_bytes, move_bytes, descriptors,
                                          descriptors, make_pair, polled, sizes, sizes, mapped, tree, tree, tree, look, look, between, locks};
    if (argc < 4 || chdir(argv[1])) return 1;
    seed = strtoull(argv[2], 0, 0) * 0x9e3779b97f4a7c15 + 88172645463325252;
    const struct rlimit few = {FIRST_FD + FDS, FIRST_FD + FDS};
    setrlimit(RLIMIT_NOFILE, &few);
    signal(SIGPIPE, SIG_IGN);
    for (int fd = FIRST_FD; fd < 100; fd++) close(fd);
    for (int n = atoi(argv[3]), i = 0; i < n; i++) printf("%d ", i), calls[draw(sizeof calls / sizeof *calls)]();
    return 0;
}
