// task_struct and what tasks share: signal_struct (a process), sighand_struct, files_struct, fs_struct. All
// of it is plain values that name each other by ids. Linux: include/linux/sched.h,
// include/linux/sched/signal.h, include/linux/signal_types.h.
#pragma once

#include <poll.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/fs/file_table.h"
#include "kernel/mm.h"
#include "mmu/arch/registers.h"
#include "mmu/base/ints.h"

namespace kernel {

using mmu::i64;
using mmu::u16;
using mmu::u32;
using mmu::u64;
using mmu::u8;

using Pid = int;
using MmId = u32;
using FilesId = u32;
using FsId = u32;
using SighandId = u32;

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
    enum class Layout : u8 {
        kKill,
        kFault,
        kRt,
        kChild,
        kTimer,
        kPoll
    };  ///< which members of the union are written
    int signo = 0, code = 0;
    Layout layout = Layout::kKill;
    Pid pid = 0;                 ///< kKill, kRt, kChild
    u32 uid = 0;                 ///< kKill, kRt, kChild
    u64 value = 0;               ///< kRt, kTimer: sigval; kPoll: si_band
    u64 address = 0;             ///< kFault: si_addr
    u32 pkey = 0;                ///< kFault with SEGV_PKUERR
    int status = 0;              ///< kChild: exit code or signal; kPoll: si_fd
    i64 utime = 0, stime = 0;    ///< kChild: clock ticks
    int timer = 0, overrun = 0;  ///< kTimer
    static constexpr usize kBytes = 48;  ///< of struct kernel_siginfo
    /// As a debugger has written it (PTRACE_SETSIGINFO): what the guest is handed, whatever is above.
    std::optional<std::array<u8, kBytes>> written{};
};

struct AltStack {
    static constexpr u32 kOnStack = 1, kDisable = 2, kAutoDisarm = 1u << 31;
    u64 sp = 0, size = 0;
    u32 flags = 0;  ///< of the last sigaltstack(); execve leaves 0, not SS_DISABLE
};

/// sigpending: at most one of each standard signal, in order of arrival.
using SigPending = std::vector<SigInfo>;

/// Signal state of one thread.
struct SignalState {
    u64 blocked = 0;
    std::optional<u64> saved_mask;  ///< of sigsuspend, ppoll, pselect: back in place when the call has ended
    SigPending pending;             ///< for this thread alone; the process has its own list
    AltStack alt_stack;
};

/// sighand_struct: the handlers, shared by CLONE_SIGHAND.
struct SighandStruct {
    KmemObject object;
    std::array<SigAction, kSignals + 1> action;
    u32 users = 1;
};

/// files_struct: the descriptors, shared by CLONE_FILES.
struct FilesStruct {
    KmemObject object;
    FdTable table;
    u32 users = 1;
};

/// fs_struct: shared by CLONE_FS.
struct FsStruct {
    KmemObject object;
    WorkingDirectory cwd;
    u32 umask = 022;
    u32 users = 1;
};

/// setitimer(ITIMER_REAL) in virtual nanoseconds. 0: not armed.
struct RealTimer {
    u64 expires = 0, interval = 0;
};

/// setitimer(ITIMER_VIRTUAL) and (ITIMER_PROF), in nanoseconds of the process's CPU time.
enum class CpuItimer : u8 { kVirtual, kProf };

/// A system call on its way. A call that has to wait is made again when its task is woken.
struct CallState {
    u64 number = 0;       ///< orig_rax
    bool parked = false;  ///< the call is to be made again before the task returns to user mode
};

/// What a call that blocks keeps until it has ended; a new call starts with a fresh one.
struct BlockedCall {
    u64 progress = 0;     ///< the call's own: 0 at its first try; bytes that were moved already, for instance
    u64 deadline_ns = 0;  ///< CLOCK_MONOTONIC of its time-out; 0: not computed yet
};

