// What a program is told of its own doings in the folder argv[1], event by event, and what calls that cannot be
// answer. What it prints is the same on every Linux (6.10 and later). With "follow" it waits for lines that
// another program adds to argv[1]/log.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char* const kNames[] = {"ACCESS",     "MODIFY", "ATTRIB", "CLOSE_WRITE", "CLOSE_NOWRITE", "OPEN",
                                     "MOVED_FROM", "MOVED_TO", "CREATE", "DELETE", "DELETE_SELF", "MOVE_SELF"};
static int notify;
static unsigned last_cookie;

static void show(const char* what) {
    char bytes[4096];
    printf("%s:\n", what);
    for (;;) {
        ssize_t got = read(notify, bytes, sizeof bytes);
        if (got <= 0) break;
        for (char* at = bytes; at < bytes + got;) {
            struct inotify_event event;
            memcpy(&event, at, sizeof event);
            printf("  wd %d len %u", event.wd, event.len);
            for (int bit = 0; bit < 12; ++bit)
                if (event.mask & (1u << bit)) printf(" %s", kNames[bit]);
            if (event.mask & IN_ISDIR) printf(" ISDIR");
            if (event.mask & IN_IGNORED) printf(" IGNORED");
            if (event.mask & IN_Q_OVERFLOW) printf(" OVERFLOW");
            if (event.cookie) printf(event.cookie == last_cookie ? " same cookie" : " cookie");
            last_cookie = event.cookie;
            printf(" %s\n", event.len ? at + sizeof event : "-");
            at += sizeof event + event.len;
        }
    }
    fflush(stdout);
}

static long result(long value) {
    return value < 0 ? -errno : value;
}

static int follow(void) {
    int log = open("log", O_RDONLY), epoll = epoll_create1(0);
    notify = inotify_init1(0);
    inotify_add_watch(notify, "log", IN_MODIFY);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, notify, &event);
    puts("ready");
    fflush(stdout);
    for (int lines = 0; lines < 2;) {
        char text[256];
        ssize_t got = read(log, text, sizeof text);
        for (ssize_t i = 0; i < got; ++i) lines += text[i] == '\n';
        if (got > 0) {
            fwrite(text, 1, (size_t)got, stdout);
            fflush(stdout);
            continue;
        }
        if (epoll_wait(epoll, &event, 1, -1) == 1) read(notify, text, sizeof text);
    }
    return 0;
}

int main(int count, char** arguments) {
    if (count < 2 || chdir(arguments[1])) return 1;
    if (count > 2) return follow();
    notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    printf("init %ld\n", result(inotify_init1(1)));
    printf("nothing %ld\n", result(inotify_add_watch(notify, ".", 0)));
    printf("missing %ld\n", result(inotify_add_watch(notify, "none", IN_OPEN)));
    printf("no inotify %ld\n", result(inotify_add_watch(0, ".", IN_OPEN)));
    printf("folder %ld\n", result(inotify_add_watch(notify, ".", IN_ALL_EVENTS)));
    show("quiet");
    int fd = open("file", O_RDWR | O_CREAT, 0644);
    write(fd, "hello", 5);
    write(fd, " world", 6);
    char bytes[16];
    pread(fd, bytes, 5, 0);
    show("made and written");
    int bytes_waiting = -1;
    fchmod(fd, 0600);
    ioctl(notify, FIONREAD, &bytes_waiting);
    printf("waiting %d\n", bytes_waiting);
    struct pollfd poll_it = {notify, POLLIN, 0};
    printf("poll %d\n", poll(&poll_it, 1, 0));
    ftruncate(fd, 3);
    close(fd);
    show("changed and closed");
    printf("file %ld\n", result(inotify_add_watch(notify, "file", IN_ALL_EVENTS)));
    printf("only folders %ld\n", result(inotify_add_watch(notify, "file", IN_OPEN | IN_ONLYDIR)));
    printf("not again %ld\n", result(inotify_add_watch(notify, "file", IN_OPEN | IN_MASK_CREATE)));
    fd = open("file", O_WRONLY | O_TRUNC);
    close(fd);
    fd = open("file", O_RDONLY);
    read(fd, bytes, 16);
    close(fd);
    show("opened twice");
    mkdir("folder", 0755);
    symlink("file", "link");
    link("file", "second");
    chmod("file", 0644);
    utimensat(AT_FDCWD, "file", NULL, 0);
    truncate("file", 100);
    show("links and attributes");
    rename("second", "renamed");
    rename("file", "folder/moved");
    show("moved");
    unlink("renamed");
    unlink("folder/moved");
    rmdir("folder");
    unlink("link");
    show("removed");
    fd = open("open", O_RDWR | O_CREAT, 0600);
    printf("open %ld\n", result(inotify_add_watch(notify, "open", IN_DELETE_SELF | IN_CLOSE)));
    unlink("open");
    show("removed while open");
    close(fd);
    show("closed after it");
    close(open("one", O_RDWR | O_CREAT, 0600));
    close(open("two", O_RDWR | O_CREAT, 0600));
    int two = inotify_add_watch(notify, "two", IN_ATTRIB | IN_DELETE_SELF | IN_ONESHOT);
    show("two files");
    rename("one", "two");
    show("one over the other");
    printf("gone %ld\n", result(inotify_rm_watch(notify, two)));
    printf("removed %ld\n", result(inotify_rm_watch(notify, 1)));
    printf("again %ld\n", result(inotify_rm_watch(notify, 1)));
    show("end");
    inotify_add_watch(notify, ".", IN_CREATE);
    mkdir("small", 0700);
    printf("too small %ld\n", result(read(notify, bytes, 16)));
    show("it is still there");
    rmdir("small");
    unlink("two");
    return 0;
}
