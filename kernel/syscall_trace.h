// Who wants to see system calls as they are made (strace): calls with all their arguments, signals and ends
// of tasks. Off is a null pointer. The listener may look at guest memory, but only without effect
// (Mmu::peek()).
#pragma once

#include <array>

#include "kernel/kernel.h"
#include "kernel/task.h"

namespace kernel {

struct KernelState;

/// One call: `result` is what the guest finds, or internal (-kCallBlocked, -ERESTART...).
struct TracedCall {
    u64 number = 0;
    const char* name = nullptr;  ///< null: Linux has no such call
    std::array<u64, 6> args{};
    i64 result = 0;
};

class SyscallTrace {
  public:
    virtual ~SyscallTrace() = default;
    virtual void on_enter(KernelState& kernel, const Task& task, const TracedCall& call) = 0;
    /// Also when the call waits (result -kCallBlocked); it is then entered again.
    virtual void on_exit(KernelState& kernel, const Task& task, const TracedCall& call) = 0;
    /// A signal is about to be delivered, or to do its default action.
    virtual void on_signal(KernelState& kernel, const Task& task, const SigInfo& info) = 0;
    virtual void on_end(KernelState& kernel, const Task& task, ExitStatus status) = 0;
};

}  // namespace kernel
