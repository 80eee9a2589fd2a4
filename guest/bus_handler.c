// Reading a mapped file beyond its end: the address is in a VMA but no page of the file is there. SIGBUS,
// si_code 2.
//
// expect-stdout: its first page: 1 minor, 0 major faults
// expect-stdout: inside: 1
// expect-stdout: tail of the last page reads 0
// expect-stdout: beyond the end: 0 minor, 0 major faults
// expect-stdout: SIGBUS si_code 2 at start + 8192
// expect-exit: 0
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/stat.h>

#include "lib/guest.h"

static sigjmp_buf back;
static unsigned char* start;
static volatile int code;
static volatile long offset;

static void on_bus(int number, siginfo_t* info, void* context) {
    (void)number, (void)context;
    code = info->si_code, offset = (unsigned char*)info->si_addr - start;
    siglongjmp(back, 1);
}

int main(int argc, char** argv) {
    (void)argc;
    int file = open(argv[0], O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status)) return 1;
    long pages = (status.st_size + kPage - 1) / kPage, tail = status.st_size & (kPage - 1);
    start = mmap(0, (pages + 2) * kPage, PROT_READ, MAP_PRIVATE, file, 0);
    struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &action, 0);
    begin_step();
    int inside = start[0] == 0x7f;
    end_step("its first page");
    printf("inside: %d\n", inside);
    printf("tail of the last page reads %d\n", tail ? start[pages * kPage - 1] : 0);
    start += (pages - 2) * kPage;
    begin_step();
    if (sigsetjmp(back, 1) == 0) return *(volatile unsigned char*)(start + 2 * kPage);
    end_step("beyond the end");
    printf("SIGBUS si_code %d at start + %ld\n", code, offset);
}
