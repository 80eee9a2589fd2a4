// Purpose: msgget, msgsnd, msgrcv, msgctl. See msg.h. Linux: ipc/msg.c do_msgsnd(), pipelined_send(),
// do_msgrcv(). Deviation: no MSG_COPY (ENOSYS, as without CONFIG_CHECKPOINT_RESTORE).
#include "kernel/msg.h"

#include <sys/msg.h>

#include <climits>

#include "kernel/ipc_util.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"

namespace kernel {

namespace {

constexpr i64 kMsgMax = 8192, kMsgMnb = 16384, kMsgMni = 32000;
constexpr int kMsgStatAny = 13, kMsgCopy = 040000;

// What a waiting receiver's blocked_call.progress says; a finished one's has its errno above it.
constexpr u64 kQueued = 1, kFinished = 2;
constexpr unsigned kResultShift = 8;

WaitKey room_key(int id) {
    return wait_key(WaitKind::kMsg, static_cast<u64>(id));
}

void finish(KernelState& kernel, int pid, int error) {
    Task& task = kernel.tasks.at(pid);
    task.blocked_call.progress = kFinished | static_cast<u64>(error) << kResultShift;
    wake_task(kernel, task);
}

/// pipelined_send(): the first receiver that wants it has it at once. False: it stays in the queue.
bool hand_over(KernelState& kernel, MessageQueue& queue, Message& message) {
    for (usize i = 0; i < queue.receivers.size();) {
        const MessageQueue::Receiver receiver = queue.receivers[i];
        if (!receiver.choice.accepts(message.type)) {
            ++i;
            continue;
        }
        queue.receivers.erase(queue.receivers.begin() + static_cast<std::ptrdiff_t>(i));
        if (receiver.most < message.text.size()) {
            finish(kernel, receiver.pid, E2BIG);
            continue;
        }
        queue.last_receiver = kernel.tasks.at(receiver.pid).tgid;
        queue.rtime = ipc_now_seconds(kernel);
        queue.handed[receiver.pid] = std::move(message);
        finish(kernel, receiver.pid, 0);
        return true;
    }
    return false;
}

/// convert_mode()
MessageChoice choice_of(i64 type, int flags) {
    using Mode = MessageChoice::Mode;
    if (!type) return {};
    if (type < 0) return {Mode::kAtMost, type == LONG_MIN ? LONG_MAX : -type};
    return {flags & MSG_EXCEPT ? Mode::kNotEqual : Mode::kEqual, type};
}

/// find_msg()
std::deque<Message>::iterator find_message(MessageQueue& queue, const MessageChoice& choice) {
    auto best = queue.messages.end();
    for (auto at = queue.messages.begin(); at != queue.messages.end(); ++at) {
        if (!choice.accepts(at->type)) continue;
        if (choice.mode != MessageChoice::Mode::kAtMost) return at;
        if (best == queue.messages.end() || at->type < best->type) best = at;
    }
    return best;
}

/// do_msg_fill(): the type, and as much of the text as there is room for.
i64 give(KernelState& kernel, Task& task, const Message& message, u64 buffer, u64 room) {
    MmStruct& mm = kernel.mm_of(task);
    const u64 size = std::min<u64>(message.text.size(), room);
    if (put_user(kernel.system, mm, message.type, buffer) ||
        copy_to_user(kernel.system, mm, buffer + sizeof(i64), message.text.data(), size))
        return -EFAULT;
    return static_cast<i64>(size);
}

void leave_queue(MessageQueue& queue, int pid) {
    std::erase_if(queue.receivers, [pid](const auto& receiver) { return receiver.pid == pid; });
}

MessageQueue* find_queue(KernelState& kernel, int id) {
    const auto found = kernel.msg.queues.find(id);
    return found == kernel.msg.queues.end() ? nullptr : &found->second;
}

}  // namespace

i64 sys_msgget(KernelState& kernel, u32 key, int flags) {
    const i64 found = ipc_find_key(kernel.msg.queues, key, flags, [](const MessageQueue&) { return 0; });
    if (found != -ENOENT || (key != IPC_PRIVATE && !(flags & IPC_CREAT))) return found;
    if (kernel.msg.queues.size() >= kMsgMni) return -ENOSPC;
    return ipc_add(kernel.msg, kernel.msg.queues, MessageQueue{}, kernel, key, flags, kMsgMni);
}

i64 sys_msgsnd(KernelState& kernel, Task& task, int id, u64 buffer, i64 size, int flags) {
    MmStruct& mm = kernel.mm_of(task);
    Message message;
    if (get_user(kernel.system, mm, message.type, buffer)) return -EFAULT;
    if (size > kMsgMax || size < 0 || id < 0 || message.type < 1) return -EINVAL;
    const u64 bytes = static_cast<u64>(size);
    message.text.resize(bytes);
    if (copy_from_user(kernel.system, mm, message.text.data(), buffer + sizeof(i64), bytes)) return -EFAULT;
    MessageQueue* queue = find_queue(kernel, id);
    u64& progress = task.blocked_call.progress;
    if (!queue) return progress == kQueued ? -EIDRM : -EINVAL;
    if (!ipc_permitted(*queue, kIpcWrite)) return -EACCES;
    if (queue->bytes + bytes > queue->most_bytes || queue->messages.size() + 1 > queue->most_bytes) {
        if (flags & IPC_NOWAIT) return -EAGAIN;
        progress = kQueued;
        WaitFor wait;
        wait.keys = {room_key(id)};
        return block_or(kernel, task, wait, kErestartNoHand);
    }
    u64 in_use = bytes + sizeof(Message);
    for (const auto& [number, other] : kernel.msg.queues)
        in_use += other.bytes + other.messages.size() * sizeof(Message);
    if (!ipc_memory_suffices(kernel, in_use)) return -ENOMEM;
    queue->last_sender = task.tgid;
    queue->stime = ipc_now_seconds(kernel);
    if (hand_over(kernel, *queue, message)) return 0;
    queue->bytes += bytes;
    queue->messages.push_back(std::move(message));
    return 0;
}

i64 sys_msgrcv(KernelState& kernel, Task& task, int id, u64 buffer, i64 size, i64 type, int flags) {
    u64& progress = task.blocked_call.progress;
    MessageQueue* queue = find_queue(kernel, id);
    if ((progress & 0xff) == kFinished) {
        if (progress >> kResultShift) return -static_cast<i64>(progress >> kResultShift);
        if (!queue) return -EIDRM;
        const auto handed = queue->handed.extract(task.pid);
        return handed ? give(kernel, task, handed.mapped(), buffer, static_cast<u64>(size)) : -EINVAL;
    }
    if (id < 0 || size < 0) return -EINVAL;
    if (flags & kMsgCopy) return (flags & MSG_EXCEPT) || !(flags & IPC_NOWAIT) ? -EINVAL : -ENOSYS;
    if (!queue) return progress == kQueued ? -EIDRM : -EINVAL;
    if (!ipc_permitted(*queue, kIpcRead)) return -EACCES;
    const u64 room = static_cast<u64>(size);
    const MessageChoice choice = choice_of(type, flags);
    if (progress != kQueued) {
        const auto found = find_message(*queue, choice);
        if (found != queue->messages.end()) {
            if (room < found->text.size() && !(flags & MSG_NOERROR)) return -E2BIG;
            const Message message = std::move(*found);
            queue->messages.erase(found);
            queue->bytes -= message.text.size();
            queue->last_receiver = task.tgid;
            queue->rtime = ipc_now_seconds(kernel);
            wake_up(kernel, room_key(id));
            return give(kernel, task, message, buffer, room);
        }
        if (flags & IPC_NOWAIT) return -ENOMSG;
        queue->receivers.push_back({task.pid, choice, flags & MSG_NOERROR ? kNever : room});
        progress = kQueued;
    }
    const i64 result = block_or(kernel, task, {}, kErestartNoHand);
    if (result != -kCallBlocked) leave_queue(*queue, task.pid);
    return result;
}

namespace {

void fill_stat(const MessageQueue& queue, struct msqid_ds& out) {
    std::memset(&out, 0, sizeof out);
    ipc_fill(queue, out.msg_perm);
    out.msg_stime = queue.stime;
    out.msg_rtime = queue.rtime;
    out.msg_ctime = queue.ctime;
    out.__msg_cbytes = queue.bytes;
    out.msg_qnum = queue.messages.size();
    out.msg_qbytes = queue.most_bytes;
    out.msg_lspid = queue.last_sender;
    out.msg_lrpid = queue.last_receiver;
}

i64 msg_info_call(KernelState& kernel, MmStruct& mm, int command, u64 buffer) {
    struct msginfo info {};
    info.msgmni = kMsgMni;
    info.msgmax = kMsgMax;
    info.msgmnb = kMsgMnb;
    info.msgssz = 16;
    info.msgseg = 0xffff;
    if (command == MSG_INFO) {
        info.msgpool = static_cast<int>(kernel.msg.queues.size());
        for (const auto& [id, queue] : kernel.msg.queues) {
            info.msgmap += static_cast<int>(queue.messages.size());
            info.msgtql += static_cast<int>(queue.bytes);
        }
    } else {
        info.msgmap = info.msgtql = kMsgMnb;
        info.msgpool = kMsgMni * kMsgMnb / 1024;
    }
    return put_user(kernel.system, mm, info, buffer) ? -EFAULT : ipc_highest_index(kernel.msg.queues);
}

/// expunge_all(), ss_wakeup()
void wake_everybody(KernelState& kernel, int id, std::vector<MessageQueue::Receiver> receivers, int error) {
    for (const auto& receiver : receivers) finish(kernel, receiver.pid, error);
    wake_up(kernel, room_key(id));
}

i64 set_queue(KernelState& kernel, int id, MessageQueue& queue, const struct msqid_ds& wanted) {
    if (!ipc_owned(queue)) return -EPERM;
    if (wanted.msg_qbytes > kMsgMnb && host::geteuid() != 0) return -EPERM;  // CAP_SYS_RESOURCE
    ipc_update(kernel, queue, wanted.msg_perm);
    queue.most_bytes = wanted.msg_qbytes;
    wake_up(kernel, room_key(id));
    return 0;
}

}  // namespace

i64 sys_msgctl(KernelState& kernel, Task& task, int id, int command, u64 argument) {
    MmStruct& mm = kernel.mm_of(task);
    if (id < 0 || command < 0) return -EINVAL;
    if (command == IPC_INFO || command == MSG_INFO) return msg_info_call(kernel, mm, command, argument);
    const bool by_index = command == MSG_STAT || command == kMsgStatAny;
    struct msqid_ds data {};
    if (command == IPC_SET && get_user(kernel.system, mm, data, argument)) return -EFAULT;
    MessageQueue* queue = ipc_named(kernel.msg.queues, id, by_index);
    if (!queue) return -EINVAL;
    switch (command) {
        case IPC_STAT:
        case MSG_STAT:
        case kMsgStatAny:
            if (command != kMsgStatAny && !ipc_permitted(*queue, kIpcRead)) return -EACCES;
            fill_stat(*queue, data);
            if (put_user(kernel.system, mm, data, argument)) return -EFAULT;
            return by_index ? id : 0;
        case IPC_SET:
            return set_queue(kernel, id, *queue, data);
        case IPC_RMID: {
            if (!ipc_owned(*queue)) return -EPERM;
            const auto receivers = std::move(queue->receivers);
            kernel.msg.queues.erase(id);
            wake_everybody(kernel, id, receivers, EIDRM);
            return 0;
        }
        default:
            return -EINVAL;
    }
}

void exit_msg(KernelState& kernel, Task& task) {
    for (auto& [id, queue] : kernel.msg.queues) {
        leave_queue(queue, task.pid);
        queue.handed.erase(task.pid);
    }
}

std::string proc_sysvipc_msg(KernelState& kernel) {
    std::string text =
        "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime   "
        "   "
        "rtime      ctime\n";
    for (const auto& [id, queue] : kernel.msg.queues) {
        char line[256];
        const auto number = [](auto value) { return static_cast<unsigned long long>(value); };
        std::snprintf(
            line, sizeof line, "%10d %10d  %4o  %10llu %10llu %5u %5u %5u %5u %5u %5u %10llu %10llu %10llu\n",
            static_cast<int>(queue.key), id, queue.mode, number(queue.bytes), number(queue.messages.size()),
            static_cast<unsigned>(queue.last_sender), static_cast<unsigned>(queue.last_receiver), queue.uid,
            queue.gid, queue.cuid, queue.cgid, number(queue.stime), number(queue.rtime), number(queue.ctime));
        text += line;
    }
    return text;
}

}  // namespace kernel
