// All objects that open files of our own stand for, by id. Linux has them behind file->private_data.
#pragma once

#include <map>

#include "kernel/fs/epoll.h"
#include "kernel/fs/event_files.h"
#include "kernel/fs/fasync.h"
#include "kernel/fs/inotify.h"
#include "kernel/fs/mqueue.h"
#include "kernel/fs/pidfd.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/tty.h"
#include "kernel/fs/unix_socket.h"
#include "mmu/base/check.h"

namespace kernel {

template <class T>
class ObjectTable {
  public:
    u32 add(T object) {
        objects_.emplace(next_, std::move(object));
        return next_++;
    }
    T& at(u32 id) {
        const auto found = objects_.find(id);
        CHECK(found != objects_.end(), id);
        return found->second;
    }
    T* find(u32 id) {
        const auto found = objects_.find(id);
        return found == objects_.end() ? nullptr : &found->second;
    }
    void erase(u32 id) { objects_.erase(id); }
    auto begin() { return objects_.begin(); }
    auto end() { return objects_.end(); }
    bool empty() const { return objects_.empty(); }

  private:
    std::map<u32, T> objects_;
    u32 next_ = 1;
};

struct IpcState {
    ObjectTable<Pipe> pipes;
    ObjectTable<EventFd> events;
    ObjectTable<TimerFd> timers;
    ObjectTable<SignalFd> signals;
    ObjectTable<Epoll> epolls;
    ObjectTable<Socket> sockets;
    ObjectTable<PidFd> pidfds;
    ObjectTable<Tty> ttys;
    ObjectTable<Inotify> inotifies;
    ObjectTable<PosixQueue> mqueues;
    std::map<std::string, u32> mqueue_names;
    HostWatches host_watches;
    std::map<std::pair<u64, u64>, u32> fifos;         ///< pipe of an open FIFO by the host's device and inode
    std::map<std::string, u32> socket_names;          ///< abstract names
    std::map<std::pair<u64, u64>, u32> socket_nodes;  ///< bound nodes by the host's device and inode
    std::multimap<WaitKey, std::pair<u32, EpollKey>> epoll_watch;  ///< items by what wakes them
    std::multimap<WaitKey, Fasync> fasync;                         ///< files that send SIGIO, likewise
    u64 next_inode = 1000;                                         ///< of pipes, sockets and anonymous inodes
};

}  // namespace kernel
