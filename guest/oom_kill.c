// Promised more than there is: in 16 MiB of RAM without swap a child touches 32 MiB and is killed by the
// kernel, the one with the highest oom_score; its parent lives and has the memory back.
//
// options: --memory 16M --overcommit 1
// host: no
// expect-stdout: the child was killed by signal 9
// expect-stdout: 4 MiB for the parent: 1024 minor, 0 major faults
// expect-stdout: 4 MiB for the parent: written
// expect-exit: 0
// expect-faults: anonymous>=4096
#include <sys/wait.h>

#include "lib/guest.h"

int main(void) {
    int status;
    fflush(stdout);
    if (fork() == 0) {
        unsigned char* p = fresh_pages(8192);
        for (long i = 0; i < 8192; i++) p[i * kPage] = 1;
        _exit(0);
    }
    wait(&status);
    if (WIFSIGNALED(status))
        printf("the child was killed by signal %d\n", WTERMSIG(status));
    else
        printf("the child had its memory\n");
    unsigned char* p = fresh_pages(1024);
    begin_step();
    for (long i = 0; i < 1024; i++) p[i * kPage] = 1;
    end_step("4 MiB for the parent");
    printf("4 MiB for the parent: %s\n", p[1023 * kPage] ? "written" : "lost");
}
