// libc: glibc
// Files whose pages are shared memory: memfds, with seals, and what lies in /dev/shm. Each line is a result,
// the same natively and here; fault and swap counts are asked by the test.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#define MFD_EXEC 16U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 32
#endif

enum { kPage = 4096 };

static long status_kb(const char* field) {
    char line[256];
    long kb = -1;
    FILE* file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, field, strlen(field))) kb = strtol(line + strlen(field) + 1, NULL, 10);
    if (file) fclose(file);
    return kb;
}

static const char* error_of(long result) {
    return result < 0 ? strerrorname_np(errno) : "ok";
}

static long blocks(int fd) {
    struct stat status;
    return fstat(fd, &status) ? -1 : (long)status.st_blocks;
}

static sigjmp_buf out;
static void leave(int signal) {
    siglongjmp(out, signal);
}
/// What touching this byte does: 0, or the signal.
static int touch(volatile char* at, int write) {
    const int signal = sigsetjmp(out, 1);
    if (signal) return signal;
    if (write) *at = 'w';
    (void)*at;
    return 0;
}

static void bytes(void) {
    int fd = memfd_create("bytes", 0);
    static char page[3 * kPage];
    memset(page, 'a', sizeof page);
    printf("write %zd\n", write(fd, page, sizeof page));
    printf("blocks %ld, position %ld\n", blocks(fd), (long)lseek(fd, 0, SEEK_CUR));
    printf("pwrite %zd\n", pwrite(fd, "XYZ", 3, 10 * kPage - 1));
    printf("blocks %ld, position %ld\n", blocks(fd), (long)lseek(fd, 0, SEEK_CUR));
    printf("end %ld\n", (long)lseek(fd, 0, SEEK_END));
    static const struct {
        long at;
        int whence;
    } kSeeks[] = {{5, SEEK_DATA},         {0, SEEK_HOLE},          {4 * kPage, SEEK_DATA},
                  {9 * kPage, SEEK_HOLE}, {10 * kPage, SEEK_HOLE}, {11 * kPage, SEEK_DATA},
                  {-1, SEEK_HOLE}};
    for (unsigned i = 0; i < sizeof kSeeks / sizeof *kSeeks; ++i) {
        const long at = lseek(fd, kSeeks[i].at, kSeeks[i].whence);
        printf("%ld %s\n", at, error_of(at));
    }
    char* map = mmap(NULL, 12 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    printf("mapped: %c %d %c%c\n", map[0], map[5 * kPage], map[10 * kPage - 1], map[10 * kPage]);
    printf("beyond the end: signal %d\n", touch(map + 11 * kPage, 0));
    map[1] = 'b';
    char got[4] = "";
    printf("pread %zd\n", pread(fd, got, 3, 0));
    printf("%.3s\n", got);
    printf("pread in the hole %zd\n", pread(fd, got, 3, 6 * kPage));
    printf("%d\n", got[0] | got[1] | got[2]);
    printf("a hole stays one: blocks %ld\n", blocks(fd));
    printf("pread at the end %zd, beyond %zd\n", pread(fd, got, 3, 10 * kPage + 1),
           pread(fd, got, 3, 1 << 20));
    // A page less, and back: zeroes.
    printf("ftruncate %d\n", ftruncate(fd, kPage + 100));
    printf("blocks %ld\n", blocks(fd));
    printf("signal %d\n", touch(map + 2 * kPage, 1));
    printf("ftruncate %d\n", ftruncate(fd, 4 * kPage));
    printf("%d %d %d, blocks %ld\n", map[kPage + 99], map[kPage + 100], map[2 * kPage], blocks(fd));
    printf("fallocate %d\n", fallocate(fd, 0, 0, 8 * kPage));
    printf("blocks %ld\n", blocks(fd));
    printf("keep size %d\n", fallocate(fd, FALLOC_FL_KEEP_SIZE, 8 * kPage, 2 * kPage));
    printf("blocks %ld, end %ld\n", blocks(fd), (long)lseek(fd, 0, SEEK_END));
    memset(map, 'p', 4 * kPage);
    printf("punch %d\n", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 2 * kPage));
    printf("blocks %ld\n", blocks(fd));
    printf("%c %d %d %d %c\n", map[99], map[100], map[kPage], map[2 * kPage + 99], map[2 * kPage + 100]);
    printf("punch alone %s\n", error_of(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, kPage)));
    printf("zero range %s\n", error_of(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, kPage)));
    printf("remove %d\n", madvise(map, kPage, MADV_REMOVE));
    printf("blocks %ld\n", blocks(fd));
    printf("%d\n", map[0]);
    // Sparse beyond all measure: nothing takes as long as it is.
    const int sparse = memfd_create("sparse", 0);
    printf("ftruncate %d\n", ftruncate(sparse, 1L << 61));
    printf("write %zd\n", pwrite(sparse, "s", 1, (1L << 60) + 5));
    printf("data %lx\n", (long)lseek(sparse, 1, SEEK_DATA));
    printf("hole %lx\n", (long)lseek(sparse, 1L << 60, SEEK_HOLE));
    printf("punch %d\n", fallocate(sparse, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1L << 60));
    printf("blocks %ld\n", blocks(sparse));
    printf("ftruncate %d\n", ftruncate(sparse, 0));
    printf("blocks %ld\n", blocks(sparse));
    close(sparse);
    munmap(map, 12 * kPage);
    printf("append %d\n", fcntl(fd, F_SETFL, O_APPEND));
    printf("write %zd\n", write(fd, "end", 3));
    printf("position %ld\n", (long)lseek(fd, 0, SEEK_CUR));
    int to = memfd_create("to", 0);
    off_t from = 8 * kPage;
    printf("sendfile %zd\n", sendfile(to, fd, &from, 100));
    printf("%zd\n", pread(to, got, 4, 0));
    printf("%.3s\n", got);
    close(to);
    close(fd);
}

