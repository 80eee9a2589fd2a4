// System V shared memory, process_vm_readv and writev, remap_file_pages, and what madvise() refuses: each call with
// its result. Everything printed is the same on every Linux.
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

static void tell(const char* what, long result) {
    if (result == -1) {
        printf("%s: %s\n", what, strerrorname_np(errno));
    } else {
        printf("%s: %ld\n", what, result);
    }
}

/// A call that gives an id or an address: only whether it did is the same everywhere.
static void tell_place(const char* what, long result) {
    if (result == -1) {
        printf("%s: %s\n", what, strerrorname_np(errno));
    } else {
        printf("%s: done\n", what);
    }
}

static void show_stat(const char* when, int id) {
    struct shmid_ds s;
    if (shmctl(id, IPC_STAT, &s) < 0) {
        printf("%s: %s\n", when, strerrorname_np(errno));
        return;
    }
    printf("%s: size %zu mode %o attached %lu creator %d last %d\n", when, s.shm_segsz, s.shm_perm.mode,
           (unsigned long)s.shm_nattch, s.shm_cpid == getpid(), s.shm_lpid == getpid());
}

static void show_area(const char* when, void* at) {
    FILE* maps = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned long from, to;
    char rights[8], name[128] = "";
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %127[^\n]", &from, &to, rights, name) >= 3 &&
            from == (unsigned long)at)
            printf("%s: %lu pages %s %.5s\n", when, (to - from) / PAGE, rights, name);
    fclose(maps);
}

static void segments(void) {
    int id = shmget(IPC_PRIVATE, 3 * PAGE - 5, 0640);
    tell_place("shmget private", id);
    show_stat("new", id);
    char* p = shmat(id, 0, 0);
    tell_place("shmat", (long)p);
    show_area("area", p);
    p[0] = 'a';
    p[3 * PAGE - 1] = 'z';
    const char* q = shmat(id, 0, SHM_RDONLY);
    tell_place("shmat read-only", (long)q);
    printf("seen through it: %c %c\n", q[0], q[3 * PAGE - 1]);
    tell("mprotect of it", mprotect((void*)q, PAGE, PROT_READ | PROT_WRITE));
    show_stat("two", id);
    fflush(stdout);
    if (fork() == 0) {
        struct shmid_ds s;
        shmctl(id, IPC_STAT, &s);
        p[1] = (char)('0' + s.shm_nattch);
        _exit(0);
    }
    wait(NULL);
    printf("a child counted %c\n", p[1]);
    tell("munmap of its middle", munmap(p + PAGE, PAGE));
    show_stat("cut", id);
    tell("shmdt in the middle", shmdt(p + 2 * PAGE));
    tell("shmdt", shmdt(p));
    tell("shmdt again", shmdt(p));
    tell("shmdt misaligned", shmdt(q + 1));
    show_stat("one", id);
    tell("remove", shmctl(id, IPC_RMID, NULL));
    show_stat("removed, still attached", id);
    printf("still there: %c\n", q[0]);
    tell("shmdt", shmdt(q));
    show_stat("gone", id);
    tell("shmat of what is gone", (long)shmat(id, 0, 0));
}

