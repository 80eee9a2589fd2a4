#include "emu/debug/debugger.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "kernel/fault.h"
#include "kernel/signal.h"
#include "kernel/state.h"
#include "mmu/base/check.h"

namespace emu {

using mmu::Access, mmu::Privilege, mmu::VirtAddr;

Debugger::Debugger(Machine& machine)
    : machine_(machine),
      fault_log_(machine.counters().instructions),
      stages_(
          machine.cpu().regs, [this](u64 pc) { at_stage(pc); },
          [this](u64 address) {
              kernel::KernelState& kernel = machine_.kernel().state();
              const kernel::VmAreaStruct* vma =
                  has_task() ? kernel.mm_of(task()).mm_mt.find_vma(address) : nullptr;
              return vma ? AreaImage{vma->vm_start, vma->vm_end, vma->vm_flags, vma->vm_pgoff} : AreaImage{};
          }) {
    machine_.set_observers(nullptr, &fault_log_);
    machine_.set_debug_hooks(&hooks_);
    machine_.kernel().hold_signals(true);
}

Debugger::~Debugger() {
    machine_.kernel().hold_signals(false);
    if (!machine_.ended()) {
        if (unserved_) machine_.serve(*unserved_);
        machine_.kernel().release_signals(registers(), kernel::Kernel::FirstSignal::kDeliver);
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
    if (references_wanted_ == wants_references()) return;
    references_wanted_ = !references_wanted_;
    machine_.set_observers(references_wanted_ ? &stages_ : nullptr, &fault_log_);
    machine_.debug_changed();
}

bool Debugger::stops_at_stage(u64 pc) {
    if (breakpoints_.contains(pc)) {
        stage_registers_ = stages_.registers();
        in_stage_ = true;  // conditions are about the function's arguments
        const bool holds = condition_holds(pc);
        in_stage_ = false;
        if (holds) {
            last_stop_ = {.kind = Stop::Kind::kBreakpoint};
            return true;
        }
    }
    last_stop_ = {.kind = Stop::Kind::kStep};
    if (fault_mode_ == FaultMode::kStop && pc == address_of(kernel_function("exc_page_fault")) + kBody)
        return true;
    if (!stepping_stages_) return false;
    return how_.kind == Resume::Kind::kStep || pc < how_.first || pc >= how_.end;
}

void Debugger::at_stage(u64 pc) {
    if (!stage_handler_ || leaving_ || in_stage_) return;
    const Stop before = last_stop_;
    if (!stops_at_stage(pc)) {
        last_stop_ = before;
        return;
    }
    stage_registers_ = stages_.registers();
    in_stage_ = true;
    how_ = stage_handler_();
    in_stage_ = false;
    stepping_stages_ = stepped_from_stage_ = how_.kind != Resume::Kind::kContinue;
    // Within an instruction: what follows it is to wait.
    if ((stepping_stages_ || leaving_) && !hooks_.held && machine_.cpu().run_budget) {
        hooks_.leave = hooks_.held = true;
        machine_.cpu().budget -= DebugHooks::kHold;
    }
}

void Debugger::set_breakpoint(u64 address, Condition condition) {
    breakpoints_[address] = std::move(condition);
}

void Debugger::remove_breakpoint(u64 address) {
    breakpoints_.erase(address);
}

void Debugger::set_watch(const WatchRange& range) {
    remove_watch(range);
    hooks_.watches.push_back(range);
}

void Debugger::remove_watch(const WatchRange& range) {
    std::erase(hooks_.watches, range);
}

void Debugger::clear_all() {
    breakpoints_.clear();
    hooks_.watches.clear();
    catch_syscalls_ = false;
    caught_syscalls_.clear();
    passed_signals_.clear();
}

/// GDB takes breakpoints out and puts them in again around each step: what comes out the same costs nothing.
void Debugger::apply_hooks() {
    hooks_.breakpoints.clear();
    for (const auto& [address, condition] : breakpoints_) hooks_.breakpoints.push_back(address);
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
    const auto last = kernel.tasks.find(last_task_);
    if (last != kernel.tasks.end() && last->second.mm) return last->second;
    for (auto& [pid, task] : kernel.tasks)
        if (task.mm) return task;
    CHECK(!kernel.tasks.empty());
    return kernel.tasks.begin()->second;
}

Stop Debugger::resume(const Resume& how) {
    stepped_task_ = machine_.kernel().state().current;
    machine_.cancel_break();
    how_ = how;
    leaving_ = stepped_from_stage_ = false;
    stepping_stages_ = fault_mode_ == FaultMode::kStep && how.kind != Resume::Kind::kContinue;
    return last_stop_ = run();
}

Stop Debugger::run() {
    const Resume how = how_;
    if (machine_.ended()) return {.kind = Stop::Kind::kExited};
    if (last_stop_.kind == Stop::Kind::kSignal) {
        using First = kernel::Kernel::FirstSignal;
        machine_.kernel().release_signals(registers(), how.deliver_signal ? First::kDeliver : First::kDrop);
        // A handler's first instruction is a step's end, as for ptrace(2).
        if (how.deliver_signal && how.kind != Resume::Kind::kContinue) return {.kind = Stop::Kind::kStep};
    }
    if (unserved_) {
        const Exit exit = *std::exchange(unserved_, std::nullopt);
        const auto stop = serve(exit);
        if (machine_.ended()) return {.kind = Stop::Kind::kExited};
        if (stop) return *stop;
        if (exit == Exit::kSyscall && how.kind != Resume::Kind::kContinue) return {.kind = Stop::Kind::kStep};
    }
    for (bool first = true;; first = false) {
        if (const auto stop = execute(first)) return *stop;
        if (machine_.ended()) return {.kind = Stop::Kind::kExited};
        if (leaving_ || (interrupted_ && interrupted_()))
            return {.kind = Stop::Kind::kInterrupted, .signal = SIGINT};
    }
}

/// One run of the interpreter and the kernel's part after it.
std::optional<Stop> Debugger::execute(bool first) {
    hooks_.hits.clear();
    hooks_.at_breakpoint = hooks_.leave = false;
    choose_observers();
    const Resume how = how_;
    const bool stepping = how.kind != Resume::Kind::kContinue;
    const u64 before = instructions();
    apply_hooks();
    const Exit exit = stepping || (first && breakpoints_.contains(registers().rip))
                          ? machine_.execute_one()
                          : machine_.execute(std::numeric_limits<u64>::max());
    if (auto stop = after_execution(exit, first)) return stop;
    if (hooks_.at_breakpoint) {
        if (condition_holds(registers().rip)) return Stop{.kind = Stop::Kind::kBreakpoint};
        const Exit again = machine_.execute_one();
        if (auto stop = after_execution(again, true)) return stop;
    }
    if (!stepping || instructions() == before) return std::nullopt;
    const auto& kernel = machine_.kernel().state();
    if (kernel.current != stepped_task_ && kernel.tasks.contains(stepped_task_)) return std::nullopt;
    const u64 rip = registers().rip;
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
    const u64 rip = registers().rip;
    return fault.vector == mmu::Vector::kPageFault && (fault.error_code & mmu::PageFaultCode::kFetch) &&
           fault.address.value == rip && breakpoints_.contains(rip) && condition_holds(rip);
}

std::optional<Stop> Debugger::after_execution(Exit exit, bool first) {
    if (exit == Exit::kFault && !first && breaks_at_fetch_fault()) {
        unserved_ = exit;
        return Stop{.kind = Stop::Kind::kBreakpoint};
    }
    if (!hooks_.hits.empty()) {
        unserved_ = exit;
        // A write is told before a read of the same instruction: it is what people wait for.
        const auto write =
            std::find_if(hooks_.hits.begin(), hooks_.hits.end(), [](auto& hit) { return hit.write; });
        return Stop{.kind = Stop::Kind::kWatch,
                    .watch = write != hooks_.hits.end() ? *write : hooks_.hits.front()};
    }
    if (exit == Exit::kSyscall && catch_syscalls_) {
        const u64 number = registers().gpr[mmu::kRax];
        if (caught_syscalls_.empty() || caught_syscalls_.contains(number)) {
            unserved_ = exit;
            return Stop{.kind = Stop::Kind::kSyscallEntry, .syscall = number};
        }
    }
    return serve(exit);
}

std::optional<Stop> Debugger::serve(Exit exit) {
    const u64 number = registers().gpr[mmu::kRax];
    machine_.serve(exit);
    if (machine_.ended()) return std::nullopt;
    while (const auto due = machine_.kernel().due_signal()) {
        if (!passed_signals_.contains(due->signo))
            return Stop{.kind = Stop::Kind::kSignal, .signal = due->signo};
        machine_.kernel().release_signals(registers(), kernel::Kernel::FirstSignal::kDeliver);
        if (machine_.ended()) return std::nullopt;
    }
    if (stage_left_for_guest()) return Stop{.kind = Stop::Kind::kStep};
    if (auto what = fault_log_.take_caught()) return Stop{.kind = Stop::Kind::kCaught, .what = *what};
    if (exit == Exit::kSyscall && catch_syscalls_ &&
        (caught_syscalls_.empty() || caught_syscalls_.contains(number)))
        return Stop{.kind = Stop::Kind::kSyscallReturn, .syscall = number};
    return std::nullopt;
}

/// A step that began at a stage has come back to the guest's own code.
bool Debugger::stage_left_for_guest() {
    return std::exchange(stepped_from_stage_, false) && how_.kind != Resume::Kind::kContinue;
}

bool Debugger::condition_holds(u64 address) {
    const auto found = breakpoints_.find(address);
    return found == breakpoints_.end() || !found->second || found->second();
}

std::optional<u64> Debugger::syscall_at_stop() const {
    const bool at_one =
        last_stop_.kind == Stop::Kind::kSyscallEntry || last_stop_.kind == Stop::Kind::kSyscallReturn;
    return at_one ? std::optional(last_stop_.syscall) : std::nullopt;
}

}  // namespace emu
