// Purpose: see pidfd.h.
#include "kernel/fs/pidfd.h"

#include "kernel/errno.h"
#include "kernel/fs/proc_table.h"
#include "kernel/state.h"

namespace kernel {

using mmu::Expected;
using mmu::Unexpected;

namespace {

/// pidfd_poll()
short poll_pid(KernelState& kernel, Task&, const OpenFile& file) {
    const auto [pid, thread] = kernel.ipc.pidfds.at(file.object);
    if (!pid) return POLLIN | POLLRDNORM | POLLHUP;
    if (thread) return kernel.tasks.at(pid).state >= TaskState::kZombie ? POLLIN | POLLRDNORM : short{0};
    return kernel.processes.at(pid).threads.empty() ? POLLIN | POLLRDNORM : short{0};
}

WaitKey pid_key(const Task&, const OpenFile& file) {
    return wait_key(WaitKind::kPidFd, file.object);
}

/// pidfd_show_fdinfo()
std::string pid_info(KernelState& kernel, const OpenFile& file) {
    const Pid pid = kernel.ipc.pidfds.at(file.object).pid;
    return proc_format("Pid:\t%d\nNSpid:\t%d\n", pid ? pid : -1, pid ? pid : -1);
}

void release_pid(KernelState& kernel, OpenFile& file) {
    kernel.ipc.pidfds.erase(file.object);
}

}  // namespace

const FileOperations kPidFdOperations = {
    .name = "anon_inode:[pidfd]", .poll = poll_pid, .key = pid_key, .release = release_pid, .info = pid_info};

OpenFile pidfd_file(KernelState& kernel, int pid, int flags, bool thread) {
    const u32 id = kernel.ipc.pidfds.add({pid, thread});
    return anon_file(kPidFdOperations, id, O_RDWR | (flags & O_NONBLOCK));
}

Expected<int, int> pid_of_file(KernelState& kernel, const OpenFile& file) {
    if (!is_object(file, kPidFdOperations)) return Unexpected{EBADF};
    const Pid pid = kernel.ipc.pidfds.at(file.object).pid;
    if (!pid) return Unexpected{ESRCH};
    return pid;
}

void wake_pidfds(KernelState& kernel, int pid) {
    for (auto& [id, pidfd] : kernel.ipc.pidfds)
        if (pidfd.pid == pid) wake_up(kernel, wait_key(WaitKind::kPidFd, id));
}

void forget_pid(KernelState& kernel, int pid) {
    for (auto& [id, pidfd] : kernel.ipc.pidfds) {
        if (pidfd.pid != pid) continue;
        pidfd.pid = 0;
        wake_up(kernel, wait_key(WaitKind::kPidFd, id));
    }
}

}  // namespace kernel
