// openat2 with each RESOLVE flag on a small tree; prints what opens and what does not.
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int folder;

static void try(const char *path, unsigned long long flags, unsigned long long resolve) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .mode = flags & O_CREAT ? 0600 : 0, .resolve = resolve};
    const int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
    char text[16] = "";
    if (fd >= 0 && !(flags & (O_PATH | O_DIRECTORY))) (void)!read(fd, text, sizeof text - 1);
    printf("%-24s %8llo %2llx: %s %s\n", path, flags, resolve, fd < 0 ? strerrorname_np(errno) : "opens", text);
    if (fd >= 0) close(fd);
}

static void make(const char *name) {
    const int fd = openat(folder, name, O_WRONLY | O_CREAT, 0600);
    if (write(fd, name, strlen(name)) < 0) _exit(1);
    close(fd);
}

int main(int argc, char **argv) {
    char fresh[] = "XXXXXX";  // it runs twice in one folder: natively and emulated
    if (argc < 2 || chdir(argv[1]) || !mkdtemp(fresh) || chdir(fresh) || mkdir("in", 0700) || mkdir("in/d", 0700)) return 1;
    folder = open(".", O_PATH | O_DIRECTORY);
    make("out");
    folder = open("in", O_PATH | O_DIRECTORY);
    make("f"), make("d/g");
    if (symlinkat("f", folder, "link") || symlinkat("../out", folder, "up") || symlinkat("/f", folder, "root") ||
        symlinkat("d", folder, "folder") || symlinkat("absent", folder, "dangling"))
        return 1;
    static const char *const paths[] = {"f", "d/g", "link", "up", "root", "folder/g", "../out", "d/../f", "d/../../out", "/f", "/", "..", ".",
                                        "", "absent", "f/", "/etc/../f", "dangling", "/proc/self/exe", "/dev/null"};
    static const unsigned resolve[] = {0, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS,
                                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
    for (unsigned p = 0; p < sizeof paths / sizeof *paths; p++)
        for (unsigned r = 0; r < sizeof resolve / sizeof *resolve; r++) {
            const int special = !strncmp(paths[p], "/proc", 5) || !strncmp(paths[p], "/dev", 4);
            try(paths[p], special || paths[p][strlen(paths[p]) - 1] == '.' ? O_PATH : O_RDONLY, resolve[r]);
        }
    try("f", O_RDONLY, RESOLVE_BENEATH | RESOLVE_IN_ROOT);
    try("f", O_RDONLY, 1 << 20);
    try("f", O_RDWR | O_TRUNC, RESOLVE_CACHED);
    try("f", O_RDONLY, RESOLVE_NO_XDEV);
    try("new", O_RDWR | O_CREAT | O_EXCL, RESOLVE_BENEATH);
    try("new", O_RDWR | O_CREAT | O_EXCL, RESOLVE_BENEATH);
    try("d/new", O_RDWR | O_CREAT, RESOLVE_IN_ROOT);
    try("/d/newer", O_RDWR | O_CREAT, RESOLVE_IN_ROOT);
    try("../new", O_RDWR | O_CREAT, RESOLVE_BENEATH);
    try("folder/new", O_RDWR | O_CREAT, RESOLVE_NO_SYMLINKS);
    try("link", O_RDWR | O_CREAT, RESOLVE_NO_SYMLINKS);
    try("link", O_RDONLY | O_NOFOLLOW, RESOLVE_BENEATH);
    return 0;
}
