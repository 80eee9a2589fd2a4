// The system calls: a row for each number of x86-64 Linux with its name, its function and how far it is
// supported. Linux: arch/x86/entry/syscalls/syscall_64.tbl.
#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "kernel/errno.h"
#include "kernel/signal.h"
#include "kernel/state.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"
#include "mmu/arch/registers.h"

namespace kernel {

/// One call while it is served: who calls, and its arguments (rdi, rsi, rdx, r10, r8, r9).
struct Syscall {
    KernelState& kernel;
    Task& task;
    mmu::Registers& registers;
    std::array<u64, 6> args;

    MemorySystem& system() const { return kernel.system; }
    MmStruct& mm() const { return kernel.mm_of(task); }
    FdTable& files() const { return kernel.fd_table(task); }
    int integer(unsigned i) const { return static_cast<int>(args[i]); }

    /// 0 or -EFAULT.
    template <class T>
    int get(T& value, u64 address) const {
        return get_user(system(), mm(), value, address);
    }
    template <class T>
    int put(const T& value, u64 address) const {
        return put_user(system(), mm(), value, address);
    }
    /// The running task sleeps until one of `keys` is woken, or until the time-out of the call is over; the
    /// call is made again then (wait.h).
    i64 wait_on(std::vector<WaitKey> keys, int interrupted = kErestartSys) const {
        WaitFor wait;
        wait.keys = std::move(keys);
        if (const u64 deadline = task.blocked_call.deadline_ns) wait.deadline_ns = deadline;
        return block_or(kernel, task, wait, interrupted);
    }
    /// The first try starts a time-out that holds for all tries.
    void start_timeout(u64 ns) const {
        u64& deadline = task.blocked_call.deadline_ns;
        const u64 now = kernel.clock.now_ns();
        if (!deadline)
            deadline = std::max<u64>(now + std::min(ns, kNever / 2 - std::min(now, kNever / 2)), 1);
    }
    bool timed_out() const {
        const u64 deadline = task.blocked_call.deadline_ns;
        return deadline && deadline <= kernel.clock.now_ns();
    }

    /// getname(): EFAULT, ENAMETOOLONG. An empty path is the caller's business.
    mmu::Expected<std::string, int> path(unsigned i) const;
};

/// Returns what the guest finds in rax: a value or -errno (or an internal -ERESTART...).
using SyscallFunction = i64 (*)(Syscall&);

enum class Support : u8 {
    kFull,     ///< as Linux does it, for what a single task can ask
    kPartial,  ///< the common uses; others are refused with Linux's errno
    kAbsent,   ///< of something this system does not have; answered as a Linux without it
    kNone,     ///< -ENOSYS and one log line
};

struct SyscallRow {
    u16 number;
    const char* name;
    SyscallFunction function;
    Support support;
};

/// Null for a number that Linux does not have.
const SyscallRow* find_syscall(u64 number);
/// All rows in ascending order of their numbers.
std::pair<const SyscallRow*, const SyscallRow*> syscall_rows();

}  // namespace kernel
