// /proc/self/smaps and statm of areas of all kinds, every field, alone and with a child: the same numbers on every Linux.
// LazyFree is left out: Linux marks pages in batches.
// libc: glibc
// flags: -O1 -static -Wno-unused-function
#include "rules.h"

enum { AREAS = 16 };
static struct {
    const char* name;
    unsigned long at;
} known[AREAS];
static unsigned count;

static char* note(const char* name, void* at) {
    known[count].name = name;
    known[count++].at = (unsigned long)at;
    return at;
}

static void show(const char* when) {
    static char text[1 << 17];
    int fd = open("/proc/self/smaps", O_RDONLY);
    size_t length = 0;
    for (ssize_t n; (n = read(fd, text + length, sizeof text - 1 - length)) > 0;) length += (size_t)n;
    close(fd);
    text[length] = 0;
    int ours = 0;
    for (char* line = strtok(text, "\n"); line; line = strtok(0, "\n")) {
        unsigned long from, to;
        char rights[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3) {
            ours = 0;
            for (unsigned i = 0; i < count; i++) {
                if (known[i].at != from) continue;
                ours = 1;
                printf("%s, %s: %lu pages %s\n", when, known[i].name, (to - from) / kPage, rights);
            }
        } else if (ours && strncmp(line, "LazyFree", 8)) {
            puts(line);
        }
    }
    fflush(stdout);
}

/// An area that no neighbour can merge with.
static char* area(const char* name, long count_of_pages, int rights, int flags, int fd) {
    char* guard = map(0, (count_of_pages + 2) * kPage, PROT_NONE, kAnonymous);
    return note(name, mmap(guard + kPage, count_of_pages * kPage, rights, flags | MAP_FIXED, fd, 0));
}

int main(void) {
    const int both = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    char* p = area("private", 20, both, anonymous, -1);
    char* s = area("shared", 20, both, MAP_SHARED | MAP_ANONYMOUS, -1);
    char* locked = area("locked", 6, PROT_READ, anonymous | MAP_LOCKED, -1);
    char* lazy = area("MAP_NORESERVE", 6, both, anonymous | MAP_NORESERVE, -1);
    const int file = file_of(8 * kPage);
    char* f = area("shared file", 8, both, MAP_SHARED, file);
    char* c = area("private file", 8, both, MAP_PRIVATE, file);
    char* down = area("grows down", 2, both, anonymous | MAP_GROWSDOWN, -1);
    char* wiped = area("wiped, not dumped", 2, both, anonymous, -1);
    char* read_ahead = area("sequential", 2, PROT_NONE, anonymous, -1);
    char* code = area("code", 2, PROT_READ | PROT_EXEC, anonymous, -1);
    (void)locked;
    madvise(p, 20 * kPage, MADV_NOHUGEPAGE);
    memset(p, 1, 3 * kPage);
    (void)*(volatile char*)(p + 5 * kPage);
    memset(s, 1, 4 * kPage);
    memset(lazy, 2, 6 * kPage);
    f[0] = 1;
    c[kPage] = 1;
    (void)*(volatile char*)c;
    down[kPage] = 1;
    madvise(wiped, 2 * kPage, MADV_WIPEONFORK);
    madvise(wiped, 2 * kPage, MADV_DONTDUMP);
    madvise(read_ahead, 2 * kPage, MADV_SEQUENTIAL);
    (void)*(volatile char*)code;
    show("alone");
    if (fork() == 0) {
        p[0] = 2;
        s[0] = 3;
        (void)*(volatile char*)(lazy + 3 * kPage);
        show("a child");
        _exit(0);
    }
    wait(0);
    show("afterwards");
    return 0;
}
