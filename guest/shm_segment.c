// System V shared memory: one segment at two places and in a child; it lives on after it was removed until
// the last place is given up.
//
// expect-stdout: first touch: 1 minor, 0 major faults
// expect-stdout: at the other place: 1 minor, 0 major faults
// expect-stdout: two places: the same bytes, 2 attached
// expect-stdout: a child touches the other page: 1 minor, 0 major faults
// expect-stdout: a child wrote: c
// expect-stdout: removed: still readable, 2 attached
// expect-stdout: given up twice: gone
// expect-exit: 0
// expect-faults: file_shared>=1
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include "lib/guest.h"

static long attached(int id) {
    struct shmid_ds status;
    return shmctl(id, IPC_STAT, &status) ? -1 : (long)status.shm_nattch;
}

int main(void) {
    int id = shmget(IPC_PRIVATE, 2 * kPage, 0600);
    volatile char *p = shmat(id, 0, 0), *q = shmat(id, 0, 0);
    begin_step();
    p[kPage] = 'x';
    end_step("first touch");
    begin_step();
    const int same = q[kPage] == 'x';
    end_step("at the other place");
    printf("two places: %s, %ld attached\n", same ? "the same bytes" : "other bytes", attached(id));
    fflush(stdout);
    if (fork() == 0) {
        begin_step();
        q[0] = 'c';
        end_step("a child touches the other page");
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    printf("a child wrote: %c\n", p[0]);
    shmctl(id, IPC_RMID, 0);
    printf("removed: %s, %ld attached\n", p[0] == 'c' ? "still readable" : "lost", attached(id));
    shmdt((void*)p);
    shmdt((void*)q);
    printf("given up twice: %s\n", attached(id) == -1 ? "gone" : "there");
}
