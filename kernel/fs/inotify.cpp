// Purpose: see inotify.h. Linux: fs/notify/inotify/inotify_user.c, inotify_fsnotify.c.
#include "kernel/fs/inotify.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "kernel/fs/files.h"
#include "kernel/fs/user_stream.h"
#include "kernel/host/host.h"
#include "kernel/state.h"

namespace kernel {

namespace {

using Identity = FileBacking::Identity;

constexpr usize kMaxEvents = 16384, kMaxWatches = 65536;
constexpr usize kMaxEventsOfAll = 16 * kMaxEvents;  ///< Deviation: for the kernel's memory
/// What the host is asked for: changes, and the end of writing.
constexpr u32 kHostMask = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE |
                          IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;

WaitKey key_of_id(u32 id) {
    return wait_key(WaitKind::kInotify, id);
}

void queue_event(KernelState& kernel, u32 id, Inotify& inotify, InotifyEvent event) {
    if (!inotify.events.empty()) {  // inotify_merge()
        const InotifyEvent& last = inotify.events.back();
        if (last.wd == event.wd && last.mask == event.mask && last.name == event.name) return;
    }
    usize all = 0;
    for (const auto& [other_id, other] : kernel.ipc.inotifies) all += other.events.size();
    if (inotify.events.size() >= kMaxEvents || all >= kMaxEventsOfAll) {
        if (inotify.overflowed) return;
        inotify.overflowed = true;
        event = {-1, IN_Q_OVERFLOW, 0, {}};
    }
    inotify.events.push_back(std::move(event));
    wake_up(kernel, key_of_id(id));
    kill_fasync(kernel, key_of_id(id), IoBand::kIn);
}

/// The last watch of the guest's on an object takes the host's with it.
void drop_host_watch(KernelState& kernel, const Identity& identity) {
    HostWatches& host = kernel.ipc.host_watches;
    const auto found = host.watches.find(identity);
    if (found == host.watches.end() || --found->second.users) return;
    if (found->second.wd >= 0) (void)host::inotify_rm_watch(host.inotify.get(), found->second.wd);
    host.watches.erase(found);
}

void end_watch(KernelState& kernel, u32 id, Inotify& inotify, int wd) {
    const Identity identity = inotify.watches.at(wd).identity;
    inotify.watches.erase(wd);
    queue_event(kernel, id, inotify, {wd, IN_IGNORED, 0, {}});
    drop_host_watch(kernel, identity);
}

u64 record_size(const InotifyEvent& event) {
    constexpr u64 kUnit = sizeof(struct inotify_event);
    return kUnit + (event.name.empty() ? 0 : (event.name.size() + kUnit) / kUnit * kUnit);
}

/// copy_event_to_user()
std::string record_of(const InotifyEvent& event) {
    std::string bytes(record_size(event), '\0');
    struct inotify_event head {};
    head.wd = event.wd;
    head.mask = event.mask;
    head.cookie = event.cookie;
    head.len = static_cast<u32>(bytes.size() - sizeof head);
    std::memcpy(bytes.data(), &head, sizeof head);
    std::memcpy(bytes.data() + sizeof head, event.name.data(), event.name.size());
    return bytes;
}

i64 read_events(FileCall& call, UserStream& to, u64 size) {
    inotify_hear_host(call.kernel, HostNews::kBeforeCall);
    Inotify& inotify = call.kernel.ipc.inotifies.at(call.file.object);
    u64 done = 0;
    while (!inotify.events.empty()) {
        const InotifyEvent& event = inotify.events.front();
        if (record_size(event) > size - done) return done ? static_cast<i64>(done) : -EINVAL;
        const std::string bytes = record_of(event);
        if (event.mask & IN_Q_OVERFLOW) inotify.overflowed = false;
        inotify.events.pop_front();
        if (to.put(reinterpret_cast<const u8*>(bytes.data()), bytes.size()) != bytes.size()) return -EFAULT;
        done += bytes.size();
    }
    return done ? static_cast<i64>(done) : -EAGAIN;
}

short poll_events(KernelState& kernel, Task&, const OpenFile& file) {
    inotify_hear_host(kernel, HostNews::kBeforeCall);
    return kernel.ipc.inotifies.at(file.object).events.empty() ? short{0} : short{POLLIN | POLLRDNORM};
}

WaitKey events_key(const Task&, const OpenFile& file) {
    return key_of_id(file.object);
}

void watch_host(KernelState& kernel, Task&, const OpenFile&, short, WaitFor& wait) {
    const HostWatches& host = kernel.ipc.host_watches;
    if (host.inotify && !host.watches.empty()) wait.host.push_back({host.inotify.get(), POLLIN, 0});
}

void release_inotify(KernelState& kernel, OpenFile& file) {
    const Inotify inotify = std::move(kernel.ipc.inotifies.at(file.object));
    kernel.ipc.inotifies.erase(file.object);
    for (const auto& [wd, watch] : inotify.watches) drop_host_watch(kernel, watch.identity);
    if (kernel.ipc.inotifies.empty()) kernel.ipc.host_watches.inotify = UniqueFd{};
}

i64 ioctl_inotify(FileCall& call, u64 request, u64 argument) {
    if (request != FIONREAD) return -ENOTTY;
    int bytes = 0;
    for (const InotifyEvent& event : call.kernel.ipc.inotifies.at(call.file.object).events)
        bytes += static_cast<int>(record_size(event));
    return put_user(call.kernel.system, call.kernel.mm_of(call.task), bytes, argument);
}

/// inotify_show_fdinfo()
std::string show_watches(KernelState& kernel, const OpenFile& file) {
    std::string text;
    for (const auto& [wd, watch] : kernel.ipc.inotifies.at(file.object).watches) {
        char line[128];
        std::snprintf(line, sizeof line, "inotify wd:%x ino:%llx sdev:%llx mask:%x ignored_mask:0\n",
                      static_cast<unsigned>(wd), static_cast<unsigned long long>(watch.identity.ino),
                      static_cast<unsigned long long>(watch.identity.dev), watch.mask & IN_ALL_EVENTS);
        text += line;
    }
    return text;
}

void watch_on_host(KernelState& kernel, const Identity& identity, int pinned) {
    HostWatches& host = kernel.ipc.host_watches;
    HostWatches::Watch& watch = host.watches[identity];
    if (watch.users++ || pinned < 0) return;
    if (!host.inotify) host.inotify = UniqueFd{host::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    if (host.inotify)
        watch.wd = host::inotify_add_watch(host.inotify.get(), descriptor_path(pinned).c_str(), kHostMask);
}

/// One event of the host's: that of another program, unless the guest has just made it itself.
void hear_one(KernelState& kernel, const struct inotify_event& event, const std::string& name,
              HostNews when) {
    HostWatches& host = kernel.ipc.host_watches;
    const auto found = std::find_if(host.watches.begin(), host.watches.end(),
                                    [&](const auto& entry) { return entry.second.wd == event.wd; });
    if (found == host.watches.end()) return;
    const Identity identity = found->first;
    if (event.mask & IN_IGNORED) {
        found->second.wd = -1;
        return;
    }
    const u32 kind = event.mask & IN_ALL_EVENTS;
    // What the emulator does beside the guest's call: modes of new files, files that it holds open.
    if (when == HostNews::kAfterCall && (kind & (IN_ATTRIB | IN_CLOSE_WRITE))) return;
    for (const auto& [whose, what] : host.own)
        if (whose == identity && (what.first & kind) && what.second == name) return;
    u32 cookie = 0;
    if (event.cookie) {
        if (event.cookie != host.host_cookie) ++host.next_cookie;
        host.host_cookie = event.cookie;
        cookie = host.next_cookie - 1;
    }
    fsnotify_deliver(kernel, identity, event.mask & (IN_ALL_EVENTS | IN_ISDIR), cookie, name);
}

}  // namespace

const FileOperations kInotifyOperations = {.name = "anon_inode:inotify",
                                           .read = read_events,
                                           .poll = poll_events,
                                           .key = events_key,
                                           .release = release_inotify,
                                           .ioctl = ioctl_inotify,
                                           .watch = watch_host,
                                           .info = show_watches};

void fsnotify_deliver(KernelState& kernel, const Identity& identity, u32 mask, u32 cookie,
                      const std::string& name) {
    const bool self = mask & (IN_DELETE_SELF | IN_MOVE_SELF);
    const u32 shown = self ? mask & ~u32{IN_ISDIR} : mask;
    for (auto& [id, inotify] : kernel.ipc.inotifies) {
        std::vector<int> ended;
        for (const auto& [wd, watch] : inotify.watches) {
            if (watch.identity != identity) continue;
            if (watch.mask & mask & IN_ALL_EVENTS) {
                queue_event(kernel, id, inotify, {wd, shown, cookie, name});
                if (watch.mask & IN_ONESHOT) ended.push_back(wd);
            }
            if ((mask & IN_DELETE_SELF) && (ended.empty() || ended.back() != wd)) ended.push_back(wd);
        }
        for (const int wd : ended) end_watch(kernel, id, inotify, wd);
    }
}

i64 inotify_watch(KernelState& kernel, u32 id, int pinned, const struct stat& status, u32 mask) {
    constexpr u32 kKept = IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT;
    Inotify& inotify = kernel.ipc.inotifies.at(id);
    const Identity identity{status.st_dev, status.st_ino};
    for (auto& [wd, watch] : inotify.watches) {  // inotify_update_existing_watch()
        if (watch.identity != identity) continue;
        if (mask & IN_MASK_CREATE) return -EEXIST;
        watch.mask = (mask & IN_MASK_ADD ? watch.mask : 0) | (mask & kKept);
        return wd;
    }
    usize watches = 0;  // max_user_watches
    for (const auto& [other_id, other] : kernel.ipc.inotifies) watches += other.watches.size();
    if (watches >= kMaxWatches) return -ENOSPC;
    watch_on_host(kernel, identity, pinned);
    const int wd = inotify.next_wd++;
    inotify.watches[wd] = {identity, mask & kKept};
    return wd;
}

i64 inotify_unwatch(KernelState& kernel, u32 id, int wd) {
    Inotify& inotify = kernel.ipc.inotifies.at(id);
    if (!inotify.watches.count(wd)) return -EINVAL;
    end_watch(kernel, id, inotify, wd);
    return 0;
}

void inotify_hear_host(KernelState& kernel, HostNews when) {
    HostWatches& host = kernel.ipc.host_watches;
    if (!host.inotify) return;
    alignas(struct inotify_event) char bytes[8192];
    while (true) {
        const ssize_t got = host::read(host.inotify.get(), bytes, sizeof bytes);
        if (got <= 0) break;
        for (ssize_t at = 0; at + static_cast<ssize_t>(sizeof(struct inotify_event)) <= got;) {
            struct inotify_event event;
            std::memcpy(&event, bytes + at, sizeof event);
            const ssize_t next = at + static_cast<ssize_t>(sizeof event + event.len);
            if (next > got) break;
            const char* name = bytes + at + sizeof event;
            hear_one(kernel, event, std::string(name, ::strnlen(name, event.len)), when);
            at = next;
        }
    }
    if (when == HostNews::kAfterCall) host.own.clear();
}

}  // namespace kernel
