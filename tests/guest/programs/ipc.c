// What one process can do with pipes, eventfds, timers, epoll and unix sockets without ever waiting; it
// prints results and errors, which are to be the host's.
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static char buffer[1 << 17];
static char* volatile nowhere = (char*)8;

static void say(const char* what, long result) {
    if (result < 0)
        printf("%s: %s\n", what, strerrorname_np(errno));
    else
        printf("%s: %ld\n", what, result);
}

static short events_of(int fd) {
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0};
    poll(&p, 1, 0);
    return p.revents;
}

static void pipes(void) {
    int p[2];
    say("pipe2", pipe2(p, O_NONBLOCK));
    say("flags", fcntl(p[0], F_GETFL));
    say("flags", fcntl(p[1], F_GETFL));
    say("read empty", read(p[0], buffer, 10));
    say("poll", events_of(p[0]));
    say("poll", events_of(p[1]));
    say("size", fcntl(p[0], F_GETPIPE_SZ));
    say("write", write(p[1], "hello", 5));
    int n = 0;
    say("FIONREAD", ioctl(p[0], FIONREAD, &n) + n);
    say("write big", write(p[1], buffer, sizeof buffer));
    say("write more", write(p[1], buffer, 1));
    say("poll full", events_of(p[1]));
    say("read", read(p[0], buffer, 5));
    say("write 4096", write(p[1], buffer, 4096));
    say("read page", read(p[0], buffer, 4096));
    say("write 5000", write(p[1], buffer, 5000));
    say("set size", fcntl(p[1], F_SETPIPE_SZ, 4096));
    say("read all", read(p[0], buffer, sizeof buffer));
    say("set size", fcntl(p[1], F_SETPIPE_SZ, 5000));
    say("set size", fcntl(p[1], F_SETPIPE_SZ, 0));
    for (int i = 0; i < 6; i++) say("write 1500", write(p[1], buffer, 1500));
    say("read bad", read(p[0], nowhere, 100));
    say("write bad", write(p[1], nowhere, 100));
    say("lseek", lseek(p[0], 0, SEEK_SET));
    say("pread", pread(p[0], buffer, 1, 0));
    say("read from writer", read(p[1], buffer, 1));
    struct stat st;
    say("fstat", fstat(p[0], &st));
    say("mode", st.st_mode);
    int q[2];
    say("packets", pipe2(q, O_DIRECT | O_NONBLOCK));
    write(q[1], "abc", 3);
    write(q[1], "defg", 4);
    say("packet", read(q[0], buffer, 100));
    say("packet cut", read(q[0], buffer, 2));
    say("packet gone", read(q[0], buffer, 2));
    close(p[1]);
    while (read(p[0], buffer, sizeof buffer) > 0) {
    }
    say("end", read(p[0], buffer, 1));
    say("poll hang-up", events_of(p[0]));
    close(q[0]);
    signal(SIGPIPE, SIG_IGN);
    say("broken", write(q[1], "x", 1));
    say("poll broken", events_of(q[1]));
    int r[2];
    pipe2(r, O_NONBLOCK);
    write(q[1], "", 0);
    write(r[1], "spliced", 7);
    int t[2];
    pipe2(t, O_NONBLOCK);
    say("tee", tee(r[0], t[1], 4, 0));
    say("splice", splice(r[0], NULL, t[1], NULL, 100, 0));
    say("read", read(t[0], buffer, 100));
    printf("%.11s\n", buffer);
    say("splice empty", splice(r[0], NULL, t[1], NULL, 100, 0));
    say("splice self", splice(t[0], NULL, t[1], NULL, 100, 0));
    struct iovec v[2] = {{"ab", 2}, {"cd", 2}};
    say("vmsplice", vmsplice(t[1], v, 2, 0));
    say("read", read(t[0], buffer, 100));
}

static void events(void) {
    int e = eventfd(3, EFD_NONBLOCK);
    uint64_t v = 0;
    say("eventfd read", read(e, &v, 8));
    say("value", v);
    say("again", read(e, &v, 8));
    say("short", read(e, &v, 7));
    v = 0xfffffffffffffffe;
    say("write max", write(e, &v, 8));
    v = 1;
    say("write over", write(e, &v, 8));
    say("poll", events_of(e));
    v = ~0ull;
    say("write -1", write(e, &v, 8));
    int s = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    read(s, &v, 8);
    say("semaphore", v);
    say("bad flags", eventfd(0, 4));
    int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    say("timer read", read(t, &v, 8));
    struct itimerspec spec = {{0, 1000000}, {0, 1}}, old;
    say("settime", timerfd_settime(t, 0, &spec, &old));
    struct timespec nap = {0, 5000000};
    nanosleep(&nap, NULL);
    say("timer poll", events_of(t));
    say("timer read", read(t, &v, 8));
    printf("ticks %s\n", v >= 5 ? "at least 5" : "few");
    spec.it_value.tv_nsec = 1000000000;
    say("bad time", timerfd_settime(t, 0, &spec, NULL));
    say("bad clock", timerfd_create(77, 0));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int g = signalfd(-1, &set, SFD_NONBLOCK);
    struct signalfd_siginfo info[3];
    say("no signal", read(g, info, sizeof info));
    kill(getpid(), SIGUSR2);
    kill(getpid(), SIGUSR1);
    say("poll", events_of(g));
    say("two signals", read(g, info, sizeof info));
    say("first", info[0].ssi_signo);
    say("code", info[0].ssi_code);
    say("mine", info[0].ssi_pid == (unsigned)getpid());
    say("second", info[1].ssi_signo);
    say("too short", read(g, info, 100));
}