static void seals(void) {
    int fd = memfd_create("seals", MFD_ALLOW_SEALING);
    printf("seals %x\n", fcntl(fd, F_GET_SEALS));
    printf("write %zd\n", write(fd, "12345", 5));
    char* map = mmap(NULL, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    printf("write seal while mapped: %s\n", error_of(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)));
    printf("future write: %s\n", error_of(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE)));
    map[0] = 'm';
    char got[6] = "";
    pread(fd, got, 5, 0);
    printf("through the old mapping: %s\n", got);
    printf("write: %s\n", error_of(pwrite(fd, "x", 1, 0)));
    printf("mmap: %s\n",
           mmap(NULL, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? error_of(-1) : "ok");
    char* readable = mmap(NULL, kPage, PROT_READ, MAP_SHARED, fd, 0);
    printf("read-only: %c, mprotect %s\n", readable[0],
           error_of(mprotect(readable, kPage, PROT_READ | PROT_WRITE)));
    char* private = mmap(NULL, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    private[0] = 'p';
    printf("private: %c %c\n", private[0], readable[0]);
    munmap(map, kPage);
    printf("write: %s\n", error_of(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)));
    printf("grow, shrink: %s\n", error_of(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK)));
    printf("%s\n", error_of(ftruncate(fd, 4)));
    printf("%s\n", error_of(ftruncate(fd, 6)));
    printf("same length: %s\n", error_of(ftruncate(fd, 5)));
    printf("fallocate: %s\n", error_of(fallocate(fd, 0, 0, 2 * kPage)));
    printf("punch: %s\n", error_of(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kPage)));
    printf("seal: %s\n", error_of(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL)));
    printf("more: %s\n", error_of(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)));
    printf("seals %x\n", fcntl(fd, F_GET_SEALS));
    close(fd);
    fd = memfd_create("growing", MFD_ALLOW_SEALING);
    ftruncate(fd, kPage);
    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW);
    printf("write to the end %s\n", error_of(pwrite(fd, "x", 1, kPage - 1)));
    printf("write beyond %s\n", error_of(pwrite(fd, "xy", 2, kPage - 1)));
    close(fd);
    fd = memfd_create("plain", 0);
    printf("seals of a plain one %x\n", fcntl(fd, F_GET_SEALS));
    printf("%s\n", error_of(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)));
    close(fd);
    printf("flags %s\n", error_of(memfd_create("x", 0x40)));
    fd = memfd_create("noexec", MFD_NOEXEC_SEAL);
    struct stat status;
    fstat(fd, &status);
    printf("noexec: mode %o, seals %x, fchmod %s\n", status.st_mode & 07777, fcntl(fd, F_GET_SEALS),
           error_of(fchmod(fd, 0700)));
    close(fd);
    fd = memfd_create("exec", MFD_EXEC);
    fstat(fd, &status);
    printf("exec: mode %o, seals %x\n", status.st_mode & 07777, fcntl(fd, F_GET_SEALS));
    close(fd);
    printf("both: %s\n", error_of(memfd_create("x", MFD_EXEC | MFD_NOEXEC_SEAL)));
}

