// Purpose: see fasync.h.
#include "kernel/fs/fasync.h"

#include <poll.h>
#include <sys/stat.h>

#include <climits>
#include <csignal>

#include "kernel/errno.h"
#include "kernel/fork.h"
#include "kernel/fs/file_operations.h"
#include "kernel/signal.h"
#include "kernel/state.h"

namespace kernel {

namespace {

/// band_table
i64 band_bits(IoBand band) {
    switch (band) {
        case IoBand::kIn:
            return POLLIN | POLLRDNORM;
        case IoBand::kOut:
            return POLLOUT | POLLWRNORM | POLLWRBAND;
        case IoBand::kHangUp:
            break;
    }
    return POLLHUP | POLLERR;
}

/// pid_task(): somebody would get the signal.
bool owner_lives(const KernelState& kernel, const FileOwner& owner) {
    for (const auto& [id, task] : kernel.tasks) {
        if (task.state == TaskState::kDead) continue;
        if (owner.type == F_OWNER_PGRP ? task.pgrp == owner.pid : id == owner.pid) return true;
    }
    return false;
}

/// send_sigio_to_task(): what is queued for it; SIGIO alone says nothing more.
int send(KernelState& kernel, Task& task, const FileOwner& owner, const SigInfo& info) {
    return owner.type == F_OWNER_TID ? send_signal(kernel, task, info)
                                     : send_group_signal(kernel, task, info);
}

void send_sigio(KernelState& kernel, const FileOwner& owner, int fd, IoBand band) {
    SigInfo plain;
    plain.signo = SIGIO;
    plain.code = kSiKernel;
    SigInfo told;
    told.signo = owner.signal;
    told.code = static_cast<int>(band);
    told.layout = SigInfo::Layout::kPoll;
    told.value = static_cast<u64>(band_bits(band));
    told.status = fd;
    const auto tell = [&](Task& task) {
        if (owner.signal && send(kernel, task, owner, told) == 0) return;
        (void)send(kernel, task, owner, plain);
    };
    if (owner.type != F_OWNER_PGRP) {
        if (Task* task = kernel.find_task(owner.pid)) tell(*task);
        return;
    }
    std::vector<Pid> members;
    for (const auto& [pid, task] : kernel.tasks)
        if (task.pgrp == owner.pid && task.tgid == pid) members.push_back(pid);
    for (const Pid pid : members) tell(kernel.tasks.at(pid));
}

}  // namespace

bool has_fasync(const OpenFile& file) {
    return file.kind == OpenFile::Kind::kObject &&
           (S_ISFIFO(file.type) || S_ISSOCK(file.type) || S_ISCHR(file.type) ||
            is_object(file, kInotifyOperations));
}

void set_fasync(KernelState& kernel, Task& task, OpenFile& file, int fd, bool on) {
    fasync_forget(kernel, file);
    file.flags = on ? file.flags | FASYNC : file.flags & ~FASYNC;
    if (on) kernel.ipc.fasync.emplace(file.ops->key(task, file), Fasync{file.id, fd});
}

void fasync_forget(KernelState& kernel, const OpenFile& file) {
    std::erase_if(kernel.ipc.fasync, [&](const auto& entry) { return entry.second.file == file.id; });
}

void kill_fasync(KernelState& kernel, WaitKey key, IoBand band) {
    if (kernel.ipc.fasync.empty()) return;
    std::vector<Fasync> told;
    auto [first, last] = kernel.ipc.fasync.equal_range(key);
    for (; first != last; ++first) told.push_back(first->second);
    for (const Fasync& entry : told) {
        const OpenFile& file = kernel.files.at(entry.file);
        // A pipe has a list for its readers and one for its writers.
        if (S_ISFIFO(file.type) && !(band == IoBand::kIn ? file.readable() : file.writable())) continue;
        if (file.owner.pid) send_sigio(kernel, file.owner, entry.fd, band);
    }
}

i64 set_owner(KernelState& kernel, OpenFile& file, int who) {
    if (who == INT_MIN) return -EINVAL;
    return set_owner_ex(kernel, file, who < 0 ? F_OWNER_PGRP : F_OWNER_PID, who < 0 ? -who : who);
}

int owner_of(KernelState& kernel, const OpenFile& file) {
    if (!file.owner.pid || !owner_lives(kernel, file.owner)) return 0;
    return file.owner.type == F_OWNER_PGRP ? -file.owner.pid : file.owner.pid;
}

i64 set_owner_ex(KernelState& kernel, OpenFile& file, int type, Pid pid) {
    if (type != F_OWNER_TID && type != F_OWNER_PID && type != F_OWNER_PGRP) return -EINVAL;
    if (pid && !pid_in_use(kernel, pid)) return -ESRCH;
    file.owner.type = type;
    file.owner.pid = pid;
    return 0;
}

}  // namespace kernel
