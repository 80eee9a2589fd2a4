// The mini-Linux's face. The machine calls it when the CPU traps; it never calls the CPU. All of user memory
// is reached through the Mmu (uaccess.h), all page tables are made in guest RAM (page_table.h).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/config.h"
#include "kernel/stats.h"
#include "mmu/arch/fault.h"
#include "mmu/arch/registers.h"
#include "mmu/base/expected.h"
#include "mmu/mmu.h"

namespace kernel {

/// How a guest ended. A shell reports `killed_by` as 128 + signal.
struct ExitStatus {
    int code = 0;       ///< of exit_group, 0..255
    int killed_by = 0;  ///< signal number; 0 for a normal exit

    int shell_status() const { return killed_by ? 128 + killed_by : code; }
};

class Observer;
class SyscallTrace;
struct KernelState;
struct SigInfo;

class Kernel {
  public:
    Kernel(mmu::PhysicalMemory& memory, mmu::Mmu& mmu, const KernelConfig& config);
    ~Kernel();

    /// Loads a program as execvp(3) does (a name without a slash is looked for along PATH of `environment`)
    /// and leaves its first registers in `registers`. Call once.
    mmu::Expected<void, mmu::Error> exec(const std::string& path, const std::vector<std::string>& arguments,
                                         const std::vector<std::string>& environment,
                                         mmu::Registers& registers);

    /// SYSCALL was executed; registers.rip is the instruction after it. `instructions` is the virtual time.
    void handle_syscall(mmu::Registers& registers, mmu::u64 instructions);
    /// An exception was raised; registers.rip is the instruction that raised it.
    void handle_fault(const mmu::Fault& fault, mmu::Registers& registers, mmu::u64 instructions);

    /// Nobody can run until post_signal() is called.
    bool idle() const;
    /// Looks again whether somebody can run.
    void resume(mmu::Registers& registers);

    /// A signal from outside (Ctrl-C): delivered to the guest before its next instruction.
    void post_signal(int signal, mmu::Registers& registers);

    /// The instruction count at which handle_timer() is to be called: a timer is due, or another task's slice.
    /// Nothing while neither is. A machine that never calls it has its timers expire at the next system call.
    std::optional<mmu::u64> next_timer() const;
    void handle_timer(mmu::Registers& registers, mmu::u64 instructions);

    /// `*flag` is nonzero while a signal from outside waits for post_signal(): a guest that blocks on input
    /// then returns at once. The flag is set by a host signal handler; null (the default): there is none.
    void watch_interrupts(const volatile int* flag);

    /// Ends the guest as a signal does that cannot be caught.
    void kill(int signal);

    // For a debugger, which hears of a signal before the guest does.
    /// While held, a signal that is due waits for release_signals().
    void hold_signals(bool held);
    /// The signal that release_signals() would deliver first; nothing: none is due.
    std::optional<SigInfo> due_signal() const;
    /// Another one in its place.
    void change_due_signal(const SigInfo& info);
    /// Delivers, or drops, the first one that is due; while signals are not held all others too.
    enum class FirstSignal : mmu::u8 { kDeliver, kDrop };
    void release_signals(mmu::Registers& registers, FirstSignal first);

    /// Tells each step of faults, mapping calls and frame allocation; null for none.
    void set_observer(Observer* observer);

    /// Shows system calls, signals and ends of tasks; null for none.
    void set_syscall_trace(SyscallTrace* trace);

    /// Empty while the guest runs.
    const std::optional<ExitStatus>& exit_status() const;

    /// --check: recounts everything (check.h). A sentence about a translation that should have been flushed;
    /// any other inconsistency is our bug and aborts.
    std::optional<std::string> check() const;

    const KernelStats& stats() const;
    const KernelState& state() const;
    KernelState& state();  ///< for the debugger: what it changes, the guest sees

  private:
    std::unique_ptr<KernelState> state_;
};

}  // namespace kernel
