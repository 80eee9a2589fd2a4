// pidfd_open(2) and its kin. Linux: kernel/pid.c, kernel/signal.c.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "kernel/fs/files.h"
#include "kernel/fs/pidfd.h"
#include "kernel/oom.h"
#include "kernel/signal.h"
#include "kernel/syscalls/functions.h"
#include "kernel/syscalls/queued_info.h"

namespace kernel::calls {

namespace {

constexpr u32 kSendThread = 1, kSendThreadGroup = 2, kSendProcessGroup = 4;  ///< PIDFD_SIGNAL_*

/// The process behind a descriptor. EBADF, ESRCH.
mmu::Expected<Task*, int> process_of(Syscall& call, int fd) {
    const OpenFile* file = file_of(call.kernel, call.task, fd);
    if (!file) return mmu::Unexpected{EBADF};
    const auto pid = pid_of_file(call.kernel, *file);
    if (!pid) return mmu::Unexpected{pid.error()};
    return &call.kernel.tasks.at(*pid);
}

}  // namespace

i64 pidfd_open(Syscall& call) {
    const Pid pid = call.integer(0);
    const u32 flags = static_cast<u32>(call.args[1]);
    if (flags & ~u32{O_NONBLOCK | O_EXCL}) return -EINVAL;  // PIDFD_THREAD is O_EXCL
    if (pid <= 0) return -EINVAL;
    const Task* task = call.kernel.find_task(pid);
    if (!task) return -ESRCH;
    const bool thread = flags & O_EXCL;
    if (!thread && !task->is_leader()) return -EINVAL;
    return install_file(call.kernel, call.task, pidfd_file(call.kernel, pid, static_cast<int>(flags), thread),
                        true);
}

i64 pidfd_send_signal(Syscall& call) {
    const int signal = call.integer(1);
    const u32 flags = static_cast<u32>(call.args[3]);
    if (flags & ~(kSendThread | kSendThreadGroup | kSendProcessGroup) || (flags & (flags - 1)))
        return -EINVAL;
    auto target = process_of(call, call.integer(0));
    if (!target && target.error() == EBADF) return -EBADF;
    SigInfo info;
    if (call.args[2]) {
        int claimed = 0;
        if (!queued_info(call, signal, call.args[2], info) || call.get(claimed, call.args[2])) return -EFAULT;
        if (claimed != signal) return -EINVAL;
        const Pid pid = target ? (*target)->pid : 0;
        if (!may_claim(call, info, pid)) return -EPERM;
    } else {
        info = from_self(call.task, signal, flags & kSendThread ? kSiTkill : kSiUser);
    }
    if (!target) return -target.error();
    if (signal < 0 || signal > kSignals) return -EINVAL;
    if (!signal) return 0;
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    const bool thread = !flags && call.kernel.ipc.pidfds.at(file->object).thread;
    if ((flags & kSendThread) || thread) return send_signal(call.kernel, **target, info);
    if (flags & kSendProcessGroup) return kill_pgrp(call.kernel, (*target)->pgrp, info);
    return send_group_signal(call.kernel, **target, info);
}

i64 pidfd_getfd(Syscall& call) {
    if (call.args[2] & 0xffffffff) return -EINVAL;
    auto target = process_of(call, call.integer(0));
    if (!target) return -target.error();
    // pidfd_getfd(): a thread of it must still have files.
    const SignalStruct& process = call.kernel.process_of(**target);
    if (process.threads.empty()) return -ESRCH;
    Task& owner = call.kernel.tasks.at(process.threads.front());
    const FdTable::Slot* slot = call.kernel.fd_table(owner).find(call.integer(1));
    if (!slot) return -EBADF;
    return install_reference(call.kernel, call.task, slot->file, true);
}

i64 process_mrelease(Syscall& call) {
    if (call.args[1] & 0xffffffff) return -EINVAL;
    const auto target = process_of(call, call.integer(0));
    if (!target) return -target.error();
    return -process_mrelease(call.kernel, call.kernel.process_of(**target));
}

}  // namespace kernel::calls
