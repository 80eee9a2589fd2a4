#include "emu/debug/debugger.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "emu/debug/vm_words.h"
#include "kernel/fault.h"
#include "kernel/signal.h"
#include "kernel/state.h"
#include "mmu/base/check.h"

namespace emu {

using mmu::Access, mmu::Privilege, mmu::VirtAddr;

namespace {

/// The beginning of the kernel's function whose first stage is at `pc`; 0: it is none's.
u64 entry_of(u64 pc) {
    const bool first = pc >= kKernelText && (pc - kKernelText) % kFunctionBytes == kBody;
    return first ? pc - kBody : 0;
}

}  // namespace

Debugger::Debugger(Machine& machine)
    : machine_(machine),
      fault_log_(machine.counters().instructions),
      vm_watch_(
          machine.mmu(), machine.cpu().regs, fault_log_,
          [this](u64 address, u64 root) { return last_entry(address, root); }, [this] { leave_soon(); }),
      stages_(
          machine.cpu().regs, [this](u64 pc) { at_stage(pc); },
          [this](u64 address) {
              kernel::KernelState& kernel = machine_.kernel().state();
              const kernel::VmAreaStruct* vma =
                  has_task() ? kernel.mm_of(task()).mm_mt.find_vma(address) : nullptr;
              return vma ? vma->object.address() : 0;
          }) {
    machine_.set_observers(nullptr, &task_watch_);
    machine_.set_debug_hooks(&hooks_);
    machine_.kernel().hold_signals(true);
}

Debugger::~Debugger() {
    machine_.kernel().hold_signals(false);
    freeze({});
    if (!machine_.ended()) {
        if (unserved_) machine_.serve(*unserved_);
        machine_.kernel().release_signals(machine_.cpu().regs, kernel::Kernel::FirstSignal::kDeliver);
    }
    machine_.set_observers(nullptr, nullptr);
    machine_.set_debug_hooks(nullptr);
}

void Debugger::set_stage_handler(std::function<Resume()> handler) {
    stage_handler_ = std::move(handler);
    fault_log_.set_next(stage_handler_ ? &stages_ : nullptr);
}

/// A breakpoint on one of the MMU's own functions: then each reference must be seen, which costs speed.
bool Debugger::wants_references() const {
    const u64 first = address_of(kernel_function("mmu_translate"));
    return stage_handler_ && breakpoints_.lower_bound(first) != breakpoints_.end();
}

void Debugger::choose_observers() {
    const bool references = wants_references(), observed = references || vm_watch_.active();
    if (references == references_wanted_ && observed == mmu_observed_) return;
    references_wanted_ = references;
    mmu_observed_ = observed;
    vm_watch_.set_next(references ? &stages_ : nullptr);
    machine_.set_observers(observed ? &vm_watch_ : nullptr, &task_watch_);
    machine_.debug_changed();
}

/// Within an instruction: what follows it is to wait.
void Debugger::leave_soon() {
    if (hooks_.held || !machine_.cpu().run_budget) return;
    hooks_.leave = hooks_.held = true;
    machine_.cpu().budget -= DebugHooks::kHold;
}

/// A breakpoint at `pc` stops.
bool Debugger::breaks_at_stage(u64 pc) {
    if (!breakpoints_.contains(pc)) return false;
    stage_registers_ = stages_.registers();
    in_stage_ = true;  // conditions are about the function's arguments
    const bool holds = condition_holds(pc);
    in_stage_ = false;
    if (holds) last_stop_ = {.kind = Stop::Kind::kBreakpoint, .task = machine_.kernel().state().current};
    return holds;
}

bool Debugger::back_to_entry() {
    const u64 entry = in_stage_ ? entry_of(stage_registers_.rip) : 0;
    if (!entry || !breakpoints_.contains(entry) || !condition_holds(entry)) return false;
    stage_registers_.rip = entry;
    last_stop_ = {
        .kind = Stop::Kind::kBreakpoint, .task = machine_.kernel().state().current, .at_entry = true};
    return true;
}

bool Debugger::stops_at_stage(u64 pc) {
    if (travelling_) {
        in_stage_ = true;
        const bool here = !travelling_->by_count && position() == travelling_->at;
        in_stage_ = false;
        if (!here) return false;
        finish_travel();
        last_stop_ = arrival_;
        return true;
    }
    if (const u64 entry = entry_of(pc); entry && breaks_at_stage(entry)) {
        last_stop_.at_entry = true;
        return true;
    }
    if (breaks_at_stage(pc)) return true;
    if (auto what = fault_log_.take_caught()) {
        last_stop_ = {.kind = Stop::Kind::kCaught, .what = *what, .task = machine_.kernel().state().current};
        return true;
    }
    // Looking back: at the very stage; forwards when the kernel is done.
    if (searching_)
        if (auto what = vm_watch_.take()) {
            last_stop_ = {
                .kind = Stop::Kind::kCaught, .what = *what, .task = machine_.kernel().state().current};
            return true;
        }
    last_stop_ = {.kind = Stop::Kind::kStep, .task = machine_.kernel().state().current};
    if (fault_mode_ == FaultMode::kStop && pc == address_of(kernel_function("exc_page_fault")) + kBody)
        return true;
    if (searching_stages_) return !mmu_stage_;
    if (!stepping_stages_) return false;
    return how_.kind == Resume::Kind::kStep || pc < how_.first || pc >= how_.end;
}

void Debugger::at_stage(u64 pc) {
    if (!stage_handler_ || in_stage_) return;
    count_stage(pc);
    if (leaving_ || (!travelling_ && current_ignored())) return;
    const Stop before = last_stop_;
    if (!stops_at_stage(pc)) {
        last_stop_ = before;
        if (!stage_at_horizon()) return;
        last_stop_ = {.kind = Stop::Kind::kHorizon};
    }
    serve_stage(pc);
    selected_ = 0;
    stepping_stages_ = stepped_from_stage_ = how_.kind != Resume::Kind::kContinue;
    if (stepping_stages_ || leaving_) leave_soon();
}

/// The client stands here; between a function's beginning and its first stage nothing happens but in its
/// eyes.
void Debugger::serve_stage(u64 pc) {
    stage_registers_ = stages_.registers();
    if (last_stop_.at_entry) stage_registers_.rip = entry_of(pc);
    in_stage_ = true;
    while (true) {
        how_ = stage_handler_();
        if (leaving_ || stage_registers_.rip == pc) break;
        stage_registers_.rip = pc;
        const bool breaks = breakpoints_.contains(pc) && condition_holds(pc);
        if (!breaks && how_.kind == Resume::Kind::kContinue) break;
        last_stop_ = {.kind = breaks ? Stop::Kind::kBreakpoint : Stop::Kind::kStep,
                      .task = machine_.kernel().state().current};
    }
    in_stage_ = false;
}

void Debugger::set_breakpoint(u64 address, Condition condition, kernel::Pid process) {
    breakpoints_[address][process] = std::move(condition);
}

void Debugger::remove_breakpoint(u64 address, kernel::Pid process) {
    const auto found = breakpoints_.find(address);
    if (found == breakpoints_.end()) return;
    found->second.erase(process);
    if (found->second.empty()) breakpoints_.erase(found);
}

void Debugger::set_watch(const WatchRange& range, kernel::Pid process) {
    remove_watch(range, process);
    watches_.push_back({range, process});
}

void Debugger::remove_watch(const WatchRange& range, kernel::Pid process) {
    std::erase_if(watches_,
                  [&](const Watch& watch) { return watch.range == range && watch.process == process; });
}

void Debugger::clear_all() {
    breakpoints_.clear();
    watches_.clear();
    catch_syscalls_ = false;
    caught_syscalls_.clear();
    caught_calls_.clear();
    passed_signals_.clear();
}

/// GDB takes breakpoints out and puts them in again around each step: what comes out the same costs nothing.
void Debugger::apply_hooks() {
    hooks_.breakpoints.clear();
    for (const auto& [address, conditions] : breakpoints_) hooks_.breakpoints.push_back(address);
    hooks_.watches.clear();
    for (const Watch& watch : watches_)
        if (std::find(hooks_.watches.begin(), hooks_.watches.end(), watch.range) == hooks_.watches.end())
            hooks_.watches.push_back(watch.range);
    // Stores to watched frames, wherever they are mapped now.
    for (const WatchRange& physical : vm_watch_.physical())
        for (const WatchRange& range : ranges_mapping(*this, physical)) hooks_.watches.push_back(range);
    if (hooks_.breakpoints == applied_breakpoints_ && hooks_.watches == applied_watches_) return;
    applied_breakpoints_ = hooks_.breakpoints;
    applied_watches_ = hooks_.watches;
    machine_.debug_changed();
}

bool Debugger::has_task() const {
    const auto& tasks = machine_.kernel().state().tasks;
    return std::any_of(tasks.begin(), tasks.end(), [](const auto& entry) { return entry.second.mm != 0; });
}

kernel::Task& Debugger::task() const {
    kernel::KernelState& kernel = machine_.kernel().state();
    if (kernel.current) last_task_ = kernel.current;
    const auto selected = kernel.tasks.find(selected_);
    if (selected != kernel.tasks.end() && selected->second.mm) return selected->second;
    const auto last = kernel.tasks.find(last_task_);
    if (last != kernel.tasks.end() && last->second.mm) return last->second;
    for (auto& [pid, task] : kernel.tasks)
        if (task.mm) return task;
    CHECK(!kernel.tasks.empty());
    return kernel.tasks.begin()->second;
}

mmu::Registers& Debugger::registers() {
    if (has_task())
        if (kernel::Task& shown = task(); shown.pid != machine_.kernel().state().current)
            return shown.registers;
    return in_stage_ ? stage_registers_ : machine_.cpu().regs;
}

Stop Debugger::resume(const Resume& how) {
    selected_ = 0;
    stepped_task_ = how.task ? how.task : machine_.kernel().state().current;
    machine_.cancel_break();
    // Whoever interrupted before the guest went on has nothing more to say: it must not be missed. A step of
    // a task that was named may last, too.
    const bool may_last = how.kind == Resume::Kind::kContinue || how.task;
    if (may_last && interrupted_ && interrupted_()) machine_.request_break();
    how_ = how;
    leaving_ = stepped_from_stage_ = false;
    stepping_stages_ = fault_mode_ == FaultMode::kStep && how.kind != Resume::Kind::kContinue;
    last_stop_ = run();
    if (!last_stop_.task && has_task()) last_stop_.task = task().pid;
    return last_stop_;
}

/// What becomes of the last stop's signal, and of one that is to be sent in its place.
std::optional<Stop> Debugger::settle_signals() {
    kernel::KernelState& kernel = machine_.kernel().state();
    using First = kernel::Kernel::FirstSignal;
    const bool held = kernel.current && !kernel.sched.frozen.contains(kernel.current) &&
                      last_stop_.kind == Stop::Kind::kSignal && last_stop_.task == kernel.current;
    const auto written = std::exchange(written_information_, std::nullopt);
    const auto information = [&](kernel::Pid task, int signal) {
        return written && written->first == task && written->second.signo == signal ? written->second
                                                                                    : sent_by_us(signal);
    };
    if (how_.signal) {
        if (held) {
            kernel::Task& task = kernel.task();
            (void)kernel::take_pending_signal(kernel, task, ~task.signals.blocked);
        }
        const kernel::Pid task = how_.task ? how_.task : kernel.current;
        inject_signal(task, information(task, how_.signal));
        if (unserved_) return std::nullopt;  // it is due when the kernel has done its part
        const bool at_handler = how_.kind != Resume::Kind::kContinue && machine_.kernel().due_signal();
        if (auto stop = deliver_due_signals()) return stop;
        if (machine_.ended()) return Stop{.kind = Stop::Kind::kExited};
        if (auto stop = task_stop()) return stop;
        if (at_handler) return Stop{.kind = Stop::Kind::kStep};
    } else if (held) {
        if (how_.deliver_signal && written && written->first == kernel.current)
            machine_.kernel().change_due_signal(information(kernel.current, last_stop_.signal));
        machine_.kernel().release_signals(machine_.cpu().regs,
                                          how_.deliver_signal || horizon_ ? First::kDeliver : First::kDrop);
        if (machine_.ended()) return Stop{.kind = Stop::Kind::kExited};
        if (auto stop = task_stop()) return stop;
        // A handler's first instruction is a step's end, as for ptrace(2).
        if (how_.deliver_signal && how_.kind != Resume::Kind::kContinue)
            return Stop{.kind = Stop::Kind::kStep};
    }
    return std::nullopt;
}

Stop Debugger::run() {
    const Resume how = how_;
    if (machine_.ended()) return {.kind = Stop::Kind::kExited};
    if (!stops_due_.empty()) {
        const Stop due = stops_due_.front();
        stops_due_.pop_front();
        return due;
    }
    if (const auto stop = task_stop()) return *stop;  // one of several at once
    // Somebody has moved RIP: the fault was another instruction's.
    if (unserved_ == Exit::kFault && machine_.cpu().regs.rip != unserved_rip_) unserved_.reset();
    if (const auto stop = settle_signals()) return *stop;
    if (!unserved_)
        if (const auto stop = deliver_due_signals()) return *stop;
    if (unserved_) {
        const Exit exit = *std::exchange(unserved_, std::nullopt);
        const kernel::Pid whose = machine_.kernel().state().current;
        const auto stop = serve(exit);
        if (machine_.ended()) return {.kind = Stop::Kind::kExited};
        if (stop) return *stop;
        if (exit == Exit::kSyscall && how.kind != Resume::Kind::kContinue && whose == stepped_task_)
            return {.kind = Stop::Kind::kStep};
    }
    leave_frozen();
    for (bool first = true;; first = false) {
        if (at_pause_ && instructions() >= pause_at_)
            if (const auto stop = at_pause_()) return *stop;
        if (!schedule_.empty()) keep_schedule();
        if (at_horizon()) {
            const u64 rip = machine_.cpu().regs.rip;
            if (!first && breakpoints_.contains(rip) && condition_holds(rip))
                return {.kind = Stop::Kind::kBreakpoint};
            return {.kind = Stop::Kind::kHorizon};
        }
        if (const auto stop = execute(first)) return *stop;
        if (machine_.ended()) return {.kind = Stop::Kind::kExited};
        if (none_left()) return {.kind = Stop::Kind::kNoneLeft};
        if (leaving_ || (interrupted_ && interrupted_()))
            return {.kind = Stop::Kind::kInterrupted, .signal = SIGINT};
    }
}

/// The step that was asked for is the running task's. When the task has ended: the next one's, unless it was
/// asked for by name.
bool Debugger::steps_now() const {
    if (how_.kind == Resume::Kind::kContinue) return false;
    const auto& kernel = machine_.kernel().state();
    return kernel.current == stepped_task_ || (!how_.task && !kernel.tasks.contains(stepped_task_));
}

/// One run of the interpreter and the kernel's part after it.
std::optional<Stop> Debugger::execute(bool first) {
    hooks_.hits.clear();
    hooks_.at_breakpoint = hooks_.leave = false;
    choose_observers();
    const Resume how = how_;
    const bool stepping = steps_now();
    const u64 before = instructions();
    apply_hooks();
    const Exit exit = stepping || (first && breakpoints_.contains(machine_.cpu().regs.rip))
                          ? machine_.execute_one()
                          : machine_.execute(run_limit());
    // Where it stood already, a breakpoint is passed.
    if (auto stop = after_execution(exit, first && instructions() == before)) return stop;
    if (hooks_.at_breakpoint) {
        if (condition_holds(machine_.cpu().regs.rip)) return Stop{.kind = Stop::Kind::kBreakpoint};
        const Exit again = machine_.execute_one();
        if (auto stop = after_execution(again, true)) return stop;
    }
    if (!stepping || instructions() == before) return std::nullopt;
    if (!steps_now()) return std::nullopt;
    const u64 rip = machine_.cpu().regs.rip;
    if (how.kind == Resume::Kind::kRange && rip >= how.first && rip < how.end) {
        if (breakpoints_.contains(rip) && condition_holds(rip)) return Stop{.kind = Stop::Kind::kBreakpoint};
        return std::nullopt;
    }
    return Stop{.kind = Stop::Kind::kStep};
}

/// A breakpoint on a page that cannot be fetched from (not yet, or never: GDB puts one on the stack) comes
/// first.
bool Debugger::breaks_at_fetch_fault() {
    const mmu::Fault& fault = machine_.cpu().fault;
    const u64 rip = machine_.cpu().regs.rip;
    return fault.vector == mmu::Vector::kPageFault && (fault.error_code & mmu::PageFaultCode::kFetch) &&
           fault.address.value == rip && breakpoints_.contains(rip) && condition_holds(rip);
}

std::optional<Stop> Debugger::after_execution(Exit exit, bool first) {
    if (exit == Exit::kFault && !first && breaks_at_fetch_fault()) {
        leave_unserved(exit);
        return Stop{.kind = Stop::Kind::kBreakpoint};
    }
    if (!hooks_.hits.empty() && vm_watch_.watches_memory()) vm_watch_.after_store();
    drop_foreign_hits();
    if (auto what = vm_watch_.take(); what && !current_ignored()) {
        leave_unserved(exit);
        return Stop{.kind = Stop::Kind::kCaught, .what = *what};
    }
    if (!hooks_.hits.empty()) {
        leave_unserved(exit);
        // A write is told before a read of the same instruction: it is what people wait for.
        const auto write =
            std::find_if(hooks_.hits.begin(), hooks_.hits.end(), [](auto& hit) { return hit.write; });
        return Stop{.kind = Stop::Kind::kWatch,
                    .watch = write != hooks_.hits.end() ? *write : hooks_.hits.front()};
    }
    const u64 number = machine_.cpu().regs.gpr[mmu::kRax];
    if (exit == Exit::kSyscall && catches_syscall(number) && !current_ignored()) {
        leave_unserved(exit);
        return Stop{.kind = Stop::Kind::kSyscallEntry, .syscall = number};
    }
    return serve(exit);
}

/// Accesses to bytes that are watched in another process.
void Debugger::drop_foreign_hits() {
    if (hooks_.hits.empty()) return;
    const auto& kernel = machine_.kernel().state();
    const auto current = kernel.tasks.find(kernel.current);
    const kernel::Pid process = current == kernel.tasks.end() ? 0 : current->second.tgid;
    std::erase_if(hooks_.hits, [&](const WatchHit& hit) {
        return std::none_of(watches_.begin(), watches_.end(), [&](const Watch& watch) {
            return watch.range == hit.range && (watch.process ? watch.process == process : !ignored(process));
        });
    });
}

/// Those that nobody wants to hear of; stops at the first other one.
std::optional<Stop> Debugger::deliver_due_signals() {
    while (const auto due = machine_.kernel().due_signal()) {
        const kernel::Pid current = machine_.kernel().state().current;
        if (!injected_.erase({current, due->signo}) && !passed_signals_.contains(due->signo) &&
            !current_ignored())
            return Stop{.kind = Stop::Kind::kSignal, .signal = due->signo};
        machine_.kernel().release_signals(machine_.cpu().regs, kernel::Kernel::FirstSignal::kDeliver);
        if (machine_.ended()) return std::nullopt;
    }
    return std::nullopt;
}

std::optional<Stop> Debugger::serve(Exit exit) {
    const u64 number = machine_.cpu().regs.gpr[mmu::kRax];
    const kernel::Pid caller = machine_.kernel().state().current;
    if (exit == Exit::kSyscall && catches_syscall(number) && !current_ignored())
        caught_calls_[caller] = number;
    machine_.serve(exit);
    vm_watch_.after_kernel();
    if (machine_.ended()) return std::nullopt;
    if (auto stop = task_stop()) {
        if (auto also = syscall_return()) stops_due_.push_back(*also);
        return stop;
    }
    if (auto stop = deliver_due_signals()) return stop;
    if (machine_.ended()) return std::nullopt;
    if (auto stop = task_stop()) return stop;
    if (stage_left_for_guest()) return Stop{.kind = Stop::Kind::kStep};
    if (auto what = fault_log_.take_caught(); what && !current_ignored())
        return Stop{.kind = Stop::Kind::kCaught, .what = *what};
    if (auto what = vm_watch_.take(); what && !current_ignored())
        return Stop{.kind = Stop::Kind::kCaught, .what = *what};
    return syscall_return();
}

bool Debugger::catches_syscall(u64 number) const {
    return catch_syscalls_ && (caught_syscalls_.empty() || caught_syscalls_.contains(number));
}

/// The running task's call that was caught at its door has ended.
std::optional<Stop> Debugger::syscall_return() {
    const kernel::KernelState& kernel = machine_.kernel().state();
    const auto caught = caught_calls_.find(kernel.current);
    if (caught == caught_calls_.end() || kernel.tasks.at(kernel.current).call.parked) return std::nullopt;
    const Stop stop{.kind = Stop::Kind::kSyscallReturn, .syscall = caught->second, .task = kernel.current};
    caught_calls_.erase(caught);
    return stop;
}

/// A step that began at a stage has come back to the guest's own code.
bool Debugger::stage_left_for_guest() {
    return std::exchange(stepped_from_stage_, false) && how_.kind != Resume::Kind::kContinue;
}

/// A breakpoint at `address` is meant for the running task. Its own process's conditions decide, and those
/// for all.
bool Debugger::condition_holds(u64 address) {
    const auto found = breakpoints_.find(address);
    if (found == breakpoints_.end()) return true;
    if (current_ignored()) return false;
    const auto& kernel = machine_.kernel().state();
    const auto current = kernel.tasks.find(kernel.current);
    const auto holds = [&](kernel::Pid process) {
        const auto own = found->second.find(process);
        return own != found->second.end() && (!own->second || own->second());
    };
    return holds(0) || (current != kernel.tasks.end() && holds(current->second.tgid));
}

std::optional<u64> Debugger::syscall_at_stop() const {
    const bool at_one =
        last_stop_.kind == Stop::Kind::kSyscallEntry || last_stop_.kind == Stop::Kind::kSyscallReturn;
    return at_one ? std::optional(last_stop_.syscall) : std::nullopt;
}

}  // namespace emu
