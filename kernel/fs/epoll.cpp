#include "kernel/fs/epoll.h"

#include <poll.h>

#include <algorithm>

#include "kernel/errno.h"
#include "kernel/fs/event_files.h"
#include "kernel/fs/file_io.h"
#include "kernel/fs/inotify.h"
#include "kernel/host/host.h"
#include "kernel/state.h"

namespace kernel {

namespace {

constexpr u32 kPrivate = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;  ///< EP_PRIVATE_BITS
constexpr int kMaxNests = 4;                                                     ///< EP_MAX_NESTS

Epoll& epoll_at(KernelState& kernel, const OpenFile& file) {
    return kernel.ipc.epolls.at(file.object);
}

WaitKey key_of_id(u32 id) {
    return wait_key(WaitKind::kEpoll, id);
}

/// An item goes to the end of the ready list, and those hear of it who wait for the epoll or watch it, even
/// if it is listed already.
void list(KernelState& kernel, u32 id, const EpollKey& name, EpollItem& item) {
    if (!item.listed) kernel.ipc.epolls.at(id).ready.push_back(name);
    item.listed = true;
    wake_up(kernel, key_of_id(id));
}

short events_of(KernelState& kernel, Task& task, const EpollKey& name, const EpollItem& item) {
    if (!(item.events & ~kPrivate)) return 0;
    return poll_file(kernel, task, kernel.files.at(name.second), static_cast<short>(item.events & 0xffff));
}

u64 pack(const EpollKey& name) {
    return static_cast<u64>(static_cast<u32>(name.first)) << 32 | name.second;
}

/// What the host's epoll has seen comes into the ready list, and timers that are due expire.
void refresh(KernelState& kernel, u32 id) {
    run_timer_files(kernel);
    inotify_hear_host(kernel, HostNews::kBeforeCall);
    Epoll& epoll = kernel.ipc.epolls.at(id);
    if (!epoll.host) return;
    epoll_event events[64];
    while (true) {
        const int count = host::epoll_wait(epoll.host.get(), events, 64, 0);
        for (int i = 0; i < count; ++i) {
            const EpollKey name{static_cast<int>(events[i].data.u64 >> 32),
                                static_cast<u32>(events[i].data.u64)};
            if (const auto found = epoll.items.find(name); found != epoll.items.end())
                list(kernel, id, name, found->second);
        }
        if (count < 64) return;
    }
}

/// How deep epolls watch epolls from here; beyond the limit for a loop.
int depth_below(KernelState& kernel, u32 id, u32 searched, int depth) {
    if (id == searched || depth > kMaxNests) return kMaxNests + 1;
    int deepest = depth;
    for (const auto& [name, item] : kernel.ipc.epolls.at(id).items) {
        const OpenFile& file = kernel.files.at(name.second);
        if (is_object(file, kEpollOperations))
            deepest = std::max(deepest, depth_below(kernel, file.object, searched, depth + 1));
    }
    return deepest;
}

bool watchable(const OpenFile& file) {
    if (file.kind == OpenFile::Kind::kObject) return file.ops->poll != nullptr;
    if (file.kind == OpenFile::Kind::kHost) return !file.regular() && file.type != S_IFDIR;
    return false;
}

i64 control_host(Epoll& epoll, int operation, const EpollKey& name, const OpenFile& target, u32 events) {
    if (target.kind != OpenFile::Kind::kHost) return 0;
    if (!epoll.host) epoll.host = UniqueFd{host::epoll_create1(EPOLL_CLOEXEC)};
    if (!epoll.host) return -errno;
    epoll_event event{};
    event.events = (events & 0xffff & ~u32{EPOLLEXCLUSIVE}) | EPOLLET;
    event.data.u64 = pack(name);
    // Two numbers of one host descriptor are one to the host; the second is told by the first.
    const int result = host::epoll_ctl(epoll.host.get(), operation, target.fd.get(), &event);
    return result < 0 && errno != EEXIST && errno != ENOENT ? -errno : 0;
}

void unwatch(KernelState& kernel, u32 id, const EpollKey& name, const EpollItem& item) {
    auto [first, last] = kernel.ipc.epoll_watch.equal_range(item.key);
    for (; first != last; ++first) {
        if (first->second != std::pair{id, name}) continue;
        kernel.ipc.epoll_watch.erase(first);
        return;
    }
}

void remove_item(KernelState& kernel, u32 id, const EpollKey& name) {
    Epoll& epoll = kernel.ipc.epolls.at(id);
    const auto found = epoll.items.find(name);
    unwatch(kernel, id, name, found->second);
    if (found->second.listed) std::erase(epoll.ready, name);
    epoll.items.erase(found);
}

i64 add_item(KernelState& kernel, Task& task, u32 id, const EpollKey& name, OpenFile& target,
             const epoll_event& event) {
    Epoll& epoll = kernel.ipc.epolls.at(id);
    const u32 events = event.events | EPOLLERR | EPOLLHUP;
    if (const i64 error = control_host(epoll, EPOLL_CTL_ADD, name, target, events)) return error;
    EpollItem& item = epoll.items[name];
    item.events = events;
    item.data = event.data.u64;
    if (target.kind == OpenFile::Kind::kObject && target.ops->key) {
        item.key = target.ops->key(task, target);
        kernel.ipc.epoll_watch.emplace(item.key, std::pair{id, name});
    }
    if (events_of(kernel, task, name, item)) list(kernel, id, name, item);
    return 0;
}

// What an epoll descriptor itself can do.

short poll(KernelState& kernel, Task& task, const OpenFile& file) {
    refresh(kernel, file.object);
    Epoll& epoll = epoll_at(kernel, file);
    // Items that are ready no more leave the list, as __ep_eventpoll_poll() drops them.
    while (!epoll.ready.empty()) {
        const EpollKey name = epoll.ready.front();
        if (events_of(kernel, task, name, epoll.items.at(name))) return POLLIN | POLLRDNORM;
        epoll.items.at(name).listed = false;
        epoll.ready.pop_front();
    }
    return 0;
}

WaitKey key_of(const Task&, const OpenFile& file) {
    return key_of_id(file.object);
}

void watch(KernelState& kernel, Task& task, const OpenFile& file, short, WaitFor& wait) {
    const Epoll& epoll = epoll_at(kernel, file);
    if (epoll.host) wait.host.push_back({epoll.host.get(), POLLIN, 0});
    for (const auto& [name, item] : epoll.items) {
        const OpenFile& target = kernel.files.at(name.second);
        if (target.kind == OpenFile::Kind::kObject)
            wait_on_file(kernel, task, target, static_cast<short>(item.events & 0xffff), wait);
    }
}

void release(KernelState& kernel, OpenFile& file) {
    std::erase_if(kernel.ipc.epoll_watch,
                  [&](const auto& entry) { return entry.second.first == file.object; });
    kernel.ipc.epolls.erase(file.object);
}

}  // namespace

const FileOperations kEpollOperations = {
    .name = "anon_inode:[eventpoll]", .poll = poll, .key = key_of, .release = release, .watch = watch};

i64 epoll_control(KernelState& kernel, Task& task, OpenFile& file, int operation, int fd, OpenFile& target,
                  const epoll_event& event) {
    if (!watchable(target)) return -EPERM;
    if (!is_object(file, kEpollOperations) || &file == &target) return -EINVAL;
    const u32 id = file.object;
    const EpollKey name{fd, target.id};
    const bool nested = is_object(target, kEpollOperations);
    if (operation != EPOLL_CTL_DEL && (event.events & EPOLLEXCLUSIVE)) {
        if (operation == EPOLL_CTL_MOD || nested) return -EINVAL;
        if (event.events &
            ~(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE))
            return -EINVAL;
    }
    if (operation == EPOLL_CTL_ADD && nested && depth_below(kernel, target.object, id, 1) > kMaxNests)
        return -ELOOP;
    Epoll& epoll = kernel.ipc.epolls.at(id);
    const auto found = epoll.items.find(name);
    switch (operation) {
        case EPOLL_CTL_ADD:
            if (found != epoll.items.end()) return -EEXIST;
            return add_item(kernel, task, id, name, target, event);
        case EPOLL_CTL_DEL:
            if (found == epoll.items.end()) return -ENOENT;
            (void)control_host(epoll, EPOLL_CTL_DEL, name, target, 0);
            remove_item(kernel, id, name);
            return 0;
        case EPOLL_CTL_MOD:
            if (found == epoll.items.end()) return -ENOENT;
            if (found->second.events & EPOLLEXCLUSIVE) return -EINVAL;
            found->second.events = event.events | EPOLLERR | EPOLLHUP;
            found->second.data = event.data.u64;
            if (const i64 error = control_host(epoll, EPOLL_CTL_MOD, name, target, event.events))
                return error;
            if (!found->second.listed && events_of(kernel, task, name, found->second))
                list(kernel, id, name, found->second);
            return 0;
        default:
            return -EINVAL;
    }
}

std::vector<epoll_event> epoll_collect(KernelState& kernel, Task& task, OpenFile& file, usize limit) {
    refresh(kernel, file.object);
    Epoll& epoll = epoll_at(kernel, file);
    std::vector<epoll_event> events;
    // Items that stay ready go to the end, behind those that have not been looked at.
    for (usize left = epoll.ready.size(); left && events.size() < limit; --left) {
        const EpollKey name = epoll.ready.front();
        epoll.ready.pop_front();
        EpollItem& item = epoll.items.at(name);
        item.listed = false;
        const short found = events_of(kernel, task, name, item);
        if (!found) continue;
        epoll_event event{};
        event.events = static_cast<u16>(found);
        event.data.u64 = item.data;
        events.push_back(event);
        if (item.events & EPOLLONESHOT) {
            item.events &= kPrivate;
        } else if (!(item.events & EPOLLET)) {
            item.listed = true;
            epoll.ready.push_back(name);
        }
    }
    return events;
}

void epoll_notify(KernelState& kernel, WaitKey key, short events) {
    if (kernel.ipc.epoll_watch.empty()) return;
    const auto [first, last] = kernel.ipc.epoll_watch.equal_range(key);
    std::vector<std::pair<u32, EpollKey>> woken, exclusive;
    // A wait queue's order: the last that was added comes first, exclusive ones after all others.
    for (auto watch = last; watch != first;) {
        const auto& [id, name] = (--watch)->second;
        const bool alone = kernel.ipc.epolls.at(id).items.at(name).events & EPOLLEXCLUSIVE;
        (alone ? exclusive : woken).push_back(watch->second);
    }
    woken.insert(woken.end(), exclusive.rbegin(), exclusive.rend());
    const u32 cause = static_cast<u16>(events);
    for (const auto& [id, name] : woken) {
        EpollItem& item = kernel.ipc.epolls.at(id).items.at(name);
        if (!(item.events & ~kPrivate) || (cause && !(cause & item.events))) continue;
        const bool somebody_waits = kernel.sched.sleepers.contains(key_of_id(id));
        list(kernel, id, name, item);
        if ((item.events & EPOLLEXCLUSIVE) && somebody_waits) return;  // one is enough
    }
}

void epoll_forget(KernelState& kernel, const OpenFile& file) {
    for (auto& [epoll_id, epoll] : kernel.ipc.epolls) {
        std::vector<EpollKey> gone;
        for (const auto& [name, item] : epoll.items)
            if (name.second == file.id) gone.push_back(name);
        for (const EpollKey& name : gone) {
            (void)control_host(epoll, EPOLL_CTL_DEL, name, file, 0);
            remove_item(kernel, epoll_id, name);
        }
    }
}

}  // namespace kernel
