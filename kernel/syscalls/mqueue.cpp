// POSIX message queues: mq_open and its kin. Linux: ipc/mqueue.c. Deviation: SIGEV_THREAD's netlink socket is
// not there (EINVAL); names do not show in /dev/mqueue.
#include <fcntl.h>
#include <mqueue.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

#include "kernel/fs/files.h"
#include "kernel/fs/mqueue.h"
#include "kernel/host/host.h"
#include "kernel/signal.h"
#include "kernel/syscalls/functions.h"
#include "kernel/time_values.h"

namespace kernel::calls {

namespace {

constexpr u64 kMostPriorities = 32768, kMostQueues = 256;
constexpr u64 kMostMessages = 10, kMostSize = 8192, kHardMessages = 65536, kHardSize = 16 << 20;
constexpr u64 kMessageObject = 48 + 8;  ///< struct msg_msg and its tree node, as RLIMIT_MSGQUEUE counts
constexpr int kSiMesgq = -3;

/// struct mq_attr of the kernel.
struct Attributes {
    i64 flags = 0, most_messages = 0, message_size = 0, count = 0, unused[4] = {};
};

bool valid(const Attributes& attributes) {
    const bool hard = host::geteuid() == 0;  // CAP_SYS_RESOURCE
    const auto in = [](i64 value, u64 most) { return value > 0 && static_cast<u64>(value) <= most; };
    return in(attributes.most_messages, hard ? kHardMessages : kMostMessages) &&
           in(attributes.message_size, hard ? kHardSize : kMostSize);
}

/// What all queues of the guest take of RLIMIT_MSGQUEUE.
u64 bytes_in_use(KernelState& kernel) {
    u64 sum = 0;
    for (const auto& [id, queue] : kernel.ipc.mqueues)
        sum += queue.most_messages * (queue.message_size + kMessageObject);
    return sum;
}

/// The queue's name: one component.
mmu::Expected<std::string, int> queue_name(Syscall& call) {
    auto name = call.path(0);
    if (!name) return name;
    if (name->empty()) return mmu::Unexpected{ENOENT};
    if (name->find('/') != std::string::npos || *name == "." || *name == "..") return mmu::Unexpected{EACCES};
    if (name->size() > 255) return mmu::Unexpected{ENAMETOOLONG};
    return name;
}

/// inode_permission() of a queue that belongs to the user.
bool permitted(const PosixQueue& queue, int access) {
    const u32 wanted = access == O_RDONLY ? 0400 : access == O_WRONLY ? 0200 : 0600;
    return host::geteuid() == 0 || (queue.mode & wanted) == wanted;
}

OpenFile queue_file(KernelState& kernel, u32 id, const std::string& name, int flags) {
    PosixQueue& queue = kernel.ipc.mqueues.at(id);
    ++queue.open_files;
    OpenFile file = anon_file(kMqueueOperations, id, flags & (O_ACCMODE | O_NONBLOCK));
    file.type = S_IFREG;
    file.path = "/" + name;
    file.status.st_mode = S_IFREG | queue.mode;
    file.status.st_size = 80;  // FILENT_SIZE
    file.status.st_uid = host::geteuid();
    file.status.st_gid = host::getegid();
    file.status.st_ino = 2 + id;
    return file;
}

/// mqueue_create_attr()
mmu::Expected<u32, int> create_queue(Syscall& call, const std::string& name, u32 mode,
                                     const Attributes* attributes) {
    KernelState& kernel = call.kernel;
    if (attributes && !valid(*attributes)) return mmu::Unexpected{EINVAL};
    if (kernel.ipc.mqueue_names.size() >= kMostQueues && host::geteuid() != 0) return mmu::Unexpected{ENOSPC};
    PosixQueue queue;
    if (attributes) {
        queue.most_messages = static_cast<u64>(attributes->most_messages);
        queue.message_size = static_cast<u64>(attributes->message_size);
    }
    const u64 bytes = queue.most_messages * (queue.message_size + kMessageObject);
    if (bytes_in_use(kernel) + bytes > call.mm().rlimit(kRlimitMsgqueue)) return mmu::Unexpected{EMFILE};
    queue.mode = mode & 0777 & ~kernel.fs_of(call.task).umask;
    const u32 id = kernel.ipc.mqueues.add(std::move(queue));
    kernel.ipc.mqueue_names[name] = id;
    return id;
}

/// The queue behind a descriptor. EBADF: it is none, or not open for `access`.
mmu::Expected<OpenFile*, int> queue_descriptor(Syscall& call, int access) {
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file || !is_object(*file, kMqueueOperations)) return mmu::Unexpected{EBADF};
    if ((access == O_WRONLY && !file->writable()) || (access == O_RDONLY && !file->readable()))
        return mmu::Unexpected{EBADF};
    return file;
}

/// prepare_timeout(): an absolute time of CLOCK_REALTIME, kept for all tries. 0 or -errno.
i64 prepare_timeout(Syscall& call) {
    if (!call.args[4]) return 0;
    timespec until{};
    if (call.get(until, call.args[4])) return -EFAULT;
    if (!kernel::valid(until)) return -EINVAL;
    const u64 ns = ns_of(until), epoch = realtime_base_ns(call.kernel);
    call.task.blocked_call.deadline_ns = std::max<u64>(ns > epoch ? ns - epoch : 0, 1);
    return 0;
}

/// wq_sleep()
i64 wait_for_queue(Syscall& call, const OpenFile& file) {
    if (file.flags & O_NONBLOCK) return -EAGAIN;
    if (call.timed_out()) return -ETIMEDOUT;
    return call.wait_on({kMqueueOperations.key(call.task, file)});
}

/// __do_notify(): the first message into an empty queue that nobody waits at.
void notify_arrival(Syscall& call, PosixQueue& queue) {
    const int pid = std::exchange(queue.notify_pid, 0);
    Task* target = call.kernel.find_task(pid);
    if (!target || !queue.notify_signal) return;
    SigInfo info;
    info.signo = queue.notify_signal;
    info.code = kSiMesgq;
    info.layout = SigInfo::Layout::kRt;
    info.pid = call.task.tgid;
    info.uid = host::getuid();
    info.value = queue.notify_value;
    (void)send_group_signal(call.kernel, *target, info);
}

Attributes attributes_of(const OpenFile& file, const PosixQueue& queue) {
    Attributes attributes;
    attributes.flags = file.flags & O_NONBLOCK;
    attributes.most_messages = static_cast<i64>(queue.most_messages);
    attributes.message_size = static_cast<i64>(queue.message_size);
    attributes.count = static_cast<i64>(queue.count);
    return attributes;
}

}  // namespace

