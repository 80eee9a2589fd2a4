// POSIX message queues: named queues of messages with priorities. Linux: ipc/mqueue.c (6.12).
#pragma once

#include <deque>
#include <map>
#include <string>

#include "kernel/fs/anon_inode.h"

namespace kernel {

/// struct mqueue_inode_info.
struct PosixQueue {
    u64 most_messages = 10, message_size = 8192;
    std::map<u32, std::deque<std::string>, std::greater<>> messages;  ///< by priority, the highest first
    u64 count = 0, bytes = 0;
    u32 mode = 0600, receivers = 0;  ///< receivers: tasks that sleep in mq_receive()
    u32 open_files = 0;
    bool named = true;      ///< not unlinked
    int notify_pid = 0;     ///< mq_notify(): 0: nobody
    int notify_signal = 0;  ///< 0: SIGEV_NONE
    u64 notify_value = 0;
};

extern const FileOperations kMqueueOperations;

/// mq_unlink()'s and the last close's part: a queue without a name and without users is gone.
void mqueue_drop(KernelState& kernel, u32 id);
/// A process has ended or closed its descriptor: it is notified no more.
void mqueue_forget_notification(KernelState& kernel, int pid);

}  // namespace kernel
