// KernelState: everything the mini-Linux holds, keyed by ids (process id, mm id, file id), so that more than
// one task can come. There is nothing global beside it.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "kernel/config.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/ipc.h"
#include "kernel/fs/path.h"
#include "kernel/kernel.h"
#include "kernel/mm.h"
#include "kernel/task.h"
#include "mmu/base/rng.h"

namespace kernel {

inline constexpr Pid kFirstPid = 1000;

/// Virtual time: one nanosecond an instruction, and what the guest slept. Deviation: it does not follow the
/// host's clock, so two runs see the same times.
struct VirtualClock {
    u64 instructions = 0;
    u64 slept_ns = 0;
    u64 now_ns() const { return instructions + slept_ns; }  ///< CLOCK_MONOTONIC
};

struct KernelState {
    KernelState(mmu::PhysicalMemory& memory, mmu::Mmu& mmu, const KernelConfig& the_config)
        : config(the_config), hw(mmu), system(memory, mmu), rng(the_config.seed) {
        system.thp.mode = the_config.thp;
    }

    KernelConfig config;
    mmu::Mmu& hw;
    MemorySystem system;
    std::map<MmId, MmStruct> mms;
    MmId next_mm = 1;
    std::map<Pid, Task> tasks;
    Pid current = 0;

    std::optional<PathResolver> paths;  ///< made at the first exec
    OpenFileTable files;
    IpcState ipc;

    mmu::Rng rng;
    VirtualClock clock;
    std::optional<ExitStatus> exit_status;
    KernelStats stats;
    std::set<u64> logged_syscalls;  ///< each unknown number is logged once
    bool hold_signals = false;  ///< a debugger wants to see a signal before it is delivered
    /// Nonzero while a signal from outside waits for post_signal(): blocking calls then return at once.
    const volatile int* interrupt_flag = nullptr;

    Task& task() { return tasks.at(current); }
    MmStruct& mm_of(const Task& task) { return mms.at(task.mm); }
};

}  // namespace kernel
