// The whole machine: RAM, MMU, CPU and kernel, and the loop that carries traps from the CPU to the kernel and
// back. The only place that knows both sides.
//
//   Interpreter::run --Exit::kSyscall--> Kernel::handle_syscall --+
//         ^          --Exit::kFault----> Kernel::handle_fault   --+
//         |          --Exit::kBudget---> timers, signals from outside
//         +---------------- registers changed, pages mapped ------+
#pragma once

#include <csignal>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "emu/cpu/block_tier.h"
#include "emu/cpu/cpu_model.h"
#include "emu/interp/interpreter.h"
#include "emu/report/task_table.h"
#include "kernel/kernel.h"
#include "kernel/observer.h"
#include "mmu/mmu.h"
#include "mmu/observer.h"
#include "mmu/tlb_config.h"

namespace emu {

/// What executes guest instructions. All come to the same.
enum class Engine : mmu::u8 {
    kAuto,  ///< the translated tier where the host has what it needs, otherwise the interpreter
    kInterpreter,
    kJit,
};

struct MachineConfig {
    u64 memory_bytes = u64{1} << 30;
    mmu::TlbConfig tlb;
    FeatureSet features = implemented_features();
    kernel::KernelConfig kernel;
    u64 max_instructions = 0;  ///< 0: no limit; a guest that reaches it is ended by SIGXCPU
    bool check = false;        ///< recount the kernel's memory and look for stale TLB entries after each trap
    bool verify = false;       ///< replay each reference in the brute-force model
    bool la57 = false;         ///< 5-level page tables
    // run() also returns, without an exit status, when one of these is reached; 0: never.
    u64 stop_at_instruction = 0;
    u64 stop_at_fault = 0;  ///< page faults, each taken and handled
    Engine engine = Engine::kAuto;
    bool task_table = false;  ///< divide the counters among the guest's tasks
};

class Machine {
  public:
    static mmu::Expected<std::unique_ptr<Machine>, mmu::Error> create(const MachineConfig& config);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    /// Loads a program as execve(2) does; arguments[0] is its name for itself.
    mmu::Expected<void, mmu::Error> exec(const std::string& path, const std::vector<std::string>& arguments,
                                         const std::vector<std::string>& environment);

    /// Runs the guest to its end, or to where the configuration stops it. error() tells of what went wrong
    /// with the emulation itself.
    kernel::ExitStatus run();
    const std::optional<mmu::Error>& error() const { return error_; }

    // One turn of run() in its halves, for a debugger that looks in between.
    /// The guest's own instructions, `limit` at the most, until a trap, a timer, a breakpoint or a watched
    /// access.
    Exit execute(u64 limit);
    /// Exactly one instruction, if it raises no fault.
    Exit execute_one();
    /// What `exit` asks of the kernel.
    void serve(Exit exit);
    bool ended() const { return kernel_.exit_status() || error_ || stopped_; }

    /// Null: nobody debugs. The hooks are the caller's; debug_changed() tells of changes in them.
    void set_debug_hooks(DebugHooks* hooks);
    void debug_changed();

    /// Sends the guest a signal from outside. May be called from a host signal handler.
    void request_stop(int signal);

    /// Makes a run come back soon, without a signal for the guest; cancel_break() takes it back. The same may call it.
    void request_break();
    void cancel_break();

    void set_observers(mmu::Observer* mmu_observer, kernel::Observer* kernel_observer);

    mmu::Mmu& mmu() { return mmu_; }
    kernel::Kernel& kernel() { return kernel_; }
    const Cpu& cpu() const { return *cpu_; }
    Cpu& cpu() { return *cpu_; }
    mmu::PhysicalMemory& memory() { return memory_; }
    const Counters& counters() const { return cpu_->counters; }
    /// System calls and faults handed to the kernel so far.
    u64 traps() const { return traps_; }
    /// In a copy of the process: nothing is executed from memory that copies share.
    void leave_shared_memory();
    /// MachineConfig::task_table's, up to now; null: it was not asked for.
    const TaskTable* task_table();
    u64 blocks_built() const { return interpreter_->blocks_built(); }
    double decode_seconds() const { return interpreter_->decode_seconds(); }

    /// A hash of everything that the guest's next step could depend on: registers, mapped memory with its
    /// page tables, TLB contents, counters. Two runs of the same guest end with the same one.
    std::string state_hash() const;

  private:
    Machine(const MachineConfig& config, mmu::PhysicalMemory memory);
    u64 budget() const;
    void check();
    void handle_fault();
    void log_undefined();
    void handle_budget(Exit exit);
    bool take_signals(Exit exit);
    void note_task();

    MachineConfig config_;
    mmu::PhysicalMemory memory_;
    mmu::Mmu mmu_;
    CpuModel model_;
    std::unique_ptr<Cpu> cpu_;
    std::unique_ptr<BlockTier> tier_;
    std::unique_ptr<Interpreter> interpreter_;
    kernel::Kernel kernel_;
    std::optional<TaskTable> task_table_;
    std::optional<mmu::Error> error_;
    std::set<std::string> undefined_;  ///< encodings that have been logged
    bool stopped_ = false;
    u64 traps_ = 0;  ///< system calls and faults served: with the instructions it tells where a signal came
    volatile std::sig_atomic_t pending_signal_ = 0;
};

}  // namespace emu
