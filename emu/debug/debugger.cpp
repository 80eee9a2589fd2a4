#include "emu/debug/debugger.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernel/fault.h"
#include "kernel/signal.h"
#include "kernel/state.h"

namespace emu {

using mmu::Access, mmu::Privilege, mmu::VirtAddr;

Debugger::Debugger(Machine& machine) : machine_(machine), fault_log_(machine.counters().instructions) {
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

Stop Debugger::resume(const Resume& how) {
    machine_.cancel_break();
    return last_stop_ = run(how);
}

Stop Debugger::run(const Resume& how) {
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
        if (const auto stop = execute(how, first)) return *stop;
        if (machine_.ended()) return {.kind = Stop::Kind::kExited};
        if (interrupted_ && interrupted_()) return {.kind = Stop::Kind::kInterrupted, .signal = SIGINT};
    }
}

/// One run of the interpreter and the kernel's part after it.
std::optional<Stop> Debugger::execute(const Resume& how, bool first) {
    hooks_.hits.clear();
    hooks_.at_breakpoint = false;
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
    if (auto what = fault_log_.take_caught()) return Stop{.kind = Stop::Kind::kCaught, .what = *what};
    if (exit == Exit::kSyscall && catch_syscalls_ &&
        (caught_syscalls_.empty() || caught_syscalls_.contains(number)))
        return Stop{.kind = Stop::Kind::kSyscallReturn, .syscall = number};
    return std::nullopt;
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
