// task_struct: what the kernel knows of one guest thread, besides its registers (which the CPU keeps while it
// runs). All of it is plain values and ids, so that a task can be copied by fork(). Linux:
// include/linux/sched.h, include/linux/signal_types.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernel/fs/file_table.h"
#include "mmu/base/ints.h"

namespace kernel {

using mmu::i64;
using mmu::u16;
using mmu::u32;
using mmu::u64;
using mmu::u8;

using Pid = int;
using MmId = u32;

inline constexpr int kSignals = 64;  ///< _NSIG
constexpr u64 sigmask_of(int signal) {
    return u64{1} << (signal - 1);
}

inline constexpr u64 kSigDfl = 0, kSigIgn = 1;

/// struct sigaction as rt_sigaction(2) takes it: 32 bytes, in this order.
struct SigAction {
    u64 handler = kSigDfl, flags = 0, restorer = 0, mask = 0;
};

/// kernel_siginfo: what a handler will find in its siginfo_t.
struct SigInfo {
    enum class Layout : u8 { kKill, kFault, kRt };  ///< which members of the union are written
    int signo = 0, code = 0;
    Layout layout = Layout::kKill;
    Pid pid = 0;      ///< kKill, kRt
    u32 uid = 0;      ///< kKill, kRt
    u64 value = 0;    ///< kRt: sigval
    u64 address = 0;  ///< kFault: si_addr
    u32 pkey = 0;     ///< kFault with SEGV_PKUERR
};

struct AltStack {
    static constexpr u32 kOnStack = 1, kDisable = 2, kAutoDisarm = 1u << 31;
    u64 sp = 0, size = 0;
    u32 flags = 0;  ///< of the last sigaltstack(); execve leaves 0, not SS_DISABLE
};

/// Signal state of a task. Linux splits it into signal_struct and sighand_struct for threads.
struct SignalState {
    SigAction action[kSignals + 1];
    u64 blocked = 0;
    std::optional<u64> saved_mask;  ///< of sigsuspend, ppoll, pselect: back in place when the call has ended
    std::vector<SigInfo> pending;   ///< at most one of each standard signal, in order of arrival
    AltStack alt_stack;
};

/// setitimer(ITIMER_REAL) in virtual nanoseconds. 0: not armed.
struct RealTimer {
    u64 expires = 0, interval = 0;
};

/// A system call that was interrupted before it did anything.
struct InterruptedCall {
    int error = 0;   ///< ERESTARTSYS, ERESTARTNOHAND, ...; 0: none
    u64 number = 0;  ///< orig_rax
};

/// What a call that blocks keeps until it has ended; a new call starts with a fresh one.
struct BlockedCall {
    u64 progress = 0;     ///< bytes that were moved already
    u64 deadline_ns = 0;  ///< CLOCK_MONOTONIC of its time-out; 0: not computed yet
};

struct Task {
    Pid pid = 0, tgid = 0, ppid = 0, pgrp = 0, session = 0;
    MmId mm = 0;
    std::string comm;        ///< at most 15 bytes
    std::string executable;  ///< the guest's path of its program (/proc/self/exe)
    std::vector<std::string> arguments;

    FdTable files;
    WorkingDirectory cwd;
    u32 umask = 022;
    int nice = 0;

    SignalState signals;
    RealTimer real_timer;
    InterruptedCall interrupted;
    BlockedCall blocked_call;
    u64 interrupted_rip = 0;  ///< where the interrupted call would be made again

    // thread_struct: the last exception, as sigcontext shows it.
    u64 error_code = 0, trap_nr = 0, cr2 = 0;

    u64 clear_child_tid = 0, robust_list = 0;
    u64 rseq = 0;  ///< struct rseq of the guest; 0: not registered
    u32 rseq_length = 0, rseq_signature = 0;
    bool dumpable = true, no_new_privs = false;
    int parent_death_signal = 0;
    u64 timer_slack_ns = 50000;
};

}  // namespace kernel