/// timer_create(): k_itimer.
struct PosixTimer {
    int clock = 0;
    int notify = 0;  ///< SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD_ID
    int signal = 0;
    Pid thread = 0;                 ///< of SIGEV_THREAD_ID
    u64 value = 0;                  ///< sigval
    u64 expires = 0, interval = 0;  ///< of its clock: CLOCK_MONOTONIC, or CPU time
    Pid cpu = 0;                    ///< of a CPU-time clock: the process or thread it is of; 0: another clock
    bool cpu_thread = false;
    int overrun = 0;       ///< since its signal was queued
    int last_overrun = 0;  ///< what timer_getoverrun() says
};

/// Names one thing that can be waited for; see wait.h.
using WaitKey = u64;
inline constexpr u64 kNever = ~u64{0};

/// What a sleeping task waits for: any of these.
struct WaitFor {
    std::vector<WaitKey> keys{};
    std::vector<pollfd> host{};  ///< host descriptors and their events
    u64 deadline_ns = kNever;    ///< CLOCK_MONOTONIC, virtual
    bool killable = false;       ///< no signal but a fatal one ends the wait (TASK_KILLABLE)

    void clear() {
        keys.clear();
        host.clear();
        deadline_ns = kNever;
        killable = false;
    }
};

/// A system call that was interrupted before it did anything.
struct InterruptedCall {
    int error = 0;   ///< ERESTARTSYS, ERESTARTNOHAND, ...; 0: none
    u64 number = 0;  ///< orig_rax
};

/// restart_block: a call whose time-out goes on when it is made again.
struct RestartBlock {
    u64 number = 0;
    u64 deadline_ns = 0;
};

/// What a task or a process has used (rusage).
struct Usage {
    u64 instructions = 0;  ///< CPU time, in nanoseconds of virtual time
    u64 system_ns = 0;     ///< the part of it that is told as stime: what the kernel's work would have cost
    u64 min_flt = 0, maj_flt = 0;
    u64 voluntary_switches = 0, involuntary_switches = 0;
    u64 max_rss_pages = 0;
    u64 rchar = 0, wchar = 0, syscr = 0, syscw = 0;  ///< task_io_accounting: bytes and calls of read and write

    u64 user_ns() const { return instructions - system_ns; }
    void add(const Usage& other) {
        instructions += other.instructions;
        system_ns += other.system_ns;
        min_flt += other.min_flt;
        maj_flt += other.maj_flt;
        voluntary_switches += other.voluntary_switches;
        involuntary_switches += other.involuntary_switches;
        rchar += other.rchar;
        wchar += other.wchar;
        syscr += other.syscr;
        syscw += other.syscw;
        max_rss_pages = std::max(max_rss_pages, other.max_rss_pages);
    }
};

/// The status of wait4(): how a process ended.
struct TaskExit {
    int code = 0;       ///< of exit, 0..255
    int killed_by = 0;  ///< signal; 0: a normal exit
    bool core = false;  ///< the action of the signal is to dump core (Deviation: none is written)

    int wait_status() const { return killed_by ? killed_by | (core ? 0x80 : 0) : (code & 0xff) << 8; }
};

enum class TaskState : u8 {
    kRunning,   ///< TASK_RUNNING: runs or waits for the CPU
    kSleeping,  ///< until what `wait` says
    kZombie,    ///< EXIT_ZOMBIE: nobody has waited for it yet
    kDead,      ///< to be forgotten when the CPU has left it
};

/// signal_struct: one for each process, by its tgid.
struct SignalStruct {
    KmemObject object;
    int oom_score_adj = 0;  ///< -1000 (never ended for lack of memory) .. 1000 (first of all)
    Pid tgid = 0;
    std::vector<Pid> threads;  ///< alive, in order of creation; the leader first while it lives
    SigPending shared_pending;
    RealTimer real_timer;
    std::array<RealTimer, 2> cpu_timers;  ///< by CpuItimer
    std::map<int, PosixTimer> posix_timers;
    int next_timer = 0;