i64 mq_open(Syscall& call) {
    const int flags = call.integer(1);
    Attributes attributes;
    if (call.args[3] && call.get(attributes, call.args[3])) return -EFAULT;
    const auto name = queue_name(call);
    if (!name) return -name.error();
    if (call.files().lowest_free(0, call.mm().rlimit(kRlimitNofile)) < 0) return -EMFILE;
    auto& names = call.kernel.ipc.mqueue_names;
    const auto found = names.find(*name);
    u32 id = 0;
    if (found != names.end()) {
        if ((flags & O_CREAT) && (flags & O_EXCL)) return -EEXIST;
        if ((flags & O_ACCMODE) == O_ACCMODE) return -EINVAL;
        id = found->second;
        if (!permitted(call.kernel.ipc.mqueues.at(id), flags & O_ACCMODE)) return -EACCES;
    } else {
        if (!(flags & O_CREAT)) return -ENOENT;
        const auto made =
            create_queue(call, *name, static_cast<u32>(call.args[2]), call.args[3] ? &attributes : nullptr);
        if (!made) return -made.error();
        id = *made;
    }
    return install_file(call.kernel, call.task, queue_file(call.kernel, id, *name, flags), true);
}

i64 mq_unlink(Syscall& call) {
    const auto name = queue_name(call);
    if (!name) return -name.error();
    const auto found = call.kernel.ipc.mqueue_names.find(*name);
    if (found == call.kernel.ipc.mqueue_names.end()) return -ENOENT;
    const u32 id = found->second;
    call.kernel.ipc.mqueue_names.erase(found);
    call.kernel.ipc.mqueues.at(id).named = false;
    mqueue_drop(call.kernel, id);
    return 0;
}

