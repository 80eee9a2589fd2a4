// The system calls: a row for each number of x86-64 Linux with its name, its function and how far it is
// supported. Linux: arch/x86/entry/syscalls/syscall_64.tbl.
#pragma once

#include <array>
#include <string>

#include "kernel/errno.h"
#include "kernel/state.h"
#include "kernel/uaccess.h"
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