static void keys_and_errors(void) {
    const key_t key = 0x6d6d0000 + (getpid() & 0xffff);
    tell("no such key", shmget(key, PAGE, 0));
    int id = shmget(key, PAGE, IPC_CREAT | IPC_EXCL | 0600);
    tell_place("shmget new", id);
    tell("exclusive again", shmget(key, PAGE, IPC_CREAT | IPC_EXCL | 0600));
    printf("found again: %d\n", shmget(key, PAGE, 0600) == id);
    printf("size 0 finds it: %d\n", shmget(key, 0, 0) == id);
    tell("larger", shmget(key, 2 * PAGE, 0));
    tell("size 0", shmget(IPC_PRIVATE, 0, 0600));
    tell("huge", shmget(IPC_PRIVATE, ~0ul, 0600));
    tell("huge pages of no known size", shmget(IPC_PRIVATE, PAGE, 0600 | SHM_HUGETLB | 22 << 26));
    tell("shmat misaligned", (long)shmat(id, (void*)0x10000123, 0));
    tell("shmat SHM_REMAP of nothing", (long)shmat(id, 0, SHM_REMAP));
    tell("shmat of no id", (long)shmat(-1, 0, 0));
    char* room = mmap(0, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    tell("shmat where something is", (long)shmat(id, room, 0));
    printf("SHM_REMAP: %d\n", shmat(id, room + PAGE, SHM_REMAP) == (void*)(room + PAGE));
    munmap(room + 2 * PAGE, PAGE);
    printf("SHM_RND: %d\n", shmat(id, room + 2 * PAGE + 77, SHM_RND) == (void*)(room + 2 * PAGE));
    show_stat("twice", id);
    struct shmid_ds s;
    shmctl(id, IPC_STAT, &s);
    s.shm_perm.mode = 0400;
    tell("IPC_SET", shmctl(id, IPC_SET, &s));
    show_stat("set", id);
    tell("shmctl of no command", shmctl(id, 99, &s));
    tell("IPC_STAT nowhere", syscall(SYS_shmctl, id, IPC_STAT, 8));
    tell("remove", shmctl(id, IPC_RMID, NULL));
    tell("no such key any more", shmget(key, PAGE, 0));
    tell("shmdt", shmdt(room + PAGE));
    tell("shmdt", shmdt(room + 2 * PAGE));
    tell("no such id any more", shmctl(id, IPC_RMID, NULL));
}

static void other_memory(void) {
    static char here[3 * PAGE], there[3 * PAGE];
    char* remote = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int ready[2], done[2];
    char byte;
    if (pipe(ready) || pipe(done)) return;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        memset(remote, 'r', 2 * PAGE);
        munmap(remote + 2 * PAGE, PAGE);
        mprotect(remote, PAGE, PROT_READ);
        if (write(ready[1], "x", 1) != 1 || read(done[0], &byte, 1) != 1) _exit(1);
        printf("child has %c %c\n", remote[0], remote[PAGE + 7]);
        fflush(stdout);
        _exit(0);
    }
    if (read(ready[0], &byte, 1) != 1) return;
    struct iovec l[2] = {{here, 100}, {here + 200, PAGE}}, r[2] = {{remote + 10, 50}, {remote + PAGE - 20, PAGE}};
    tell("readv", process_vm_readv(child, l, 2, r, 2, 0));
    printf("bytes %c %c %d\n", here[0], here[99], here[150]);
    struct iovec hole = {remote + 2 * PAGE - 30, 60}, all = {here, sizeof here};
    tell("readv into a hole", process_vm_readv(child, &all, 1, &hole, 1, 0));
    hole.iov_base = remote + 2 * PAGE;
    tell("readv of a hole", process_vm_readv(child, &all, 1, &hole, 1, 0));
    struct iovec from = {there, PAGE}, to = {remote + PAGE + 7, 3};
    memcpy(there, "WWW", 3);
    tell("writev", process_vm_writev(child, &from, 1, &to, 1, 0));
    to.iov_base = remote + PAGE - 2;
    tell("writev to read-only", process_vm_writev(child, &from, 1, &to, 1, 0));
    tell("flags", process_vm_readv(child, &all, 1, &hole, 1, 1));
    tell("nobody", process_vm_readv(0x3ffffff, &all, 1, &to, 1, 0));
    tell("nothing", process_vm_readv(0x3ffffff, &all, 0, &to, 1, 0));
    tell("nothing there", process_vm_readv(0x3ffffff, &all, 1, &to, 0, 0));
    tell("too many", process_vm_readv(child, &all, 1025, &to, 1, 0));
    struct iovec bad = {here, (size_t)-1};
    tell("negative", process_vm_readv(child, &bad, 1, &to, 1, 0));
    struct iovec nowhere = {(void*)8, 10};
    to.iov_base = remote + PAGE + 7;
    tell("local nowhere", process_vm_readv(child, &nowhere, 1, &to, 1, 0));
    tell("list nowhere", syscall(SYS_process_vm_readv, child, 8, 1, &to, 1, 0));
    struct iovec own = {there, 3};
    tell("oneself", process_vm_readv(getpid(), &all, 1, &own, 1, 0));
    if (write(done[1], "x", 1) != 1) return;
    wait(NULL);
    tell("who has ended", process_vm_readv(child, &all, 1, &to, 1, 0));
}

