// KernelState: everything the mini-Linux holds, keyed by ids (process id, mm id, file id). There is nothing
// global beside it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "kernel/config.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/host_locks.h"
#include "kernel/fs/ipc.h"
#include "kernel/fs/locks.h"
#include "kernel/fs/path.h"
#include "kernel/futex.h"
#include "kernel/kernel.h"
#include "kernel/mm.h"
#include "kernel/msg.h"
#include "kernel/sem.h"
#include "kernel/shm.h"
#include "kernel/syscall_trace.h"
#include "kernel/task.h"
#include "mmu/base/rng.h"

namespace kernel {

inline constexpr Pid kFirstPid = 1000;
inline constexpr Pid kInitPid = 1;  ///< parent of orphans: no task, it reaps at once

/// Virtual time: one nanosecond an instruction, and what the guest slept. Deviation: it does not follow the
/// host's clock, so two runs see the same times.
struct VirtualClock {
    u64 instructions = 0;
    u64 slept_ns = 0;
    bool from_host = false;  ///< --time host: CLOCK_MONOTONIC is what the host's clock said at the last trap
    u64 host_ns = 0, host_base = 0;  ///< host_base: the host's clock when the guest's was 0
    u64 now_ns() const { return from_host ? host_ns : instructions + slept_ns; }  ///< CLOCK_MONOTONIC
};

/// Something that is due at a point of virtual time.
struct Deadline {
    enum class Kind : u8 { kSleep, kRealTimer, kPosixTimer };
    u64 when = 0;
    Kind kind = Kind::kSleep;
    Pid pid = 0;    ///< task of kSleep, process of the timers
    int timer = 0;  ///< of kPosixTimer
    friend constexpr auto operator<=>(const Deadline&, const Deadline&) = default;
};

/// Something that is due when a process or thread has used so much CPU time (cpu_timer.h).
struct CpuTimer {
    enum class Kind : u8 { kVirtual, kProf, kPosix, kSleep };
    u64 expires = 0;  ///< nanoseconds of CPU time
    Pid target = 0;   ///< whose
    bool thread = false;
    Kind kind = Kind::kPosix;
    Pid owner = 0;  ///< process of a timer, task of a sleep
    int timer = 0;  ///< of kPosix
    friend constexpr auto operator<=>(const CpuTimer&, const CpuTimer&) = default;
};

/// What is left of a task when it has been waited for: for reports.
struct TaskRecord {
    Pid pid = 0, tgid = 0, ppid = 0;
    std::string comm;
    Usage usage;
    ExitStatus exit;
    bool ended = false;
};

/// The run queue and what belongs to it. sched.h's alone.
struct Scheduler {
    explicit Scheduler(u64 seed) : rng(seed ^ 0x5ced) {}
    std::deque<Pid> run_queue;  ///< who may run, without the one that does
    std::set<Deadline> deadlines;
    std::map<WaitKey, std::vector<Pid>> sleepers;
    u32 host_waiters = 0;  ///< sleeping tasks that wait for host descriptors
    bool need_resched = false;
    bool idle = false;  ///< nobody can run: the host has to be waited for
    u64 slice_end = 0;  ///< instruction count
    std::set<CpuTimer> cpu_timers;
    u64 cpu_event =
        kNever;    ///< instruction count at which the running task reaches one of them, or RLIMIT_CPU
    mmu::Rng rng;  ///< of the lengths of slices
    bool hang_reported = false;
    std::set<Pid> frozen;  ///< a debugger has them stand still; empty without one
    // Of the running task, to account what it uses.
    u64 started_at = 0, started_min_flt = 0, started_maj_flt = 0;
    u64 calls = 0;  ///< system calls
};

struct KernelState {
    KernelState(mmu::PhysicalMemory& memory, mmu::Mmu& mmu, const KernelConfig& the_config)
        : config(the_config), hw(mmu), system(memory, mmu), rng(the_config.seed), sched(the_config.seed) {
        system.thp.mode = the_config.thp;
    }

    KernelConfig config;
    mmu::Mmu& hw;
    MemorySystem system;
    std::map<MmId, MmStruct> mms;
    MmId next_mm = 1;
    MmId lazy_mm = 0;  ///< ended, but CR3 still names its root table; 0: none
    std::map<Pid, Task> tasks;
    std::map<Pid, SignalStruct> processes;  ///< by tgid, as long as a task of it exists
    std::map<FilesId, FilesStruct> files_structs;
    std::map<FsId, FsStruct> fs_structs;
    std::map<SighandId, SighandStruct> sighands;
    u32 next_struct = 1;  ///< id of the next of the three
    Pid last_pid = kFirstPid;
    Pid current = 0;                  ///< the task whose registers the CPU has
    Pid foreground_pgrp = kFirstPid;  ///< of the terminal

    std::optional<PathResolver> paths;  ///< made at the first exec
    OpenFileTable files;
    LockTable locks;
    HostLocks host_locks;
    IpcState ipc;
    ShmState shm;
    SemState sem;
    MsgState msg;
    FutexState futex;
    struct {
        FileId data = 0, image = 0;  ///< 0: not made yet
    } vdso;                          ///< vdso.h's alone

    mmu::Rng rng;
    VirtualClock clock;
    Scheduler sched;
    std::optional<ExitStatus> exit_status;  ///< of the machine: all processes have ended
    std::optional<ExitStatus> first_exit;   ///< of the first process: what the user gets
    KernelStats stats;
    int outside_signal = 0;           ///< the last one that the user sent to the first process
    bool keep_records = false;        ///< somebody wants to hear of the tasks that have ended
    std::vector<TaskRecord> records;  ///< of them, in order of their ends
    SyscallTrace* trace = nullptr;    ///< who listens to system calls
    std::set<u64> logged_syscalls;    ///< each unknown number is logged once
    std::set<std::pair<std::string, u64>> logged_requests;  ///< unsupported.h's
    /// A debugger wants to see each signal before it is delivered: none goes, or the next one and no other.
    enum class SignalHold : u8 { kNone, kHeld, kOneGoes };
    SignalHold signal_hold = SignalHold::kNone;
    /// Nonzero while a signal from outside waits for post_signal(): blocking calls then return at once.
    const volatile int* interrupt_flag = nullptr;

    Task& task() { return tasks.at(current); }
    Task* find_task(Pid pid) {
        const auto found = tasks.find(pid);
        return found == tasks.end() ? nullptr : &found->second;
    }
    MmStruct& mm_of(const Task& task) { return mms.at(task.mm); }
    SignalStruct& process_of(const Task& task) { return processes.at(task.tgid); }
    SighandStruct& sighand_of(const Task& task) { return sighands.at(task.sighand); }
    FdTable& fd_table(const Task& task) { return files_structs.at(task.files).table; }
    FsStruct& fs_of(const Task& task) { return fs_structs.at(task.fs); }
};

}  // namespace kernel
