// libc: glibc
// /proc/self/clear_refs and smaps' Referenced: which pages are used between two looks. Between them the
// area's rights go and come, so that no translation is left that hides a use. And pagemap through sendfile:
// EINVAL.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "lib/guest.h"

static const char* clear(const char* what) {
    const int fd = open("/proc/self/clear_refs", O_WRONLY);
    if (fd < 0) return strerrorname_np(errno);
    const char* result = write(fd, what, strlen(what)) < 0 ? strerrorname_np(errno) : "ok";
    close(fd);
    return result;
}

static long referenced(const void* area) { return smaps_field(area, "Referenced:"); }

static void flush(void* area, size_t size) {
    mprotect(area, size, PROT_NONE);
    mprotect(area, size, PROT_READ | PROT_WRITE);
}

int main(void) {
    const size_t size = 16 * kPage;
    char* room = mmap(NULL, 20 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile char* own =
        mmap(room + kPage, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    madvise((void*)own, size, MADV_NOHUGEPAGE);
    for (int i = 0; i < 16; i++) own[i * kPage] = 1;
    printf("written: %ld kB\n", referenced((void*)own));
    printf("cleared: %s", clear("1\n"));
    printf(", %ld kB\n", referenced((void*)own));
    flush((void*)own, size);
    for (int i = 0; i < 5; i++) (void)own[i * kPage];
    printf("5 used: %ld kB\n", referenced((void*)own));
    printf("files' alone: %s", clear("3"));
    printf(", %ld kB\n", referenced((void*)own));
    printf("anonymous: %s", clear("2"));
    printf(", %ld kB\n", referenced((void*)own));
    printf("peak: %s\n", clear("5"));
    static const char* const wrong[] = {"0", "6", "x", "1x", "-1", ""};
    for (int i = 0; i < 6; i++) printf("\"%s\": %s\n", wrong[i], clear(wrong[i]));
    const int pagemap = open("/proc/self/pagemap", O_RDONLY), null = open("/dev/null", O_WRONLY);
    printf("pagemap by sendfile: %s\n",
           sendfile(null, pagemap, NULL, 64) < 0 ? strerrorname_np(errno) : "bytes");
    return 0;
}
