// The debugger's engine: runs a machine step by step or to the next event, reads and writes the guest's
// memory without a trace, and says why it stopped. GDB's server and the prompt sit upon it. What it reads
// disturbs nothing: no A or D bit, no TLB fill, no fault; breakpoints are not written into memory.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "emu/cpu/debug_hooks.h"
#include "emu/debug/fault_log.h"
#include "emu/debug/position.h"
#include "emu/debug/stage_frames.h"
#include "emu/debug/task_watch.h"
#include "emu/debug/vm_watch.h"
#include "emu/machine/machine.h"
#include "kernel/state.h"
#include "kernel/task.h"

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
        kFork,           ///< `task` has made the process `other`, which has not run yet
        kVfork,          ///< the same by vfork(): `task` waits
        kVforkDone,      ///< `task` goes on
        kExec,           ///< `task` is another program, before its first instruction
        kThreadNew,      ///< `task` has been made within its process, and has not run yet
        kThreadExited,   ///< the thread `task` of the process `other` has ended with `status`; there are more
        kProcessExited,  ///< the process `other` has ended with `status`; there are more
        kNoneLeft,       ///< all tasks that were to run have ended; others stand still
        kExited,         ///< there is no guest any more
        kHorizon,        ///< in the past: the end of what has happened
        kHistoryBegin,   ///< going back: there is nothing before this
    };
    Kind kind = Kind::kStart;
    int signal = 0;
    u64 syscall = 0;
    WatchHit watch{};
    std::string what{};
    kernel::Pid task = 0;  ///< whose stop it is
    kernel::Pid other = 0;
    int status = 0;         ///< as of wait4()
    bool at_entry = false;  ///< at a stage: of a breakpoint on the very beginning of its function
};

/// How to go on.
struct Resume {
    enum class Kind : u8 { kContinue, kStep, kRange };
    Kind kind = Kind::kContinue;
    u64 first = 0, end = 0;      ///< kRange: steps while first <= RIP < end
    bool deliver_signal = true;  ///< the signal of the last stop; false: the guest never hears of it
    kernel::Pid task = 0;        ///< who steps; 0: the task that runs
    int signal = 0;              ///< another signal, for `task`, in the place of the last stop's
};

/// Which events in the lives of processes stop, and whether those of threads do.
struct TaskEvents {
    bool forks = false, execs = false, exits = false, threads = false;
    bool children_ignored = false;  ///< where forks do not stop: ignore_process() for each child
};

class Debugger {
  public:
    explicit Debugger(Machine& machine);
    ~Debugger();
    Debugger(const Debugger&) = delete;
    Debugger& operator=(const Debugger&) = delete;

    Machine& machine() { return machine_; }
    /// The guest's; at a stage a copy, with those of the stage's function.
    mmu::Registers& registers();
    /// The selected task; else the one that runs, or while all sleep the one that ran last; only while
    /// has_task().
    kernel::Task& task() const;
    bool has_task() const;
    u64 instructions() const { return machine_.counters().instructions; }
    const Stop& last_stop() const { return last_stop_; }
    void set_last_stop(const Stop& stop) { last_stop_ = stop; }
    /// Of the run under way.
    const Resume& pending() const { return how_; }
    FaultLog& faults() { return fault_log_; }
    const FaultLog& faults() const { return fault_log_; }
    /// By which names the kernel's functions are shown.
    void set_kernel_names(KernelNames names) {
        kernel_names_ = names;
        fault_log_.set_names(names);
    }
    KernelNames kernel_names() const { return kernel_names_; }
    /// Physical memory and page-table entries that are watched, TLB misses and evictions that are caught.
    VmWatch& vm_watch() { return vm_watch_; }
    const VmWatch& vm_watch() const { return vm_watch_; }

    /// Asked between slices of a run: true ends it with kInterrupted.
    void set_interrupt_check(std::function<bool()> check) { interrupted_ = std::move(check); }
    Stop resume(const Resume& how);

    // Processes and threads (debugger_tasks.cpp).
    /// Whose registers and memory are shown from now until the guest goes on; 0: the running task's.
    void select(kernel::Pid task);
    /// These stand still; empty: none do.
    void freeze(std::set<kernel::Pid> tasks);
    /// The process and its children run without a stop until attend_all().
    void ignore_process(kernel::Pid process);
    void attend_all();
    bool ignored(kernel::Pid process) const;
    const std::set<kernel::Pid>& ignored_processes() const { return ignored_; }
    void want_task_events(const TaskEvents& events) { events_wanted_ = events; }
    /// The control registers under which the selected task's memory is translated.
    mmu::ControlRegisters control() const;
    /// A walk in its address space, without effect; `address` is canonical.
    mmu::Walk peek_walk(u64 address, mmu::Access access) const;

