// Purpose: waiting for descriptors. See host.h.
#include <sys/inotify.h>

#include <csignal>
#include <ctime>

#include "kernel/host/perform.h"

namespace kernel::host {

int poll(pollfd* entries, usize count, int timeout_ms) {
    return static_cast<int>(perform({Call::kPoll, -1, false, static_cast<long>(count)},
                                    {In{entries, count * sizeof *entries}, given(timeout_ms)},
                                    {Out{entries, count * sizeof *entries}},
                                    [&] { return ::poll(entries, count, timeout_ms); }));
}
int epoll_create1(int flags) {
    return static_cast<int>(perform({Call::kEpollCreate1, -1, true, kAny}, {given(flags)}, {},
                                    [&] { return ::epoll_create1(flags); }));
}
int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
    return static_cast<int>(perform({Call::kEpollCtl, epoll, false, kAny},
                                    {given(epoll), given(operation), given(fd), In{event, sizeof *event}}, {},
                                    [&] { return ::epoll_ctl(epoll, operation, fd, event); }));
}
int epoll_wait(int epoll, epoll_event* events, int count, int timeout_ms) {
    return static_cast<int>(perform({Call::kEpollWait, epoll, false, count},
                                    {given(epoll), given(count), given(timeout_ms)},
                                    {Out{events, static_cast<usize>(count) * sizeof *events}},
                                    [&] { return ::epoll_wait(epoll, events, count, timeout_ms); }));
}
int inotify_init1(int flags) {
    return static_cast<int>(perform({Call::kInotifyInit1, -1, true, kAny}, {given(flags)}, {},
                                    [&] { return ::inotify_init1(flags); }));
}
int inotify_add_watch(int fd, const char* path, u32 mask) {
    return static_cast<int>(perform({Call::kInotifyAddWatch, fd, false, kAny},
                                    {given(fd), named(path), given(mask)}, {},
                                    [&] { return ::inotify_add_watch(fd, path, mask); }));
}
int inotify_rm_watch(int fd, int wd) {
    return static_cast<int>(perform({Call::kInotifyRmWatch, fd, false, kAny}, {given(fd), given(wd)}, {},
                                    [&] { return ::inotify_rm_watch(fd, wd); }));
}
int poll_unless(const volatile int* flag, pollfd* entries, usize count, mmu::i64 timeout_ms) {
    const auto wait = [&]() -> long {
        // Signals are held back between the look at the flag and the wait; ppoll lets them in again.
        sigset_t all, before;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before);
        int result = -1;
        errno = EINTR;
        if (!flag || !*flag) {
            const timespec timeout{timeout_ms / 1000, timeout_ms % 1000 * 1'000'000};
            result = ::ppoll(entries, count, timeout_ms < 0 ? nullptr : &timeout, &before);
        }
        const int error = errno;
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        errno = error;
        return result;
    };
    Seam& seam = Seam::get();
    if (timeout_ms && seam.mode() == Seam::Mode::kRecord) (void)seam.journal()->flush();  // it may last
    const usize size = count * sizeof(pollfd);
    const long result = perform({Call::kPollUnless, -1, false, static_cast<long>(count)},
                                {In{entries, size}, given(timeout_ms)}, {Out{entries, size}}, wait);
    return result < 0 ? -errno : static_cast<int>(result);
}

bool interrupted(const volatile int* flag) {
    return perform({Call::kInterrupted, -1, false, 1}, {}, {}, [&] { return flag && *flag ? 1 : 0; }) == 1;
}

}  // namespace kernel::host
