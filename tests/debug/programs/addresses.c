// An address of each kind that an access can meet.
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kPage = 4096, kHuge = 2 << 20 };
static char *none, *only_read, *untouched, *zero, *shared_with_child, *file_page, *beyond_file, *swapped,
    *huge, *below_stack, *guarded;

__attribute__((noinline)) void here(void) {}

static char* map(size_t size, int rights, int flags, int fd) {
    return mmap(NULL, size, rights, flags, fd, 0);
}

int main(void) {
    const int both = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    none = map(kPage, PROT_NONE, anonymous, -1);
    only_read = map(kPage, PROT_READ, anonymous, -1);
    untouched = map(kPage, both, anonymous, -1);
    zero = map(kPage, both, anonymous, -1);
    (void)*(volatile char*)zero;
    shared_with_child = map(kPage, both, anonymous, -1);
    *shared_with_child = 1;
    const int file = memfd_create("file", 0);
    if (ftruncate(file, kPage + 1) != 0) return 1;
    file_page = map(4 * kPage, both, MAP_PRIVATE, file);
    beyond_file = file_page + 2 * kPage;
    swapped = map(kPage, both, anonymous, -1);
    *swapped = 1;
    madvise(swapped, kPage, MADV_PAGEOUT);
    char* const space = map(2 * kHuge, both, anonymous, -1);
    huge = space + (kHuge - (size_t)space % kHuge) % kHuge;
    madvise(huge, kHuge, MADV_HUGEPAGE);
    *huge = 1;
    below_stack = (char*)__builtin_frame_address(0) - (1 << 20);
    guarded = (char*)__builtin_frame_address(0) - (9 << 20);
    const pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    here();
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}
