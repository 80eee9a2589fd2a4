// The debugger's engine: runs a machine step by step or to the next event, reads and writes the guest's
// memory without a trace, and says why it stopped. GDB's server and the prompt sit upon it. What it reads
// disturbs nothing: no A or D bit, no TLB fill, no fault; breakpoints are not written into memory.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "emu/cpu/debug_hooks.h"
#include "emu/debug/fault_log.h"
#include "emu/machine/machine.h"

namespace emu {

/// Why the guest stands still.
struct Stop {
    enum class Kind : u8 {
        kStart,          ///< before the first instruction
        kStep,           ///< what was asked for has been done
        kBreakpoint,     ///< before the instruction at RIP
        kWatch,          ///< behind the instruction that made the access `watch`
        kSyscallEntry,   ///< RIP is behind SYSCALL, the kernel has not begun
        kSyscallReturn,  ///< the kernel has put its result into RAX
        kCaught,         ///< an event of FaultLog::catch_event() has happened: `what`
        kSignal,         ///< `signal` is due and not delivered
        kInterrupted,    ///< somebody asked for it
        kExited,         ///< there is no guest any more
    };
    Kind kind = Kind::kStart;
    int signal = 0;
    u64 syscall = 0;
    WatchHit watch{};
    std::string what{};
};

/// How to go on.
struct Resume {
    enum class Kind : u8 { kContinue, kStep, kRange };
    Kind kind = Kind::kContinue;
    u64 first = 0, end = 0;      ///< kRange: steps while first <= RIP < end
    bool deliver_signal = true;  ///< the signal of the last stop; false: the guest never hears of it
};

class Debugger {
  public:
    explicit Debugger(Machine& machine);
    ~Debugger();
    Debugger(const Debugger&) = delete;
    Debugger& operator=(const Debugger&) = delete;

    Machine& machine() { return machine_; }
    mmu::Registers& registers() { return machine_.cpu().regs; }
    u64 instructions() const { return machine_.counters().instructions; }
    const Stop& last_stop() const { return last_stop_; }
    FaultLog& faults() { return fault_log_; }
    const FaultLog& faults() const { return fault_log_; }

    /// Asked between slices of a run: true ends it with kInterrupted.
    void set_interrupt_check(std::function<bool()> check) { interrupted_ = std::move(check); }
    Stop resume(const Resume& how);

    // Breakpoints and watched bytes; setting one that is there is no error. `condition`: stops only when it
    // says so.
    using Condition = std::function<bool()>;
    void set_breakpoint(u64 address, Condition condition = {});
    void remove_breakpoint(u64 address);
    void set_watch(const WatchRange& range);
    void remove_watch(const WatchRange& range);
    void clear_all();

    void catch_syscalls(bool on, std::set<u64> numbers) {
        catch_syscalls_ = on;
        caught_syscalls_ = std::move(numbers);
    }
    /// Signals that are delivered without a stop.
    void pass_signals(std::set<int> signals) { passed_signals_ = std::move(signals); }

    /// Bytes read from `address` on, fewer where the guest has nothing mapped. What is mapped but not present
    /// is shown as a fault would bring it in.
    usize read(u64 address, std::span<u8> bytes) const;
    /// Writes as ptrace(2) does: absent pages are faulted in, private ones copied. False: nothing there.
    bool write(u64 address, std::span<const u8> bytes);

    /// The number of the system call at whose door the guest stands; nothing elsewhere.
    std::optional<u64> syscall_at_stop() const;

  private:
    Stop run(const Resume& how);
    std::optional<Stop> execute(const Resume& how, bool first);
    std::optional<Stop> serve(Exit exit);
    std::optional<Stop> after_execution(Exit exit, bool first);
    bool breaks_at_fetch_fault();
    bool condition_holds(u64 address);
    void apply_hooks();
    usize read_backing(u64 address, std::span<u8> bytes) const;

    Machine& machine_;
    DebugHooks hooks_;
    FaultLog fault_log_;
    std::vector<u64> applied_breakpoints_;
    std::vector<WatchRange> applied_watches_;
    std::map<u64, Condition> breakpoints_;
    std::function<bool()> interrupted_;
    bool catch_syscalls_ = false;
    std::set<u64> caught_syscalls_;
    std::set<int> passed_signals_;
    std::optional<Exit> unserved_;  ///< the guest stands before the kernel's part
    Stop last_stop_;
};

}  // namespace emu
