// Where a program's stack, heap, code and mappings lie, twice: the same each time without randomisation
// (setarch -R; mmuscope's default), different with it (--aslr; another --seed is other addresses).
//
// expect-stdout: a place chosen for a page: 0 minor, 0 major faults
// expect-stdout: stack: same place
// expect-stdout: heap: same place
// expect-stdout: mappings: same place
// expect-exit: 0
// expect-faults: signalled=0
#define _GNU_SOURCE
#include <sys/wait.h>

#include "lib/guest.h"

typedef struct {
    void *stack, *heap, *mapping;
} Places;

/// A fresh start of this program tells where its things are.
static Places places_of_another(const char* program) {
    Places places = {0, 0, 0};
    int ends[2];
    if (pipe(ends)) exit(1);
    if (fork() == 0) {
        dup2(ends[1], 1);
        execl("/proc/self/exe", program, "tell", (char*)0);
        _exit(1);
    }
    if (read(ends[0], &places, sizeof places) != sizeof places) exit(1);
    wait(0);
    return places;
}

int main(int argc, char** argv) {
    if (argc > 1) {
        Places mine = {&argc, sbrk(0), mmap(0, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)};
        return write(1, &mine, sizeof mine) != sizeof mine;
    }
    begin_step();
    void* untouched = mmap(0, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    end_step("a place chosen for a page");
    munmap(untouched, kPage);
    Places a = places_of_another(argv[0]), b = places_of_another(argv[0]);
    printf("stack: %s\n", a.stack == b.stack ? "same place" : "another place");
    printf("heap: %s\n", a.heap == b.heap ? "same place" : "another place");
    printf("mappings: %s\n", a.mapping == b.mapping ? "same place" : "another place");
}