    bool group_exiting = false;  ///< SIGNAL_GROUP_EXIT
    TaskExit group_exit;
    Pid group_exec_task = 0;  ///< the thread whose execve() ends the others; 0: none

    bool stopped = false;    ///< SIGNAL_STOP_STOPPED: no thread of it runs
    int stop_signal = 0;     ///< what wait4(WUNTRACED) has yet to report; 0: nothing
    bool continued = false;  ///< what wait4(WCONTINUED) has yet to report
    bool is_child_subreaper = false;
    u32 tty = 0;  ///< controlling terminal: kUserTerminal, a pty's id, or 0 (tty.h)
    bool did_exec = false;

    Usage dead_threads;  ///< of threads that have ended
    Usage children;      ///< of children that were waited for
};

inline constexpr u32 kAddrNoRandomize = 0x0040000;  ///< ADDR_NO_RANDOMIZE

struct Task {
    KmemObject object, pid_object;  ///< task_struct and struct pid in guest RAM
    KernelStack stack;
    Pid pid = 0, tgid = 0;
    Pid ppid = 0, pgrp = 0, session = 0;  ///< alike in all threads of a process
    Pid parent_thread = 0;                ///< the thread that made it (for __WNOTHREAD, PR_SET_PDEATHSIG)
    int exit_signal = 0;                  ///< what the parent gets at its end; the leader's counts
    TaskState state = TaskState::kRunning;
    bool queued = false;       ///< in the run queue
    bool in_user = false;      ///< has been in user mode: false until a new task first returns from fork
    mmu::Registers registers;  ///< while it does not run; the CPU has them otherwise
    u32 pkru = 0;              ///< thread.pkru: the same
    CallState call;
    BlockedCall blocked_call;
    WaitFor wait;
    RestartBlock restart;
    TaskExit exit;
    Usage usage;
    u64 owed_system_ns = 0;  ///< of the kernel's work, not told as stime yet (account_running())
    u32 undo_list = 0;       ///< sysvsem.undo_list (sem.h); 0: none

    MmId mm = 0;
    FilesId files = 0;
    FsId fs = 0;
    SighandId sighand = 0;

    std::string comm;        ///< at most 15 bytes
    std::string executable;  ///< the guest's path of its program (/proc/self/exe)
    std::vector<std::string> arguments;

    int nice = 0;
    int policy = 0, rt_priority = 0;  ///< sched_setscheduler(): remembered, not obeyed
    bool reset_on_fork = false;       ///< SCHED_RESET_ON_FORK
    u32 io_priority = 0;              ///< ioprio_set(): likewise
    u32 coredump_filter = 0x33;       ///< of /proc/PID/coredump_filter: kept alone

    SignalState signals;
    InterruptedCall interrupted;

    // thread_struct: the last exception, as sigcontext shows it.
    u64 error_code = 0, trap_nr = 0, cr2 = 0;

    u64 set_child_tid = 0;  ///< CLONE_CHILD_SETTID: written when it first runs
    u64 clear_child_tid = 0, robust_list = 0;
    u64 rseq = 0;         ///< struct rseq of the guest; 0: not registered
    u32 personality = 0;  ///< personality(2)
    /// PF_RANDOMIZE: addresses are drawn anew at an exec.
    bool randomizes() const { return !(personality & kAddrNoRandomize); }
    u32 rseq_length = 0, rseq_signature = 0;
    bool rseq_event = false;  ///< preempted since: a critical section is to be left
    bool dumpable = true, no_new_privs = false, keep_caps = false;
    bool vfork_done = true;  ///< its parent, if it waits, may go on
    int parent_death_signal = 0;
    u64 timer_slack_ns = 50000;

    bool is_leader() const { return pid == tgid; }
};

}  // namespace kernel