    /// What the selected task's stop is about, as PTRACE_GETSIGINFO tells it.
    kernel::SigInfo signal_information() const;
    /// PTRACE_SETSIGINFO: this goes with the signal that the selected task goes on with, if it has that
    /// number.
    void set_signal_information(const kernel::SigInfo& info);

    // Stages (stage_frames.h): a run may stop in the middle of the kernel's or the MMU's work.
    /// Called there, while resume() has not returned; what it answers goes on. Without one nothing stops at
    /// stages.
    void set_stage_handler(std::function<Resume()> handler);
    bool in_stage() const { return in_stage_; }
    /// Where stages stop besides breakpoints: nowhere; those that a step leads into; each fault's first.
    enum class FaultMode : u8 { kHidden, kStep, kStop };
    void set_fault_mode(FaultMode mode) { fault_mode_ = mode; }
    FaultMode fault_mode() const { return fault_mode_; }
    /// From a stage: no further stops, and resume() comes back as soon as it can.
    void leave_stages() { leaving_ = true; }

    // Positions, for who goes back in time (timeline.h).
    Position position() const;
    /// False within an instruction, at a stage of the MMU's: its position is where the instruction begins.
    bool has_position() const { return !in_stage_ || !mmu_stage_; }
    bool stage_of_syscall() const { return in_stage_ && stages_.of_syscall(); }
    /// From a function's first stage back to its beginning, where a breakpoint of the client's is: GDB waits
    /// for that address when it goes backwards out of a function. False: there is none.
    bool back_to_entry();
    /// Runs to `to` without a stop and gives `arrival` there; or, where that is a stage, calls the stage
    /// handler and gives the stop that the run has come to since, or nothing when it goes on.
    std::optional<Stop> travel(const Target& to, const Stop& arrival);
    struct Found {
        Target target;
        Stop stop;
    };
    /// Runs to `end` and gives the last stop before it; `all_stages`: each stage of the kernel's is one;
    /// `counts` is asked at each. What stands here afterwards is of no use.
    std::optional<Found> search(const Position& end, bool all_stages,
                                const std::function<bool(const Stop&)>& counts);
    /// A state that an instruction begins in.
    struct Moment {
        u64 instructions = 0, rip = 0, rsp = 0;
        kernel::Pid task = 0;
    };
    /// Those from here to before `end` instructions, one by one. No stage is told.
    std::vector<Moment> moments(u64 end);
    /// Called between slices of a run once so many instructions are executed; what it answers ends the run.
    void set_pause(u64 instructions, std::function<std::optional<Stop>()> at_pause);
    /// Who stands still from when on, in what is run again.
    struct Frozen {
        Position at;
        std::set<kernel::Pid> frozen;
    };
    void set_schedule(std::deque<Frozen> schedule) { schedule_ = std::move(schedule); }
    const std::set<kernel::Pid>& frozen() const { return machine_.kernel().state().sched.frozen; }
    /// Runs end there with kHorizon.
    void set_horizon(std::optional<Position> horizon) { horizon_ = horizon; }

    // Breakpoints and watched bytes; setting one that is there is no error. `condition`: stops only when it
    // says so. `process`: only there; 0: in all.
    using Condition = std::function<bool()>;
    void set_breakpoint(u64 address, Condition condition = {}, kernel::Pid process = 0);
    void remove_breakpoint(u64 address, kernel::Pid process = 0);
    void set_watch(const WatchRange& range, kernel::Pid process = 0);
    void remove_watch(const WatchRange& range, kernel::Pid process = 0);
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
    /// Watched bytes of one process; 0: of all.
    struct Watch {
        WatchRange range;
        kernel::Pid process = 0;
    };

