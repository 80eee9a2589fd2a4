// epoll: items become ready when their file wakes, as with Linux's callbacks, so that level, edge and
// one-shot triggers and the order of events are Linux's. Host descriptors are watched by an epoll of the
// host's, always edge-triggered, which is their callback. Linux: fs/eventpoll.c.
#pragma once

#include <sys/epoll.h>

#include <deque>
#include <map>

#include "kernel/fs/anon_inode.h"

namespace kernel {

/// A descriptor and its open file: the same file can be watched under two numbers.
using EpollKey = std::pair<int, OpenFileId>;

struct EpollItem {
    u32 events = 0;  ///< EPOLLIN, ... and EPOLLET, EPOLLONESHOT; 0 but for those two bits: disabled
    u64 data = 0;
    bool listed = false;  ///< in the ready list
    WaitKey key = 0;
};

/// eventpoll.
struct Epoll {
    std::map<EpollKey, EpollItem> items;
    std::deque<EpollKey> ready;
    UniqueFd host;  ///< made when the first host descriptor is added
};

extern const FileOperations kEpollOperations;

/// epoll_ctl(2). 0 or -errno.
i64 epoll_control(KernelState& kernel, Task& task, OpenFile& file, int operation, int fd, OpenFile& target,
                  const epoll_event& event);
/// ep_send_events(): up to `limit` events that hold now; takes them off the ready list as their triggers say.
std::vector<epoll_event> epoll_collect(KernelState& kernel, Task& task, OpenFile& file, usize limit);
/// ep_poll_callback(): a file that items watch has woken (wake_up()).
void epoll_notify(KernelState& kernel, WaitKey key, short events);
/// eventpoll_release(): the last descriptor of the file is gone.
void epoll_forget(KernelState& kernel, const OpenFile& file);

}  // namespace kernel