static void accounting(void) {
    const long before = status_kb("RssShmem");
    int fd = memfd_create("counted", 0);
    static char block[64 * kPage];
    memset(block, 1, sizeof block);
    write(fd, block, sizeof block);
    printf("written: RssShmem +%ld\n", status_kb("RssShmem") - before);
    char* map = mmap(NULL, sizeof block, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unsigned char resident[64];
    mincore(map, sizeof block, resident);
    int sum = 0;
    for (int i = 0; i < 64; ++i) sum += resident[i] & 1;
    printf("mincore %d\n", sum);
    for (int i = 0; i < 64; ++i) map[i * kPage]++;
    printf("touched: RssShmem +%ld\n", status_kb("RssShmem") - before);
    close(fd);
    munmap(map, sizeof block);
    printf("unmapped: RssShmem +%ld\n", status_kb("RssShmem") - before);
}

static void reopened(void) {
    int fd = memfd_create("again", 0);
    write(fd, "hello", 5);
    char path[64], got[8] = "", target[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    readlink(path, target, sizeof target - 1);
    printf("%s\n", target);
    int again = open(path, O_RDWR);
    printf("%zd\n", read(again, got, 5));
    printf("%s\n", got);
    pwrite(again, "J", 1, 0);
    close(fd);
    pread(again, got, 5, 0);
    printf("%s\n", got);
    char* map = mmap(NULL, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0);
    close(again);
    if (!fork()) {
        map[1] = 'E';
        _exit(0);
    }
    wait(NULL);
    printf("%s\n", map);
    munmap(map, kPage);
}

static void executed(const char* self) {
    int fd = memfd_create("program", MFD_CLOEXEC), from = open(self, O_RDONLY);
    struct stat status;
    fstat(from, &status);
    while (sendfile(fd, from, NULL, 1 << 20) > 0) {
    }
    printf("copied: %d\n", lseek(fd, 0, SEEK_END) == status.st_size);
    fflush(stdout);
    if (!fork()) {
        char* arguments[] = {"program", "again", NULL};
        fexecve(fd, arguments, environ);
        printf("%s\n", error_of(-1));
        _exit(1);
    }
    int result;
    wait(&result);
    printf("exit %d\n", WEXITSTATUS(result));
}

static void named(void) {
    char first[64], second[64];
    snprintf(first, sizeof first, "/dev/shm/mm-%d-a", (int)getpid());
    snprintf(second, sizeof second, "/dev/shm/mm-%d-b", (int)getpid());
    int fd = open(first, O_RDWR | O_CREAT | O_EXCL, 0600);
    printf("create %s\n", error_of(fd));
    printf("write %zd\n", write(fd, "persistent", 10));
    close(fd);
    struct stat status;
    stat(first, &status);
    printf("closed: size %ld blocks %ld\n", (long)status.st_size, (long)status.st_blocks);
    char got[16] = "";
    fd = open(first, O_RDONLY);
    printf("%zd\n", read(fd, got, sizeof got));
    printf("%s\n", got);
    printf("rename %d\n", rename(first, second));
    int other = open(second, O_RDWR);
    pwrite(other, "P", 1, 0);
    pread(fd, got, 10, 0);
    printf("%s\n", got);
    printf("unlink %d\n", unlink(second));
    memset(got, 0, sizeof got);
    printf("still %zd\n", pread(fd, got, 10, 0));
    printf("%s\n", got);
    close(fd);
    close(other);
    fd = open(first, O_RDWR | O_CREAT, 0600);
    printf("anew: %zd\n", read(fd, got, 10));
    write(fd, "12345678", 8);
    close(fd);
    fd = open(first, O_RDWR | O_TRUNC);
    printf("truncated: blocks %ld\n", blocks(fd));
    printf("%zd\n", read(fd, got, 10));
    pwrite(fd, "x", 1, 7);
    pread(fd, got, 8, 0);
    printf("%d%d %c\n", got[0], got[6], got[7]);
    printf("truncate %d\n", truncate(first, 3));
    printf("end %ld\n", (long)lseek(fd, 0, SEEK_END));
    close(fd);
    fd = open(second, O_RDWR | O_CREAT, 0600);
    write(fd, "two", 3);
    close(fd);
    printf("rename over %d\n", rename(second, first));
    fd = open(first, O_RDONLY);
    printf("%zd\n", read(fd, got, 10));
    printf("%.3s\n", got);
    close(fd);
    unlink(first);
    struct statfs fs;
    statfs("/dev/shm", &fs);
    printf("statfs %lx\n", (long)fs.f_type);
    int shm = shm_open("/mm-posix", O_RDWR | O_CREAT, 0600);
    ftruncate(shm, 2 * kPage);
    char* map = mmap(NULL, 2 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, shm, 0);
    shm_unlink("/mm-posix");
    close(shm);
    if (!fork()) {
        strcpy(map + kPage, "from the child");
        _exit(0);
    }
    wait(NULL);
    printf("%s\n", map + kPage);
    munmap(map, 2 * kPage);
    fd = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
    printf("tmpfile %zd\n", write(fd, "t", 1));
    printf("%zd\n", pread(fd, got, 4, 0));
    close(fd);
}

int main(int argc, char** argv) {
    if (argc > 1) return printf("run from memory: %s\n", argv[1]), 7;
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct sigaction action = {.sa_handler = leave};
    sigaction(SIGBUS, &action, NULL);
    bytes();
    seals();
    accounting();
    reopened();
    executed(argv[0]);
    named();
    return 0;
}