    void count_stage(u64 pc);
    std::string_view stage_name() const;
    void keep_schedule();
    bool at_horizon() const;
    bool stage_at_horizon();
    u64 run_limit() const;
    bool turn(const Target& to);
    bool arrived(const Target& to) const;
    void finish_travel();
    Stop run();
    std::optional<Stop> settle_signals();
    std::optional<Stop> deliver_due_signals();
    std::optional<Stop> task_stop();
    std::optional<Stop> task_made(kernel::Pid child, kernel::Pid maker, u64 flags);
    std::optional<Stop> task_changed(const kernel::Event& event, kernel::Pid pid);
    std::optional<Stop> thread_ended(const kernel::Event& event);
    bool current_ignored() const;
    bool none_left() const;
    VmWatch::Entry last_entry(u64 address, u64 root) const;
    void leave_frozen();
    void drop_breakpoints(kernel::Pid process);
    void copy_breakpoints(kernel::Pid from, kernel::Pid to);
    kernel::SigInfo sent_by_us(int signal) const;
    void inject_signal(kernel::Pid task, const kernel::SigInfo& info);
    void drop_foreign_hits();
    bool catches_syscall(u64 number) const;
    std::optional<Stop> syscall_return();
    bool steps_now() const;
    std::optional<Stop> execute(bool first);
    void at_stage(u64 pc);
    void serve_stage(u64 pc);
    bool breaks_at_stage(u64 pc);
    bool stops_at_stage(u64 pc);
    bool stage_left_for_guest();
    bool wants_references() const;
    void choose_observers();
    void leave_soon();
    std::optional<Stop> serve(Exit exit);
    std::optional<Stop> after_execution(Exit exit, bool first);
    void leave_unserved(Exit exit) {
        unserved_ = exit;
        unserved_rip_ = machine_.cpu().regs.rip;
    }
    bool breaks_at_fetch_fault();
    bool condition_holds(u64 address);
    void apply_hooks();
    usize read_backing(u64 address, std::span<u8> bytes) const;
    usize read_direct_map(u64 address, std::span<u8> bytes) const;
    usize read_page_structs(u64 address, std::span<u8> bytes) const;

    Machine& machine_;
    DebugHooks hooks_;
    FaultLog fault_log_;
    VmWatch vm_watch_;
    /// What is to be told is told before the guest waits for something.
    TaskWatch task_watch_{vm_watch_, [this] { machine_.request_break(); }};
    std::vector<u64> applied_breakpoints_;
    std::vector<WatchRange> applied_watches_;
    std::map<u64, std::map<kernel::Pid, Condition>> breakpoints_;
    std::vector<Watch> watches_;
    std::function<bool()> interrupted_;
    bool catch_syscalls_ = false;
    std::set<u64> caught_syscalls_;
    std::map<kernel::Pid, u64> caught_calls_;  ///< on their way
    std::set<int> passed_signals_;
    std::optional<Exit> unserved_;  ///< the guest stands before the kernel's part
    u64 unserved_rip_ = 0;
    Stop last_stop_;
    mutable kernel::Pid last_task_ = 0;
    kernel::Pid stepped_task_ = 0;  ///< a step is its alone: others run meanwhile
    kernel::Pid selected_ = 0;
    std::set<kernel::Pid> ignored_;
    TaskEvents events_wanted_;
    std::map<kernel::Pid, kernel::Pid> vforks_;       ///< child -> who waits for it
    std::deque<Stop> stops_due_;                      ///< that happened together with the last one
    std::set<std::pair<kernel::Pid, int>> injected_;  ///< signals that came from us
    /// set_signal_information(), until the guest goes on.
    std::optional<std::pair<kernel::Pid, kernel::SigInfo>> written_information_;
    Resume how_;  ///< of the run under way; a stop at a stage may change it

    KernelNames kernel_names_ = KernelNames::kCurrent;
    StageFrames stages_;
    std::function<Resume()> stage_handler_;
    FaultMode fault_mode_ = FaultMode::kHidden;
    mmu::Registers stage_registers_;
    bool in_stage_ = false, stepping_stages_ = false, leaving_ = false, stepped_from_stage_ = false,
         references_wanted_ = false, mmu_observed_ = false;

    u64 pause_at_ = 0;
    std::function<std::optional<Stop>()> at_pause_;
    std::optional<Position> horizon_;
    std::deque<Frozen> schedule_;
    std::optional<Target> travelling_;
    Stop arrival_;
    std::function<void()> put_back_;
    bool searching_ = false, searching_stages_ = false;
    bool mmu_stage_ = false;                 ///< the stage under way is one of the MMU's
    u64 stage_trap_ = 0, stage_number_ = 0;  ///< stages of that trap so far
};

}  // namespace emu
