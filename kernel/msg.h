// System V message queues. Linux: ipc/msg.c (6.12).
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "kernel/ipc_perm.h"
#include "mmu/base/ints.h"

namespace kernel {

using mmu::i64;
using mmu::u32;
using mmu::u64;

struct KernelState;
struct Task;

/// struct msg_msg.
struct Message {
    i64 type = 0;
    std::string text;
};

/// Which message a receiver takes (convert_mode()).
struct MessageChoice {
    enum class Mode : mmu::u8 { kAny, kEqual, kNotEqual, kAtMost };
    Mode mode = Mode::kAny;
    i64 type = 0;
    bool accepts(i64 of) const {
        return mode == Mode::kAny || (mode == Mode::kEqual && of == type) ||
               (mode == Mode::kNotEqual && of != type) || (mode == Mode::kAtMost && of <= type);
    }
};

/// struct msg_queue.
struct MessageQueue : KernIpcPerm {
    /// struct msg_receiver: asleep in msgrcv(); a sender hands its message over.
    struct Receiver {
        int pid = 0;
        MessageChoice choice;
        u64 most = 0;  ///< bytes
    };
    i64 stime = 0, rtime = 0;
    u64 bytes = 0, most_bytes = 16384;  ///< MSGMNB
    int last_sender = 0, last_receiver = 0;
    std::deque<Message> messages;
    std::vector<Receiver> receivers;
    std::map<int, Message> handed;  ///< to receivers that have not run yet
};

struct MsgState {
    std::map<int, MessageQueue> queues;
    unsigned next_index = 0, seq = 0;
};

i64 sys_msgget(KernelState& kernel, u32 key, int flags);
i64 sys_msgsnd(KernelState& kernel, Task& task, int id, u64 buffer, i64 size, int flags);
i64 sys_msgrcv(KernelState& kernel, Task& task, int id, u64 buffer, i64 size, i64 type, int flags);
i64 sys_msgctl(KernelState& kernel, Task& task, int id, int command, u64 argument);
/// A task has ended: it waits for nothing any more.
void exit_msg(KernelState& kernel, Task& task);

/// /proc/sysvipc/msg
std::string proc_sysvipc_msg(KernelState& kernel);

}  // namespace kernel
