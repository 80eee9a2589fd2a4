// What the programs of numbered rules share (tests/guest/README.md has the list): a line a rule, errors by
// name, and accesses whose signals are told instead of fatal.
#pragma once

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

enum { kPage = 4096, kReadWrite = PROT_READ | PROT_WRITE, kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS };
static const unsigned long kTaskSize = 0x7ffffffff000;

/// "B3 text": one rule, one line.
__attribute__((format(printf, 2, 3))) static void rule(const char* number, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("%s ", number);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

/// The name of what a call answered, raw or through libc: "ok" for any success.
static const char* name_of(long result) {
    if (result == -1) return strerrorname_np(errno);
    if (result < 0 && result > -4096) return strerrorname_np((int)-result);
    return "ok";
}

static const char* map_error(void* result) {
    return result == MAP_FAILED ? strerrorname_np(errno) : "ok";
}

static char* map(void* at, size_t length, int rights, int flags) {
    return mmap(at, length, rights, flags, -1, 0);
}

/// Private pages that merge with no neighbour and become no huge page.
static char* pages(long count) {
    char* guard = map(0, (count + 2) * kPage, PROT_NONE, kAnonymous);
    mprotect(guard + kPage, count * kPage, kReadWrite);
    madvise(guard + kPage, count * kPage, MADV_NOHUGEPAGE);
    return guard + kPage;
}

/// Addresses with nothing in them, nor directly beside them.
static char* room(long count) {
    char* p = map(0, (count + 512) * kPage, PROT_NONE, kAnonymous);
    munmap(p, (count + 512) * kPage);
    return p + 256 * kPage;
}

static sigjmp_buf trap_back;
static struct {
    int signal, code;
    uintptr_t address;
    long error, trap;
    uintptr_t cr2;
} trapped;

static void on_trap(int signal, siginfo_t* info, void* context) {
    const greg_t* registers = ((ucontext_t*)context)->uc_mcontext.gregs;
    trapped.signal = signal;
    trapped.code = info->si_code;
    trapped.address = (uintptr_t)info->si_addr;
    trapped.error = registers[REG_ERR];
    trapped.trap = registers[REG_TRAPNO];
    trapped.cr2 = registers[REG_CR2];
    siglongjmp(trap_back, 1);
}

static void catch_traps(void) {
    static char stack[1 << 16];
    const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, 0);
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    action.sa_sigaction = on_trap;
    sigaction(SIGSEGV, &action, 0);
    sigaction(SIGBUS, &action, 0);
}

/// What a read, a write or a call at an address ends in: "fine", "SEGV 1", "BUS 2", ... Arguments are
/// evaluated from the last to the first: what has an effect on another stands in a statement of its own.
static const char* try_access(volatile char* at, char how) {
    static char texts[8][32];
    static unsigned next;
    if (sigsetjmp(trap_back, 1)) {
        char* text = texts[next++ % 8];
        sprintf(text, "%s %d", trapped.signal == SIGSEGV ? "SEGV" : "BUS", trapped.code);
        return text;
    }
    if (how == 'r') (void)*at;
    if (how == 'w') *at = 1;
    if (how == 'x') ((void (*)(void))(uintptr_t)at)();
    return "fine";
}
#define READ(at) try_access((char*)(at), 'r')
#define WRITE(at) try_access((char*)(at), 'w')
#define FETCH(at) try_access((char*)(at), 'x')

static long minor(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

/// Faults of touching `count` pages.
static long touch(volatile char* p, long count, char how) {
    minor();
    const long before = minor();
    for (long i = 0; i < count; i++) {
        if (how == 'r')
            (void)p[i * kPage];
        else
            p[i * kPage] = 1;
    }
    return minor() - before;
}

/// Areas of /proc/self/maps that begin in [from, to). No allocation: the reader's own memory must not move.
static int areas(char* from, char* to) {
    static char text[1 << 18];
    int fd = open("/proc/self/maps", O_RDONLY), count = 0;
    size_t length = 0;
    for (ssize_t n; (n = read(fd, text + length, sizeof text - 1 - length)) > 0;) length += (size_t)n;
    close(fd);
    text[length] = 0;
    for (char* line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : 0) {
        const unsigned long start = strtoul(line, 0, 16);
        count += start >= (unsigned long)from && start < (unsigned long)to;
    }
    return count;
}

/// A field of /proc/self/status or smaps_rollup, kB.
static long status_kb(const char* file, const char* field) {
    static char text[1 << 14];
    int fd = open(file, O_RDONLY);
    size_t length = 0;
    for (ssize_t n; (n = read(fd, text + length, sizeof text - 1 - length)) > 0;) length += (size_t)n;
    close(fd);
    text[length] = 0;
    char* at = strstr(text, field);
    return at ? strtol(at + strlen(field), 0, 10) : -1;
}

static void set_limit(int which, rlim_t soft) {
    struct rlimit limit;
    getrlimit(which, &limit);
    limit.rlim_cur = soft;
    setrlimit(which, &limit);
}

/// A memfd of so many bytes.
static int file_of(long bytes) {
    int fd = memfd_create("rules", 0);
    if (ftruncate(fd, bytes)) exit(3);
    return fd;
}

/// A child's end as text, for what kills.
static const char* child_end(void (*body)(void)) {
    static char text[32];
    int status;
    fflush(stdout);
    if (fork() == 0) {
        body();
        _exit(0);
    }
    wait(&status);
    if (WIFSIGNALED(status))
        sprintf(text, "killed by %s", sigabbrev_np(WTERMSIG(status)));
    else
        sprintf(text, "exit %d", WEXITSTATUS(status));
    return text;
}