static void epolls(void) {
    int e = epoll_create1(0), p[2], f = eventfd(0, EFD_NONBLOCK);
    pipe2(p, O_NONBLOCK);
    struct epoll_event ev = {EPOLLIN, {.u64 = 1}}, out[4];
    say("add", epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev));
    say("add again", epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev));
    ev.events = EPOLLIN | EPOLLOUT | EPOLLET;
    ev.data.u64 = 2;
    say("add", epoll_ctl(e, EPOLL_CTL_ADD, f, &ev));
    say("self", epoll_ctl(e, EPOLL_CTL_ADD, e, &ev));
    say("file", epoll_ctl(e, EPOLL_CTL_ADD, open("/dev/null", O_RDWR), &ev));
    say("bad fd", epoll_ctl(e, EPOLL_CTL_ADD, 999, &ev));
    say("del absent", epoll_ctl(e, EPOLL_CTL_DEL, p[1], NULL));
    say("wait", epoll_wait(e, out, 4, 0));
    say("event", out[0].events);
    say("edge gone", epoll_wait(e, out, 4, 0));
    write(p[1], "x", 1);
    say("level", epoll_wait(e, out, 4, 0));
    say("level again", epoll_wait(e, out, 4, 0));
    say("data", out[0].data.u64);
    uint64_t one = 1;
    write(f, &one, 8);
    int n = epoll_wait(e, out, 4, 0);
    say("both", n);
    for (int i = 0; i < n; i++) printf("  %x %d\n", out[i].events, (int)out[i].data.u64);
    say("one at a time", epoll_wait(e, out, 1, 0));
    ev.events = EPOLLIN | EPOLLONESHOT;
    ev.data.u64 = 3;
    say("mod", epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev));
    say("oneshot", epoll_wait(e, out, 4, 0));
    say("oneshot gone", epoll_wait(e, out, 4, 0));
    say("rearm", epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev));
    say("oneshot", epoll_wait(e, out, 4, 0));
    say("epoll poll", events_of(e));
    int outer = epoll_create1(0);
    ev.events = EPOLLIN;
    say("nest", epoll_ctl(outer, EPOLL_CTL_ADD, e, &ev));
    say("loop", epoll_ctl(e, EPOLL_CTL_ADD, outer, &ev));
    write(f, &one, 8);
    say("outer", epoll_wait(outer, out, 4, 0));
    say("del", epoll_ctl(e, EPOLL_CTL_DEL, f, NULL));
    say("outer", epoll_wait(outer, out, 4, 0));
    close(p[0]);
    close(p[1]);
    say("closed", epoll_wait(e, out, 4, 0));
    say("zero", epoll_wait(e, out, 0, 0));
    say("timeout", epoll_wait(e, out, 4, 5));
    say("not epoll", epoll_wait(f, out, 4, 0));
}

