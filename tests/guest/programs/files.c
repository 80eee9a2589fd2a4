// Tries what its argument says on the path behind it, and prints "ok" with what was read or the errno.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int attempt(const char* what, const char* path) {
    char buffer[64] = "";
    int file;
    if (!strcmp(what, "read")) {
        if ((file = open(path, O_RDONLY)) < 0 || read(file, buffer, sizeof buffer - 1) < 0) return -1;
        buffer[strcspn(buffer, "\n")] = 0;
        printf("[%s] ", buffer);
        return 0;
    }
    if (!strcmp(what, "write"))
        return (file = open(path, O_WRONLY | O_CREAT, 0644)) < 0 ? -1 : (int)write(file, "new\n", 4);
    if (!strcmp(what, "stat")) {
        struct stat status;
        return stat(path, &status);
    }
    if (!strcmp(what, "mkdir")) return mkdir(path, 0755);
    if (!strcmp(what, "unlink")) return unlink(path);
    if (!strcmp(what, "chdir")) return chdir(path);
    errno = EINVAL;
    return -1;
}

int main(int argc, char** argv) {
    for (int i = 1; i + 1 < argc; i += 2) {
        if (attempt(argv[i], argv[i + 1]) < 0)
            printf("errno %d\n", errno);
        else
            printf("ok\n");
    }
}