i64 mq_timedsend(Syscall& call) {
    const u64 size = call.args[2], priority = static_cast<u32>(call.args[3]);
    if (!call.task.blocked_call.deadline_ns)
        if (const i64 error = prepare_timeout(call)) return error;
    if (priority >= kMostPriorities) return -EINVAL;
    const auto file = queue_descriptor(call, O_WRONLY);
    if (!file) return -file.error();
    PosixQueue& queue = call.kernel.ipc.mqueues.at((*file)->object);
    if (size > queue.message_size) return -EMSGSIZE;
    std::string text(size, '\0');
    if (copy_from_user(call.system(), call.mm(), text.data(), call.args[1], size)) return -EFAULT;
    if (queue.count >= queue.most_messages) return wait_for_queue(call, **file);
    if (!queue.count && !queue.receivers && queue.notify_pid) notify_arrival(call, queue);
    queue.messages[static_cast<u32>(priority)].push_back(std::move(text));
    ++queue.count;
    queue.bytes += size;
    wake_up(call.kernel, kMqueueOperations.key(call.task, **file));
    return 0;
}

i64 mq_timedreceive(Syscall& call) {
    u64& waiting = call.task.blocked_call.progress;
    if (!call.task.blocked_call.deadline_ns)
        if (const i64 error = prepare_timeout(call)) return error;
    const auto file = queue_descriptor(call, O_RDONLY);
    if (!file) return -file.error();
    PosixQueue& queue = call.kernel.ipc.mqueues.at((*file)->object);
    if (std::exchange(waiting, 0) && queue.receivers) --queue.receivers;
    if (call.args[2] < queue.message_size) return -EMSGSIZE;
    if (!queue.count) {
        const i64 result = wait_for_queue(call, **file);
        if (result == -kCallBlocked) {
            waiting = 1;
            ++queue.receivers;
        }
        return result;
    }
    const auto highest = queue.messages.begin();
    const u32 priority = highest->first;
    const std::string text = std::move(highest->second.front());
    highest->second.pop_front();
    if (highest->second.empty()) queue.messages.erase(highest);
    --queue.count;
    queue.bytes -= text.size();
    wake_up(call.kernel, kMqueueOperations.key(call.task, **file));
    if (call.args[3] && call.put(priority, call.args[3])) return -EFAULT;
    if (copy_to_user(call.system(), call.mm(), call.args[1], text.data(), text.size())) return -EFAULT;
    return static_cast<i64>(text.size());
}

i64 mq_notify(Syscall& call) {
    /// struct sigevent, as far as it is looked at.
    struct {
        u64 value = 0;
        int signal = 0, notify = 0;
        u64 rest[6] = {};
    } event;
    static_assert(sizeof event == sizeof(sigevent));
    if (call.args[1]) {
        if (call.get(event, call.args[1])) return -EFAULT;
        if (event.notify != SIGEV_NONE && event.notify != SIGEV_SIGNAL) return -EINVAL;
        if (event.notify == SIGEV_SIGNAL && (event.signal < 0 || event.signal > kSignals)) return -EINVAL;
    }
    const auto file = queue_descriptor(call, O_ACCMODE);
    if (!file) return -file.error();
    PosixQueue& queue = call.kernel.ipc.mqueues.at((*file)->object);
    if (!call.args[1]) {
        if (queue.notify_pid == call.task.tgid) queue.notify_pid = 0;
        return 0;
    }
    if (queue.notify_pid) return -EBUSY;
    queue.notify_pid = call.task.tgid;
    queue.notify_signal = event.notify == SIGEV_SIGNAL ? event.signal : 0;
    queue.notify_value = event.value;
    return 0;
}

i64 mq_getsetattr(Syscall& call) {
    Attributes fresh;
    if (call.args[1]) {
        if (call.get(fresh, call.args[1])) return -EFAULT;
        if (fresh.flags & ~i64{O_NONBLOCK}) return -EINVAL;
    }
    const auto file = queue_descriptor(call, O_ACCMODE);
    if (!file) return -file.error();
    const Attributes old = attributes_of(**file, call.kernel.ipc.mqueues.at((*file)->object));
    if (call.args[1])
        (*file)->flags = ((*file)->flags & ~O_NONBLOCK) | static_cast<int>(fresh.flags & O_NONBLOCK);
    return call.args[2] ? call.put(old, call.args[2]) : 0;
}

}  // namespace kernel::calls
