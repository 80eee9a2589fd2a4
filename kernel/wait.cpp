// Purpose: see wait.h.
#include "kernel/wait.h"

#include "kernel/fs/epoll.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/state.h"
#include "mmu/base/check.h"

namespace kernel {

i64 block_or(KernelState& kernel, Task& task, const WaitFor& wait, int interrupted) {
    CHECK(task.pid == kernel.current, task.pid, kernel.current);
    if (wait.killable ? fatal_signal_pending(kernel, task) : signal_pending(kernel, task))
        return -i64{interrupted};
    task.wait = wait;
    return -i64{kCallBlocked};
}

i64 block(KernelState& kernel, Task& task, const WaitFor& wait) {
    return block_or(kernel, task, wait, kErestartSys);
}

void wake_up(KernelState& kernel, WaitKey key, short events) {
    epoll_notify(kernel, key, events);
    const auto found = kernel.sched.sleepers.find(key);
    if (found == kernel.sched.sleepers.end()) return;
    const std::vector<Pid> waiting = found->second;
    for (const Pid pid : waiting) wake_task(kernel, kernel.tasks.at(pid));
}

}  // namespace kernel
