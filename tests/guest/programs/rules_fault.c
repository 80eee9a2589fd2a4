// Rules of faults, signals and accounting (F1 .. F8), a line each. Every Linux prints the same.
// libc: glibc
// flags: -O1 -static -Wno-unused-function -Wno-stringop-overflow -Wno-stringop-overread
#include "rules.h"

static void tell_trap(const char* number, const char* what, const char* ended, uintptr_t expected) {
    rule(number, "%s: %s, address %s, trap %ld, error %lx, CR2 %s", what, ended,
         trapped.address == expected ? "exact"
         : trapped.address == 0      ? "0"
                                     : "another",
         trapped.trap, trapped.error, trapped.cr2 == expected ? "the same" : "another");
}

static void signals(void) {
    char *nothing = room(2), *p = pages(2);
    const char* ended = READ(nothing + 77);
    tell_trap("F1", "read of nothing", ended, (uintptr_t)nothing + 77);
    ended = WRITE(nothing + 78);
    tell_trap("F1", "write to nothing", ended, (uintptr_t)nothing + 78);
    ended = FETCH(nothing + 79);
    tell_trap("F1", "fetch of nothing", ended, (uintptr_t)nothing + 79);
    p[0] = 1;
    mprotect(p, 2 * kPage, PROT_READ);
    ended = WRITE(p + 5);
    tell_trap("F1", "write to a read-only page that is there", ended, (uintptr_t)p + 5);
    ended = WRITE(p + kPage);
    tell_trap("F1", "write to one that is not", ended, (uintptr_t)p + kPage);
    mprotect(p, kPage, PROT_NONE);
    ended = READ(p + 9);
    tell_trap("F1", "read without rights of what is there", ended, (uintptr_t)p + 9);
    // A quadword over a page's end, the second page missing.
    char* edge = pages(1);
    trapped.address = 0;
    ended = "fine";
    if (sigsetjmp(trap_back, 1))
        ended = "SEGV";
    else
        *(volatile uint64_t*)(edge + kPage - 3) = 1;
    tell_trap("F1", "a quadword into what is missing", ended, (uintptr_t)edge + kPage);
    char* kernel = (char*)0xffff888000000000;
    ended = READ(kernel);
    tell_trap("F2", "read of the kernel's", ended, (uintptr_t)kernel);
    ended = WRITE(kernel + 8);
    tell_trap("F2", "write to the kernel's", ended, (uintptr_t)kernel + 8);
    char* no_address = (char*)0x8000000000000000;
    ended = READ(no_address);
    rule("F2", "not canonical: %s, address %lx, trap %ld, error %lx", ended, trapped.address, trapped.trap,
         trapped.error);
    ended = "fine";
    if (sigsetjmp(trap_back, 1))
        ended = trapped.signal == SIGBUS ? "BUS" : "SEGV";
    else
        __asm__ volatile("mov %%rbp, %%rax; mov %0, %%rbp; mov (%%rbp), %%rcx; mov %%rax, %%rbp"
                         :
                         : "r"(no_address)
                         : "rax", "rcx");
    rule("F2", "not canonical by rbp: %s %d, trap %ld", ended, trapped.code, trapped.trap);
}

static void ignored(void) {
    signal(SIGSEGV, SIG_IGN);
    *(volatile char*)8 = 1;
}
static void blocked(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    sigprocmask(SIG_BLOCK, &set, 0);
    *(volatile char*)8 = 1;
}
static void no_stack(void) {
    stack_t off = {.ss_flags = SS_DISABLE};
    sigaltstack(&off, 0);
    __asm__ volatile("mov $16, %%rsp; push %%rax" : : : "memory");
}

static void calls(void) {
    int file = file_of(4 * kPage), ends[2];
    if (pipe(ends)) exit(1);
    char* p = pages(2);
    munmap(p + kPage, kPage);
    rule("F4", "write from nowhere %s, read to nowhere %s, open of nowhere %s",
         name_of(write(file, (char*)8, 4)), name_of(read(file, (char*)8, 4)),
         name_of(open((char*)8, O_RDONLY)));
    rule("F4", "a file into the hole: read %ld, write %ld", (long)pread(file, p + kPage - 100, 300, 0),
         (long)pwrite(file, p + kPage - 100, 300, 0));
    rule("F4", "a pipe from the hole: %s", name_of(write(ends[1], p + kPage - 100, 300)));
    const char* good = name_of(write(ends[1], p, 200));
    rule("F4", "a pipe %s, into the hole: %s", good, name_of(read(ends[0], p + kPage - 100, 300)));
    char* readable = map(0, kPage, PROT_READ, kAnonymous);
    rule("F4", "read to read-only %s; write from what was never touched %ld",
         name_of(pread(file, readable, 4, 0)), (long)pwrite(file, readable, 4, 0));
}

