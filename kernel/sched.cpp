// Purpose: the scheduler. See sched.h.
#include "kernel/sched.h"

#include <algorithm>
#include <csignal>

#include "kernel/cpu_timer.h"
#include "kernel/errno.h"
#include "kernel/exit.h"
#include "kernel/fs/host_wait.h"
#include "kernel/host/host.h"
#include "kernel/host_clock.h"
#include "kernel/pkeys.h"
#include "kernel/timer.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"
#include "mmu/base/check.h"
#include "mmu/base/log.h"

namespace kernel {

using mmu::Registers;

namespace {

constexpr i64 kForEver = -1;
/// --time host: instructions after which the host's clock is looked at while a timer runs.
constexpr u64 kHostTick = 200'000;
/// What the kernel's work would cost: as much of the CPU time is told as system time. It costs none itself.
constexpr u64 kCall_ns = 100, kMinorFault_ns = 500, kMajorFault_ns = 2000;

bool stopped(const KernelState& kernel, const Task& task) {
    return kernel.processes.at(task.tgid).stopped;
}

void remove_sleeper(KernelState& kernel, Task& task) {
    Scheduler& sched = kernel.sched;
    for (const WaitKey key : task.wait.keys) {
        const auto found = sched.sleepers.find(key);
        if (found == sched.sleepers.end()) continue;
        std::erase(found->second, task.pid);
        if (found->second.empty()) sched.sleepers.erase(found);
    }
    if (task.wait.deadline_ns != kNever)
        cancel_deadline(kernel, {task.wait.deadline_ns, Deadline::Kind::kSleep, task.pid, 0});
    if (!task.wait.host.empty()) --sched.host_waiters;
    task.wait.clear();
}

void start_slice(KernelState& kernel) {
    Scheduler& sched = kernel.sched;
    const u64 quantum = std::max<u64>(kernel.config.quantum, 1);
    sched.slice_end = kernel.clock.instructions + quantum / 2 + sched.rng.below(quantum) + 1;
}

/// Looks at the host descriptors that sleeping tasks wait for; whoever may go on is woken. False: a signal
/// from outside came, or there is nothing to wait for.
bool poll_host(KernelState& kernel, i64 timeout_ms) {
    std::vector<pollfd> entries;
    std::vector<Pid> owners;
    for (const auto& [pid, task] : kernel.tasks) {
        if (task.state != TaskState::kSleeping) continue;
        for (const pollfd& entry : task.wait.host) {
            entries.push_back(entry);
            owners.push_back(pid);
        }
    }
    const int found = host_poll(kernel, entries.data(), entries.size(), timeout_ms);
    if (found < 0) return false;
    for (usize i = 0; i < entries.size(); ++i)
        if (entries[i].revents) wake_task(kernel, kernel.tasks.at(owners[i]));
    return true;
}

/// The first of the run queue that no debugger holds; its end: there is none.
std::deque<Pid>::iterator next_task(Scheduler& sched) {
    auto next = sched.run_queue.begin();
    if (!sched.frozen.empty()) [[unlikely]]
        while (next != sched.run_queue.end() && sched.frozen.contains(*next)) ++next;
    return next;
}

/// A debugger holds all that are alive: there is nothing to wait for.
bool all_frozen(const KernelState& kernel) {
    if (kernel.sched.frozen.empty()) return false;
    for (const auto& [pid, task] : kernel.tasks)
        if (task.state < TaskState::kZombie && !kernel.sched.frozen.contains(pid)) return false;
    return true;
}

/// Nobody can run: lets time pass, or waits for the host. False: only a signal from outside can help.
bool wait_for_event(KernelState& kernel) {
    Scheduler& sched = kernel.sched;
    constexpr u64 kMillisecond = 1'000'000;
    if (host::interrupted(kernel.interrupt_flag) || all_frozen(kernel)) return false;
    if (!sched.deadlines.empty()) {
        const u64 now = kernel.clock.now_ns();
        const u64 when = sched.deadlines.begin()->when;
        const u64 ahead = when > now ? when - now : 0;
        if (kernel.clock.from_host || sched.host_waiters) {
            // Input comes from outside, so time has to pass there too.
            const usize sleeping = sched.run_queue.size();
            const u64 ms = std::min<u64>((ahead + kMillisecond - 1) / kMillisecond, 1u << 30);
            if (!poll_host(kernel, static_cast<i64>(ms))) return false;
            if (sched.run_queue.size() != sleeping) return true;
        }
        if (kernel.clock.from_host)
            read_host_clock(kernel);
        else
            kernel.clock.slept_ns += ahead;
        run_deadlines(kernel);
        return true;
    }
    if (sched.host_waiters) return poll_host(kernel, kForEver);
    if (kernel.first_exit && sched.frozen.empty()) {
        LOG(warn, "what is left of the guest's processes waits for ever: ended");
        end_machine(kernel);
        return true;
    }
    if (!kernel.interrupt_flag) {
        LOG(error, "the guest waits for what cannot happen: ended");
        kill_everything(kernel, SIGKILL);
        return true;
    }
    if (sched.frozen.empty() && !std::exchange(sched.hang_reported, true))
        LOG(warn, "the guest waits for what cannot happen; Ctrl-C ends it");
    (void)host_poll(kernel, nullptr, 0, kForEver);
    return false;
}

/// The task leaves the CPU.
void save_running(KernelState& kernel, const Registers& registers) {
    account_running(kernel);
    Task* task = kernel.find_task(kernel.current);
    if (!task) return;
    task->registers = registers;
    task->pkru = read_pkru(kernel.system);
    if (task->state == TaskState::kRunning) {
        ++task->usage.involuntary_switches;
        enqueue_task(kernel, *task);
        task->rseq_event = true;
    } else {
        ++task->usage.voluntary_switches;
    }
}

/// context_switch(): another address space and other registers. Without one of its own (the task has ended)
/// the last one stays loaded, as Linux's lazy TLB has it.
void context_switch(KernelState& kernel, Task& next, Registers& registers) {
    kernel.current = next.pid;
    ++kernel.stats.context_switches;
    registers = next.registers;
    write_pkru(kernel.system, next.pkru);
    MmStruct& mm = kernel.mm_of(next);
    switch_mm(kernel.system, mm);
    if (kernel.lazy_mm && kernel.lazy_mm != next.mm) {
        mm_drop(kernel.system, kernel.mms.at(kernel.lazy_mm));
        kernel.mms.erase(kernel.lazy_mm);
        kernel.lazy_mm = 0;
    }
    kernel.sched.started_min_flt = mm.min_flt;
    kernel.sched.started_maj_flt = mm.maj_flt;
    kernel.sched.started_at = kernel.clock.instructions;
    update_cpu_event(kernel);
}

/// schedule_tail(): what a new task does first.
void first_return(KernelState& kernel, Task& task) {
    task.in_user = true;
    if (task.set_child_tid) (void)put_user(kernel.system, kernel.mm_of(task), task.pid, task.set_child_tid);
}

}  // namespace

void sleep_current(KernelState& kernel) {
    Task& task = kernel.task();
    Scheduler& sched = kernel.sched;
    task.state = TaskState::kSleeping;
    for (const WaitKey key : task.wait.keys) sched.sleepers[key].push_back(task.pid);
    if (task.wait.deadline_ns != kNever)
        arm_deadline(kernel, {task.wait.deadline_ns, Deadline::Kind::kSleep, task.pid, 0});
    if (!task.wait.host.empty()) ++sched.host_waiters;
    sched.need_resched = true;
}

void wake_task(KernelState& kernel, Task& task) {
    if (task.state != TaskState::kSleeping) return;
    remove_sleeper(kernel, task);
    task.state = TaskState::kRunning;
    enqueue_task(kernel, task);
}

void signal_wake_up(KernelState& kernel, Task& task, bool fatal) {
    if (task.state == TaskState::kSleeping && (fatal || !task.wait.killable)) wake_task(kernel, task);
}

void enqueue_task(KernelState& kernel, Task& task) {
    if (task.queued || task.state != TaskState::kRunning || stopped(kernel, task)) return;
    task.queued = true;
    if (kernel.sched.run_queue.empty() && kernel.current && task.pid != kernel.current) start_slice(kernel);
    kernel.sched.run_queue.push_back(task.pid);
}

void dequeue_task(KernelState& kernel, Task& task) {
    if (!std::exchange(task.queued, false)) return;
    std::erase(kernel.sched.run_queue, task.pid);
}

void run_next(KernelState& kernel, Task& task) {
    if (!task.queued) return;
    dequeue_task(kernel, task);
    task.queued = true;
    kernel.sched.run_queue.push_front(task.pid);
    kernel.sched.need_resched = true;
}

void yield_task(KernelState& kernel) {
    if (!kernel.sched.run_queue.empty()) kernel.sched.need_resched = true;
}

void arm_deadline(KernelState& kernel, const Deadline& deadline) {
    kernel.sched.deadlines.insert(deadline);
}
void cancel_deadline(KernelState& kernel, const Deadline& deadline) {
    kernel.sched.deadlines.erase(deadline);
}

void run_deadlines(KernelState& kernel) {
    run_cpu_timers(kernel);
    auto& deadlines = kernel.sched.deadlines;
    const u64 now = kernel.clock.now_ns();
    while (!deadlines.empty() && deadlines.begin()->when <= now) {
        const Deadline due = *deadlines.begin();
        deadlines.erase(deadlines.begin());
        if (due.kind == Deadline::Kind::kSleep)
            wake_task(kernel, kernel.tasks.at(due.pid));
        else
            timer_expired(kernel, due);
    }
}

bool schedule(KernelState& kernel, Registers& registers) {
    Scheduler& sched = kernel.sched;
    sched.need_resched = false;
    if (kernel.current) {
        save_running(kernel, registers);
        const Pid left = std::exchange(kernel.current, 0);
        if (Task* task = kernel.find_task(left); task && task->state == TaskState::kDead)
            release_task(kernel, *task);
    }
    auto chosen = next_task(sched);
    for (; chosen == sched.run_queue.end() && !kernel.exit_status; chosen = next_task(sched))
        if (!wait_for_event(kernel)) {
            sched.idle = true;
            return false;
        }
    sched.idle = false;
    if (kernel.exit_status) return true;
    Task& next = kernel.tasks.at(*chosen);
    sched.run_queue.erase(chosen);
    next.queued = false;
    context_switch(kernel, next, registers);
    if (!next.in_user) first_return(kernel, next);
    start_slice(kernel);
    return true;
}

std::optional<u64> next_event(const KernelState& kernel) {
    const Scheduler& sched = kernel.sched;
    if (sched.idle) return std::nullopt;
    u64 event = sched.cpu_event;
    if (!sched.run_queue.empty() || sched.host_waiters) event = std::min(event, sched.slice_end);
    u64 when = kernel.system.thp.khugepaged.wake_ns;
    if (!sched.deadlines.empty()) when = std::min(when, sched.deadlines.begin()->when);
    if (when != kNever) {
        const u64 at = kernel.clock.from_host         ? kernel.clock.instructions + kHostTick
                       : when > kernel.clock.slept_ns ? when - kernel.clock.slept_ns
                                                      : 0;
        event = std::min(event, at);
    }
    if (event == kNever) return std::nullopt;
    return event;
}

void scheduler_tick(KernelState& kernel) {
    Scheduler& sched = kernel.sched;
    if (kernel.clock.instructions < sched.slice_end) return;
    if (sched.host_waiters) (void)poll_host(kernel, 0);
    if (sched.run_queue.empty())
        start_slice(kernel);
    else
        sched.need_resched = true;
}

void account_running(KernelState& kernel) {
    Task* task = kernel.find_task(kernel.current);
    if (!task) return;
    Scheduler& sched = kernel.sched;
    const u64 now = kernel.clock.instructions;
    const u64 used = now - std::exchange(sched.started_at, now);
    task->usage.instructions += used;
    task->owed_system_ns += std::exchange(sched.calls, 0) * kCall_ns;
    const auto mm = kernel.mms.find(task->mm);
    if (mm != kernel.mms.end()) {
        const u64 minor = mm->second.min_flt - std::exchange(sched.started_min_flt, mm->second.min_flt);
        const u64 major = mm->second.maj_flt - std::exchange(sched.started_maj_flt, mm->second.maj_flt);
        task->usage.min_flt += minor;
        task->usage.maj_flt += major;
        task->owed_system_ns += minor * kMinorFault_ns + major * kMajorFault_ns;
    }
    // Both parts only grow, and their sum is the CPU time (cputime_adjust()).
    const u64 told = std::min(used, task->owed_system_ns);
    task->usage.system_ns += told;
    task->owed_system_ns -= told;
}

}  // namespace kernel