static int send_fd(int s, int fd) {
    char c[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec v = {"F", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
    struct cmsghdr* h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &fd, sizeof fd);
    return sendmsg(s, &m, 0);
}

static int receive_fd(int s, int flags) {
    char c[CMSG_SPACE(sizeof(int))];
    struct iovec v = {buffer, 10};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
    say("recvmsg", recvmsg(s, &m, flags));
    say("flags", m.msg_flags);
    struct cmsghdr* h = CMSG_FIRSTHDR(&m);
    int fd = -1;
    if (h && h->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(h), sizeof fd);
    return fd;
}

/// Two sockets that only wait in each other's queues, with a pipe's end: all of it is closed.
static void ring(void) {
    int s[2], p[2];
    say("pair", socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    pipe(p);
    say("itself", send_fd(s[0], s[1]));
    say("the other", send_fd(s[1], s[0]));
    say("an end", send_fd(s[0], p[1]));
    close(p[1]);
    close(s[0]);
    close(s[1]);
    close(socket(AF_UNIX, SOCK_STREAM, 0));
    say("the end", read(p[0], buffer, 1));
    close(p[0]);
}

static void sockets(void) {
    ring();
    int s[2];
    say("socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
    say("poll", events_of(s[0]));
    say("recv", recv(s[0], buffer, 10, 0));
    say("send", send(s[0], "hello world", 11, 0));
    say("peek", recv(s[1], buffer, 5, MSG_PEEK));
    say("recv", recv(s[1], buffer, 5, 0));
    say("recv", recv(s[1], buffer, 100, 0));
    printf("%.6s\n", buffer);
    int p[2];
    pipe(p);
    say("send fd", send_fd(s[0], p[1]));
    int got = receive_fd(s[1], MSG_CMSG_CLOEXEC);
    say("got", got > 2);
    say("cloexec", fcntl(got, F_GETFD));
    say("through", write(got, "pp", 2));
    say("through", read(p[0], buffer, 10));
    struct sockaddr_un a = {AF_UNIX, ""};
    socklen_t n = sizeof a;
    say("name", getsockname(s[0], (void*)&a, &n));
    say("name size", n);
    struct ucred u;
    n = sizeof u;
    say("peercred", getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &u, &n));
    say("mine", u.pid == getpid());
    say("shutdown", shutdown(s[0], SHUT_WR));
    say("after", send(s[0], "x", 1, MSG_NOSIGNAL));
    say("end", recv(s[1], buffer, 1, 0));
    say("poll", events_of(s[1]));
    say("poll", events_of(s[0]));
    send(s[1], "lost", 4, 0);
    close(s[0]);
    say("poll", events_of(s[1]));
    say("reset", send(s[1], "x", 1, MSG_NOSIGNAL));
    say("recv", recv(s[1], buffer, 1, 0));
    say("recv", recv(s[1], buffer, 1, 0));
    int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    strcpy(a.sun_path + 1, "mmuscope-ipc-test");
    n = sizeof(sa_family_t) + 1 + strlen("mmuscope-ipc-test");
    a.sun_path[0] = 0;
    say("refused", connect(c, (void*)&a, n));
    say("bind", bind(l, (void*)&a, n));
    say("bind again", bind(l, (void*)&a, n));
    say("not listening", connect(c, (void*)&a, n));
    say("listen", listen(l, 2));
    say("connect", connect(c, (void*)&a, n));
    say("connect again", connect(c, (void*)&a, n));
    say("poll", events_of(l));
    n = sizeof a;
    int d = accept4(l, (void*)&a, &n, SOCK_CLOEXEC);
    say("peer size", n);
    say("write", write(c, "to server", 9));
    say("read", read(d, buffer, 100));
    n = sizeof a;
    say("peer", getpeername(c, (void*)&a, &n));
    printf("%d %s\n", (int)n, a.sun_path + 1);
    int pending = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int type = 0;
    n = sizeof type;
    say("type", getsockopt(pending, SOL_SOCKET, SO_TYPE, &type, &n) + type);
    say("no such option", getsockopt(pending, SOL_SOCKET, 9999, &type, &n));
    say("poll unconnected", events_of(pending));
    say("send unconnected", send(pending, "x", 1, MSG_NOSIGNAL));
    say("path missing",
        connect(pending, (struct sockaddr*)&(struct sockaddr_un){AF_UNIX, "/nonexistent/x"}, 110));
    say("family", socket(AF_AX25 + 30, SOCK_STREAM, 0));
    say("type", socket(AF_UNIX, 9, 0));
    say("proto", socket(AF_UNIX, SOCK_STREAM, 7));
    int g[2];
    say("dgram", socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, g));
    send(g[0], "one", 3, 0);
    send(g[0], "", 0, 0);
    send(g[0], "three", 5, 0);
    say("one", recv(g[1], buffer, 100, 0));
    say("empty", recv(g[1], buffer, 100, 0));
    say("cut", recv(g[1], buffer, 2, MSG_TRUNC));
    say("none", recv(g[1], buffer, 2, 0));
    say("too long", send(g[0], buffer, 1 << 17 << 1, 0));
    int q[2];
    say("seqpacket", socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, q));
    send(q[0], "packet", 6, 0);
    say("cut", recv(q[1], buffer, 3, 0));
    say("none", recv(q[1], buffer, 3, 0));
    say("not a socket", listen(0, 1));
    say("ioctl", ioctl(q[0], FIONREAD, &type));
}

static void selects(void) {
    int p[2];
    pipe(p);
    fd_set r, w;
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_SET(p[0], &r);
    FD_SET(p[1], &w);
    struct timeval t = {5, 0};
    say("select", select(p[1] + 1, &r, &w, NULL, &t));
    say("reader", FD_ISSET(p[0], &r));
    say("writer", FD_ISSET(p[1], &w));
    printf("left %s\n", t.tv_sec >= 4 ? "most" : "none");
    struct timespec ts = {0, 1000000};
    struct pollfd f = {p[0], POLLIN, 0};
    say("ppoll", ppoll(&f, 1, &ts, NULL));
    say("bad set", select(p[1] + 1, (void*)8, NULL, NULL, &t));
    close(p[0]);
    FD_SET(p[0], &r);
    say("closed", select(p[1] + 1, &r, NULL, NULL, &t));
}

int main(void) {
    pipes();
    events();
    epolls();
    sockets();
    selects();
    return 0;
}
