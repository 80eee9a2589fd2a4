// One process reads and writes another's memory: the kernel takes the other's faults (a copy-on-write copy
// among them), and a list that runs into a hole ends there.
//
// expect-stdout: the child's own write: 1 minor, 0 major faults
// expect-stdout: a read of the child: 0 minor, 0 major faults
// expect-stdout: read from the child: child
// expect-stdout: a write into it: 0 minor, 0 major faults
// expect-stdout: written into it, it sees: parent
// expect-stdout: its own page here: still ours
// expect-stdout: up to a hole: 6 bytes; in the hole: EFAULT
// expect-exit: 0
// expect-faults: cow_copy>=2
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "lib/guest.h"

int main(void) {
    int up[2], down[2], status;
    char* page = (char*)fresh_pages(2);
    char bytes[16] = "", byte = 0;
    strcpy(page, "ours");
    if (pipe(up) || pipe(down)) return 1;
    pid_t child = fork();
    if (child == 0) {
        begin_step();
        strcpy(page, "child");
        end_step("the child's own write");
        fflush(stdout);
        munmap(page + kPage, kPage);
        if (write(up[1], "x", 1) != 1 || read(down[0], &byte, 1) != 1) _exit(1);
        printf("written into it, it sees: %s\n", page);
        fflush(stdout);
        _exit(0);
    }
    if (read(up[0], &byte, 1) != 1) return 1;
    struct iovec here = {bytes, 6}, there = {page, 6};
    begin_step();
    process_vm_readv(child, &here, 1, &there, 1, 0);
    end_step("a read of the child");
    printf("read from the child: %s\n", bytes);
    fflush(stdout);
    struct iovec ours = {"parent", 7};
    there.iov_len = 7;
    begin_step();
    process_vm_writev(child, &ours, 1, &there, 1, 0);
    end_step("a write into it");
    fflush(stdout);
    if (write(down[1], "x", 1) != 1) return 1;
    wait(&status);
    printf("its own page here: still %s\n", page);
    struct iovec own = {page + kPage - 6, 12}, into = {bytes, 12};
    munmap(page + kPage, kPage);
    printf("up to a hole: %ld bytes; ", (long)process_vm_readv(getpid(), &into, 1, &own, 1, 0));
    own.iov_base = page + kPage;
    printf("in the hole: %s\n",
           process_vm_readv(getpid(), &into, 1, &own, 1, 0) < 0 && errno == EFAULT ? "EFAULT" : "bytes");
    return status;
}