static void remap(void) {
    int fd = memfd_create("m", 0);
    if (ftruncate(fd, 4 * PAGE)) return;
    char* p = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (int i = 0; i < 4; i++) p[i * PAGE] = (char)('0' + i);
    tell("remap_file_pages", remap_file_pages(p, PAGE, 0, 3, 0));
    printf("pages %c %c %c %c\n", p[0], p[PAGE], p[2 * PAGE], p[3 * PAGE]);
    tell("with rights", remap_file_pages(p, PAGE, PROT_READ, 3, 0));
    char* q = mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    tell("of private memory", remap_file_pages(q, PAGE, 0, 0, 0));
    tell("of nothing", remap_file_pages(q, 0, 0, 0, 0));
    close(fd);
}

static void advice(void) {
    char* p = mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char* s = mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(p, 1, 8 * PAGE);
    memset(s, 1, 8 * PAGE);
    static const struct {
        int value;
        const char* name;
    } kinds[] = {{0, "NORMAL"},     {1, "RANDOM"},     {2, "SEQUENTIAL"},     {3, "WILLNEED"},   {8, "FREE"},
                 {9, "REMOVE"},     {10, "DONTFORK"},  {11, "DOFORK"},        {16, "DONTDUMP"},  {17, "DODUMP"},
                 {18, "WIPEONFORK"}, {19, "KEEPONFORK"}, {20, "COLD"},        {22, "POPULATE_READ"},
                 {23, "POPULATE_WRITE"}, {24, "DONTNEED_LOCKED"}, {4, "DONTNEED"}, {26, "26"}, {99, "99"}, {-1, "-1"}};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char what[64];
        sprintf(what, "%s private", kinds[i].name);
        tell(what, madvise(p, 4 * PAGE, kinds[i].value));
        sprintf(what, "%s shared", kinds[i].name);
        tell(what, madvise(s, 4 * PAGE, kinds[i].value));
        sprintf(what, "%s of nothing", kinds[i].name);
        tell(what, madvise(p, 0, kinds[i].value));
        sprintf(what, "%s misaligned", kinds[i].name);
        tell(what, madvise(p + 1, PAGE, kinds[i].value));
    }
    printf("private %d shared %d\n", p[0] + p[5 * PAGE], s[0] + s[5 * PAGE]);
    munmap(p + 3 * PAGE, PAGE);
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char what[64];
        sprintf(what, "%s over a hole", kinds[i].name);
        tell(what, madvise(p, 8 * PAGE, kinds[i].value));
    }
    tell("mlock", mlock(s, PAGE));
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char what[64];
        sprintf(what, "%s locked", kinds[i].name);
        tell(what, madvise(s, PAGE, kinds[i].value));
    }
    tell("mlock2 ONFAULT", (long)syscall(SYS_mlock2, s, PAGE, 1));
    tell("mlock2 2", (long)syscall(SYS_mlock2, s, PAGE, 2));
    tell("mlockall 0", mlockall(0));
    tell("mlockall ONFAULT", mlockall(4));
    tell("mlockall 8", mlockall(8));
    tell("munlockall", munlockall());
    tell("process of no such size", (long)mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 22 << 26, -1, 0));
    tell("empty pool", (long)mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
    int fd = memfd_create("plain", 0);
    if (ftruncate(fd, PAGE)) return;
    tell("MAP_HUGETLB of a plain file", (long)mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, fd, 0));
    close(fd);
}

int main(void) {
    segments();
    keys_and_errors();
    other_memory();
    remap();
    advice();
    return 0;
}
