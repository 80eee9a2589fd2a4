// A page of the heap from brk to a private copy after fork: heap_page.lesson goes through it in the debugger.
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kPage = 4096 };

char* heap;  // two pages that nobody has touched

static void grow(void) {
    char* end = sbrk(4 * kPage);
    heap = (char*)(((uintptr_t)end + kPage - 1) & ~(uintptr_t)(kPage - 1));
}

static char read_first(void) {
    return *(volatile char*)heap;
}

static void write_first(char value) {
    *(volatile char*)heap = value;
}

static void write_second(char value) {
    *(volatile char*)(heap + kPage) = value;
}

int main(void) {
    grow();
    const char nothing = read_first();
    write_first('a');
    write_second('b');
    const pid_t child = fork();
    if (child == 0) {
        write_second('c');
        _exit(heap[kPage] == 'c' ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    write_second('d');
    return nothing != 0 || status != 0 || heap[0] != 'a' || heap[kPage] != 'd';
}
