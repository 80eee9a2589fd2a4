// Purpose: see cpu_timer.h.
#include "kernel/cpu_timer.h"

#include <csignal>

#include "kernel/exit.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/timer.h"
#include "mmu/base/log.h"

namespace kernel {

namespace {

constexpr u64 kSecond = 1'000'000'000;

bool concerns(const CpuTimer& timer, const Task& task) {
    return timer.target == (timer.thread ? task.pid : task.tgid);
}

u64 process_time(KernelState& kernel, const Task& task) {
    return usage_of(kernel, kernel.process_of(task)).instructions;
}

void send(KernelState& kernel, Task& task, int signal) {
    SigInfo info;
    info.signo = signal;
    info.code = kSiKernel;
    (void)send_group_signal(kernel, task, info);
}

/// check_process_timers(), its tail: SIGXCPU at the soft limit and a second later again; SIGKILL at the hard
/// one.
void check_cpu_limit(KernelState& kernel, Task& task) {
    Limit& limit = kernel.mm_of(task).rlimits[kRlimitCpu];
    if (limit.cur == kRlimInfinity) return;
    const u64 seconds = process_time(kernel, task) / kSecond;
    if (seconds >= limit.max) {
        LOG(info, "process {} has used its hard limit of CPU time", task.tgid);
        send(kernel, task, SIGKILL);
        return;
    }
    if (seconds < limit.cur) return;
    send(kernel, task, SIGXCPU);
    limit.cur = std::max(limit.cur, seconds) + 1;
}

void expire(KernelState& kernel, const CpuTimer& due, u64 now) {
    switch (due.kind) {
        case CpuTimer::Kind::kSleep:
            if (Task* sleeper = kernel.find_task(due.owner)) wake_task(kernel, *sleeper);
            return;
        case CpuTimer::Kind::kPosix:
            posix_timer_expired(kernel, kernel.processes.at(due.owner), due.timer, now);
            return;
        case CpuTimer::Kind::kVirtual:
        case CpuTimer::Kind::kProf:
            break;
    }
    const CpuItimer which = due.kind == CpuTimer::Kind::kVirtual ? CpuItimer::kVirtual : CpuItimer::kProf;
    SignalStruct& process = kernel.processes.at(due.owner);
    RealTimer timer = process.cpu_timers[static_cast<usize>(which)];
    timer.expires =
        timer.interval ? timer.expires + ((now - timer.expires) / timer.interval + 1) * timer.interval : 0;
    process.cpu_timers[static_cast<usize>(which)] = {};
    set_cpu_itimer(kernel, process, which, timer);
    if (!process.threads.empty())
        send(kernel, leader_of(kernel, process), which == CpuItimer::kVirtual ? SIGVTALRM : SIGPROF);
}

CpuTimer itimer_of(const SignalStruct& process, CpuItimer which) {
    return {process.cpu_timers[static_cast<usize>(which)].expires,
            process.tgid,
            false,
            which == CpuItimer::kVirtual ? CpuTimer::Kind::kVirtual : CpuTimer::Kind::kProf,
            process.tgid,
            0};
}

}  // namespace

std::optional<CpuClock> cpu_clock(KernelState& kernel, int clock) {
    const Task& self = kernel.task();
    if (clock == 2 /* CLOCK_PROCESS_CPUTIME_ID */) return CpuClock{self.tgid, false};
    if (clock == 3 /* CLOCK_THREAD_CPUTIME_ID */) return CpuClock{self.pid, true};
    // CPUCLOCK_WHICH(): PROF, VIRT and SCHED are the same time here.
    if (clock >= 0 || (clock & 3) == 3) return std::nullopt;
    const bool thread = clock & 4;
    const Pid pid = ~(clock >> 3);
    if (!pid) return CpuClock{thread ? self.pid : self.tgid, thread};
    const Task* task = kernel.find_task(pid);
    if (!task || (thread && task->tgid != self.tgid)) return std::nullopt;  // pid_for_clock()
    if (!thread && !task->is_leader() && task->pid != self.pid) return std::nullopt;
    return CpuClock{thread ? task->pid : task->tgid, thread};
}

u64 read_cpu_clock(KernelState& kernel, const CpuClock& clock) {
    account_running(kernel);
    const Task* task = kernel.find_task(clock.target);
    if (!task) return 0;
    return clock.thread ? task->usage.instructions : process_time(kernel, *task);
}

void arm_cpu_timer(KernelState& kernel, const CpuTimer& timer) {
    kernel.sched.cpu_timers.insert(timer);
    update_cpu_event(kernel);
}

void cancel_cpu_timer(KernelState& kernel, const CpuTimer& timer) {
    if (kernel.sched.cpu_timers.erase(timer)) update_cpu_event(kernel);
}

void set_cpu_itimer(KernelState& kernel, SignalStruct& process, CpuItimer which, const RealTimer& timer) {
    RealTimer& own = process.cpu_timers[static_cast<usize>(which)];
    if (own.expires) cancel_cpu_timer(kernel, itimer_of(process, which));
    own = timer;
    if (own.expires) arm_cpu_timer(kernel, itimer_of(process, which));
}

void update_cpu_event(KernelState& kernel) {
    Scheduler& sched = kernel.sched;
    sched.cpu_event = kNever;
    Task* task = kernel.find_task(kernel.current);
    const auto mm = task ? kernel.mms.find(task->mm) : kernel.mms.end();
    if (mm == kernel.mms.end()) return;
    const Limit& limit = mm->second.rlimits[kRlimitCpu];
    if (sched.cpu_timers.empty() && limit.cur == kRlimInfinity) [[likely]]
        return;
    account_running(kernel);
    const u64 thread = task->usage.instructions, process = process_time(kernel, *task);
    u64 left = kNever;
    const auto within = [&](u64 expires, u64 now) {
        left = std::min(left, expires > now ? expires - now : 0);
    };
    for (const CpuTimer& timer : sched.cpu_timers)
        if (concerns(timer, *task)) within(timer.expires, timer.thread ? thread : process);
    const u64 soonest = std::min(limit.cur, limit.max);
    if (soonest < kNever / kSecond) within(soonest * kSecond, process);
    if (left != kNever) sched.cpu_event = kernel.clock.instructions + left;
}

void run_cpu_timers(KernelState& kernel) {
    Scheduler& sched = kernel.sched;
    if (kernel.clock.instructions < sched.cpu_event) [[likely]]
        return;
    Task* task = kernel.find_task(kernel.current);
    if (!task || !task->mm) return;
    account_running(kernel);
    const u64 thread = task->usage.instructions, process = process_time(kernel, *task);
    std::vector<CpuTimer> due;
    for (const CpuTimer& timer : sched.cpu_timers)
        if (concerns(timer, *task) && timer.expires <= (timer.thread ? thread : process))
            due.push_back(timer);
    for (const CpuTimer& timer : due) {
        sched.cpu_timers.erase(timer);
        expire(kernel, timer, timer.thread ? thread : process);
    }
    check_cpu_limit(kernel, *task);
    update_cpu_event(kernel);
}

void cancel_cpu_sleep(KernelState& kernel, Pid pid) {
    if (kernel.sched.cpu_timers.empty()) return;
    std::erase_if(kernel.sched.cpu_timers, [&](const CpuTimer& timer) {
        return timer.kind == CpuTimer::Kind::kSleep && timer.owner == pid;
    });
}

void exit_cpu_timers(KernelState& kernel, SignalStruct& process) {
    std::erase_if(kernel.sched.cpu_timers, [&](const CpuTimer& timer) {
        return timer.kind != CpuTimer::Kind::kSleep && timer.owner == process.tgid;
    });
    process.cpu_timers = {};
    update_cpu_event(kernel);
}

}  // namespace kernel
