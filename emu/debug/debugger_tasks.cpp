// The debugger and the guest's processes and threads: which of them is looked at, which stand still, which
// are nobody's business, and what happens to them. Linux: what ptrace(2) tells by PTRACE_EVENT_*.
#include <sched.h>

#include <algorithm>
#include <csignal>

#include "emu/debug/debugger.h"
#include "kernel/host/host.h"
#include "kernel/signal.h"
#include "kernel/state.h"

namespace emu {

using kernel::Pid;

namespace {

/// Its process; 0 when it is gone.
Pid process_of(const kernel::KernelState& kernel, Pid task) {
    const auto found = kernel.tasks.find(task);
    return found == kernel.tasks.end() ? 0 : found->second.tgid;
}

}  // namespace

void Debugger::select(Pid task) {
    selected_ = task;
}

bool Debugger::ignored(Pid process) const {
    return ignored_.contains(process);
}

bool Debugger::current_ignored() const {
    if (ignored_.empty()) return false;
    const kernel::KernelState& kernel = machine_.kernel().state();
    return ignored_.contains(process_of(kernel, kernel.current));
}

void Debugger::ignore_process(Pid process) {
    ignored_.insert(process);
    drop_breakpoints(process);
    const kernel::KernelState& kernel = machine_.kernel().state();
    std::erase_if(stops_due_, [&](const Stop& stop) { return process_of(kernel, stop.task) == process; });
}

void Debugger::attend_all() {
    ignored_.clear();
}

void Debugger::freeze(std::set<Pid> tasks) {
    machine_.kernel().state().sched.frozen = std::move(tasks);
}

void Debugger::drop_breakpoints(Pid process) {
    for (auto entry = breakpoints_.begin(); entry != breakpoints_.end();) {
        entry->second.erase(process);
        entry = entry->second.empty() ? breakpoints_.erase(entry) : std::next(entry);
    }
    std::erase_if(watches_, [&](const Watch& watch) { return watch.process == process; });
}

/// A child of fork() has its parent's memory, and what has been put into it.
void Debugger::copy_breakpoints(Pid from, Pid to) {
    for (auto& [address, conditions] : breakpoints_)
        if (const auto own = conditions.find(from); own != conditions.end()) conditions[to] = own->second;
    const std::vector<Watch> all = watches_;
    for (const Watch& watch : all)
        if (watch.process == from) watches_.push_back({watch.range, to});
}

mmu::ControlRegisters Debugger::control() const {
    mmu::ControlRegisters control = machine_.mmu().control();
    kernel::KernelState& kernel = machine_.kernel().state();
    if (!has_task()) return control;
    const u64 root = kernel.mm_of(task()).pgd.address().value;
    if (control.root().value != root) control.cr3 = root;
    return control;
}

mmu::Walk Debugger::peek_walk(u64 address, mmu::Access access) const {
    return machine_.mmu().peek_walk(control(), mmu::VirtAddr{address}, access, mmu::Privilege::kUser);
}

/// What the walk of an address ends in, in the address space with this root table; level 0: it is gone.
VmWatch::Entry Debugger::last_entry(u64 address, u64 root) const {
    const auto& mms = machine_.kernel().state().mms;
    const bool alive = std::any_of(
        mms.begin(), mms.end(), [&](const auto& entry) { return entry.second.pgd.address().value == root; });
    if (!alive) return {};
    mmu::ControlRegisters control = machine_.mmu().control();
    control.cr3 = root;
    const mmu::Walk walk =
        machine_.mmu().peek_walk(control, mmu::VirtAddr{address}, mmu::Access::kLoad, mmu::Privilege::kUser);
    if (!walk.entries_read) return {};
    const mmu::WalkedEntry entry = walk.entry(walk.entries_read - 1u);
    return {walk.level_of(walk.entries_read - 1u), entry.where.value, entry.value.raw};
}

/// All that may run have ended; those that stand still are left.
bool Debugger::none_left() const {
    const kernel::KernelState& kernel = machine_.kernel().state();
    if (kernel.sched.frozen.empty()) return false;
    return std::none_of(kernel.tasks.begin(), kernel.tasks.end(), [&](const auto& entry) {
        return entry.second.mm && !kernel.sched.frozen.contains(entry.first) &&
               !ignored_.contains(entry.second.tgid);
    });
}

/// Those that stand still leave the CPU.
void Debugger::leave_frozen() {
    kernel::KernelState& kernel = machine_.kernel().state();
    if (!kernel.current || !kernel.sched.frozen.contains(kernel.current)) return;
    kernel.sched.need_resched = true;
    machine_.kernel().resume(machine_.cpu().regs);
}

std::optional<Stop> Debugger::task_stop() {
    while (const auto event = task_watch_.take()) {
        std::optional<Stop> stop;
        const auto pid = static_cast<Pid>(event->address);
        if (event->kind == kernel::EventKind::kTaskNew)
            stop = task_made(pid, static_cast<Pid>(event->before), event->flags);
        else if (event->kind == kernel::EventKind::kThreadExit)
            stop = thread_ended(*event);
        else
            stop = task_changed(*event, pid);
        if (stop) return stop;
    }
    return std::nullopt;
}

std::optional<Stop> Debugger::task_made(Pid child, Pid maker, u64 flags) {
    const Pid process = process_of(machine_.kernel().state(), maker);
    if (flags & CLONE_THREAD) {
        if (!events_wanted_.threads || ignored_.contains(process)) return std::nullopt;
        return Stop{.kind = Stop::Kind::kThreadNew, .task = child, .other = process};
    }
    const bool vfork = flags & CLONE_VFORK;
    if (vfork) vforks_[child] = maker;
    if (ignored_.contains(process) || (events_wanted_.children_ignored && !events_wanted_.forks)) {
        ignore_process(child);
        return std::nullopt;
    }
    // In the past it is known who has been let go; to a client that sees it made again it is new.
    if (!travelling_ && !searching_) ignored_.erase(child);
    copy_breakpoints(process, child);
    if (!events_wanted_.forks) return std::nullopt;
    return Stop{.kind = vfork ? Stop::Kind::kVfork : Stop::Kind::kFork, .task = maker, .other = child};
}

/// execve() or the end of a process. Either lets the caller of a vfork() go on, which is told too.
std::optional<Stop> Debugger::task_changed(const kernel::Event& event, Pid pid) {
    const kernel::KernelState& kernel = machine_.kernel().state();
    const bool ended = event.kind == kernel::EventKind::kTaskExit;
    drop_breakpoints(pid);
    if (ended) caught_calls_.erase(pid);
    const bool unheard = ended ? ignored_.erase(pid) > 0 : ignored_.contains(pid);
    std::optional<Stop> stop;
    if (!unheard && ended && events_wanted_.exits && !machine_.ended())
        stop = Stop{.kind = Stop::Kind::kProcessExited,
                    .task = pid,
                    .other = pid,
                    .status = static_cast<int>(event.after)};
    if (!unheard && !ended && events_wanted_.execs) stop = Stop{.kind = Stop::Kind::kExec, .task = pid};
    const auto vfork = vforks_.find(pid);
    if (vfork == vforks_.end()) return stop;
    const Pid parent = vfork->second;
    vforks_.erase(vfork);
    if (!events_wanted_.forks || ignored_.contains(process_of(kernel, parent)) ||
        !kernel.tasks.contains(parent))
        return stop;
    const Stop done{.kind = Stop::Kind::kVforkDone, .task = parent};
    if (!stop) return done;
    stops_due_.push_back(done);
    return stop;
}

std::optional<Stop> Debugger::thread_ended(const kernel::Event& event) {
    const Pid process = static_cast<Pid>(event.before);
    caught_calls_.erase(static_cast<Pid>(event.address));
    if (!events_wanted_.threads || ignored_.contains(process) || machine_.ended()) return std::nullopt;
    return Stop{.kind = Stop::Kind::kThreadExited,
                .task = static_cast<Pid>(event.address),
                .other = process,
                .status = static_cast<int>(event.after)};
}

/// Linux: ptrace_signal(), of a signal that the tracer has chosen. It is the parent of the guest.
kernel::SigInfo Debugger::sent_by_us(int signal) const {
    return {.signo = signal, .code = kernel::kSiUser, .pid = kernel::kInitPid, .uid = kernel::host::getuid()};
}

/// Sends a signal to a task as if it had come from outside; it is delivered without a further stop.
void Debugger::inject_signal(Pid pid, const kernel::SigInfo& info) {
    kernel::KernelState& kernel = machine_.kernel().state();
    kernel::Task* const task = kernel.find_task(pid);
    if (!task || !task->mm) return;
    if (kernel::send_signal(kernel, *task, info) == 0) injected_.insert({pid, info.signo});
}

kernel::SigInfo Debugger::signal_information() const {
    if (has_task() && written_information_ && written_information_->first == task().pid)
        return written_information_->second;
    const kernel::KernelState& kernel = machine_.kernel().state();
    if (has_task() && task().pid == kernel.current && last_stop_.kind == Stop::Kind::kSignal)
        if (const auto due = machine_.kernel().due_signal()) return *due;
    constexpr int kTrapTrace = 2, kTrapHardware = 4;  // include/uapi/asm-generic/siginfo.h
    const int code = last_stop_.kind == Stop::Kind::kStep    ? kTrapTrace
                     : last_stop_.kind == Stop::Kind::kWatch ? kTrapHardware
                                                             : kernel::kSiKernel;
    return {.signo = SIGTRAP, .code = code};
}

void Debugger::set_signal_information(const kernel::SigInfo& info) {
    written_information_ = {task().pid, info};
}

}  // namespace emu
