// Processes for debuggers: a child by fork(), a child by vfork() that becomes this program again, and a thread-local
// variable in each.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static __thread int mine = 7;
static int shared = 1;

__attribute__((noinline)) void work(int which) {
    mine += which;
    shared += which;
    errno = 40 + which;
}

int main(int argc, char** argv) {
    if (argc > 1 && strcmp(argv[1], "again") == 0) {
        work(3);
        return 4;
    }
    pid_t child = fork();
    if (child == 0) {
        work(1);
        _exit(shared);
    }
    int status = 0, other = 0;
    waitpid(child, &status, 0);
    pid_t second = vfork();
    if (second == 0) {
        execl(argv[0], argv[0], "again", (char*)0);
        _exit(9);
    }
    waitpid(second, &other, 0);
    work(5);
    printf("statuses %d %d shared %d mine %d\n", WEXITSTATUS(status), WEXITSTATUS(other), shared, mine);
}