static void stack_rules(void) {
    char* p = map(room(600) + 599 * kPage, kPage, kReadWrite, kAnonymous | MAP_FIXED | MAP_GROWSDOWN);
    const char* far = WRITE(p - 200 * kPage);
    rule("F5", "grows far below: %s, %d area of %d", far, areas(p - 200 * kPage, p - 199 * kPage),
         areas(p - 599 * kPage, p + kPage));
    p = map(room(600) + 599 * kPage, kPage, kReadWrite, kAnonymous | MAP_FIXED | MAP_GROWSDOWN);
    map(p - 300 * kPage, kPage, PROT_READ, kAnonymous | MAP_FIXED);
    const char *above = WRITE(p - 43 * kPage), *in = WRITE(p - 44 * kPage);
    rule("F5", "above the gap %s, in it %s", above, in);
    p = map(room(600) + 599 * kPage, kPage, kReadWrite, kAnonymous | MAP_FIXED | MAP_GROWSDOWN);
    map(p - 300 * kPage, kPage, PROT_NONE, kAnonymous | MAP_FIXED);
    rule("F5", "above what has no rights %s", WRITE(p - 299 * kPage));
    volatile char local = 0;
    char* deep = (char*)(((uintptr_t)&local & -4096ul) - 400 * kPage);
    rule("F5", "the stack itself, far below rsp: %s", WRITE(deep));
    set_limit(RLIMIT_STACK, 2 << 20);
    deep = (char*)(((uintptr_t)&local & -4096ul) - (3 << 20));
    rule("F5", "beyond RLIMIT_STACK: %s", WRITE(deep));
}

static void counts(void) {
    char* p = pages(8);
    const long read = touch(p, 4, 'r'), then = touch(p, 4, 'w'), written = touch(p + 4 * kPage, 4, 'w');
    rule("F6", "4 pages: read %ld, written then %ld, written first %ld, again %ld", read, then, written,
         touch(p, 8, 'w'));
    p = map(0, 4 * kPage, kReadWrite, kAnonymous | MAP_POPULATE);
    rule("F6", "populated: %ld", touch(p, 4, 'w'));
    p = pages(4);
    memset(p, 1, 4 * kPage);
    int status;
    fflush(stdout);
    if (fork() == 0) _exit((int)(touch(p, 4, 'r') * 16 + touch(p, 4, 'w')));
    wait(&status);
    rule("F6", "a child: reading %d, writing %d; the parent afterwards %ld", WEXITSTATUS(status) / 16,
         WEXITSTATUS(status) % 16, touch(p, 4, 'w'));
    char* s = map(0, 4 * kPage, kReadWrite, MAP_SHARED | MAP_ANONYMOUS);
    const long shared = touch(s, 4, 'w');
    rule("F6", "shared: written %ld, again %ld", shared, touch(s, 4, 'w'));
    char* f = mmap(0, 4 * kPage, kReadWrite, MAP_PRIVATE, file_of(4 * kPage), 0);
    rule("F6", "private of a file: written %ld", touch(f, 4, 'w'));
}

static void forks(void) {
    char *p = pages(4), *s = map(0, kPage, kReadWrite, MAP_SHARED | MAP_ANONYMOUS);
    memset(p, 'a', 4 * kPage);
    s[0] = 'a';
    madvise(p + kPage, kPage, MADV_WIPEONFORK);
    madvise(p + 2 * kPage, kPage, MADV_DONTFORK);
    fflush(stdout);
    if (fork() == 0) {
        p[0] = 'c';
        s[0] = 'c';
        rule("F7", "child: private %c, wiped %d, not there: %s", p[0], p[kPage], READ(p + 2 * kPage));
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    rule("F7", "parent: private %c, shared %c, wiped %c, not forked %c", p[0], s[0], p[kPage], p[2 * kPage]);
}

static void accounting(void) {
    const char *rollup = "/proc/self/smaps_rollup", *status = "/proc/self/status";
    status_kb(status, "VmSize:"), status_kb(rollup, "Rss:");
    const long size = status_kb(status, "VmSize:"), rss = status_kb(status, "RssAnon:"),
               data = status_kb(status, "VmData:");
    char* p = map(0, 64 * kPage, kReadWrite, kAnonymous);
    madvise(p, 64 * kPage, MADV_NOHUGEPAGE);
    for (int i = 0; i < 24; i++) p[i * kPage] = 1;
    for (int i = 24; i < 40; i++) (void)((volatile char*)p)[i * kPage];
    rule("F8", "64 pages, 24 written, 16 read: VmSize +%ld, VmData +%ld, RssAnon +%ld kB",
         status_kb(status, "VmSize:") - size, status_kb(status, "VmData:") - data,
         status_kb(status, "RssAnon:") - rss);
    char* s = map(0, 16 * kPage, kReadWrite, MAP_SHARED | MAP_ANONYMOUS);
    const long shmem = status_kb(status, "RssShmem:");
    touch(s, 6, 'w');
    rule("F8", "shared: RssShmem +%ld kB", status_kb(status, "RssShmem:") - shmem);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const long major = usage.ru_majflt;
    touch(p + 40 * kPage, 8, 'w');
    getrusage(RUSAGE_SELF, &usage);
    rule("F8", "major faults of anonymous memory: %ld", usage.ru_majflt - major);
    int file = file_of(64 * kPage);
    touch(mmap(0, 64 * kPage, kReadWrite, MAP_SHARED, file, 0), 64, 'w');
    // Pages are mapped in groups of 16 by their addresses, so it lies at such a one.
    char* place = (char*)(((uintptr_t)room(128) + 0xffff) & ~0xfffful);
    char* f = mmap(place, 64 * kPage, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0);
    rule("F8", "64 cached pages of a file read: %ld faults", touch(f, 64, 'r'));
}

int main(void) {
    static char buffer[1 << 15];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    catch_traps();
    signals();
    rule("F3", "SIGSEGV ignored: %s", child_end(ignored));
    rule("F3", "SIGSEGV blocked: %s", child_end(blocked));
    rule("F3", "no stack for the handler: %s", child_end(no_stack));
    calls();
    counts();
    forks();
    accounting();
    stack_rules();
    return 0;
}
