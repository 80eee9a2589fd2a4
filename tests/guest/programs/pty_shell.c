// Types to a shell that runs in a pseudo-terminal, as a user would: waits for each answer before it goes on.
// libc: glibc
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char seen[1 << 16];
static size_t count;

/// Reads until `text` has appeared since the last call, or nothing comes any more.
static void expect(int master, const char* text) {
    static size_t from;
    while (!memmem(seen + from, count - from, text, strlen(text))) {
        struct pollfd p = {master, POLLIN, 0};
        if (poll(&p, 1, 20000) != 1) break;
        const ssize_t got = read(master, seen + count, sizeof seen - 1 - count);
        if (got <= 0) break;
        count += (size_t)got;
    }
    from = count;
}

static void type(int master, const char* text) {
    if (write(master, text, strlen(text)) < 0) perror("write");
}

int main(int argc, char** argv) {
    if (argc < 2) return 1;
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    grantpt(master);
    unlockpt(master);
    const pid_t child = fork();
    if (!child) {
        setsid();
        const int slave = open(ptsname(master), O_RDWR);
        dup2(slave, 0), dup2(slave, 1), dup2(slave, 2);
        close(slave), close(master);
        setenv("PS1", "ready> ", 1);
        setenv("TERM", "dumb", 1);
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    expect(master, "ready> ");
    type(master, "sleep 1000\r");
    expect(master, "\n");
    usleep(100000);
    type(master, "\x1a");  // Ctrl-Z
    expect(master, "Stopped");
    expect(master, "ready> ");
    type(master, "bg\r");
    expect(master, "ready> ");
    type(master, "jobs\r");
    expect(master, "Running");
    type(master, "fg\r");
    expect(master, "sleep 1000\r\n");
    usleep(100000);
    type(master, "\x03");  // Ctrl-C
    expect(master, "ready> ");
    type(master, "echo status $?\r");
    expect(master, "ready> ");
    type(master, "cat & sleep 0.1; jobs\r");
    expect(master, "Stopped");
    type(master, "kill %1; wait\r");
    expect(master, "ready> ");
    type(master, "read x; echo read: $x\r");
    usleep(100000);
    type(master, "typed lime\x7f\x7fne\r");
    expect(master, "read: typed");
    type(master, "exit 7\r");
    expect(master, "nothing more");
    int status;
    waitpid(child, &status, 0);
    for (size_t i = 0; i < count; ++i)
        if (seen[i] != '\r') putchar(seen[i]);
    printf("\nexit status %d\n", WEXITSTATUS(status));
    return 0;
}
