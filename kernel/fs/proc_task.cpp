// Purpose: files of /proc/PID about scheduling, input and output, timers, and what has no counterpart here
// but is read all the same. See proc_table.h. Linux: fs/proc/base.c, kernel/sched/debug.c
// proc_sched_show_task().
#include <sys/syscall.h>

#include <cstdlib>
#include <cstring>

#include "kernel/exit.h"
#include "kernel/fs/proc_table.h"
#include "kernel/sched.h"

namespace kernel {

namespace {

Usage usage_now(KernelState& kernel, Task& task) {
    if (kernel.current == task.pid) account_running(kernel);
    return task.usage;
}

/// do_io_accounting(). Deviation: nothing is told of disks; a thread's file has its process's counts.
std::string io(KernelState& kernel, Task& task) {
    const Task* running = kernel.find_task(kernel.current);
    if (running && running->tgid == task.tgid) account_running(kernel);
    const Usage all = usage_of(kernel, kernel.process_of(task));
    return proc_format(
        "rchar: %llu\nwchar: %llu\nsyscr: %llu\nsyscw: %llu\nread_bytes: 0\nwrite_bytes: 0\n"
        "cancelled_write_bytes: 0\n",
        proc_number(all.rchar), proc_number(all.wchar), proc_number(all.syscr), proc_number(all.syscw));
}

/// SPLIT_NS()
std::string split_ns(const char* name, u64 ns) {
    return proc_format("%-45s:%14llu.%06llu\n", name, proc_number(ns / 1'000'000),
                       proc_number(ns % 1'000'000));
}
std::string plain(const char* name, u64 value) {
    return proc_format("%-45s:%21llu\n", name, proc_number(value));
}

std::string sched(KernelState& kernel, Task& task) {
    const Usage used = usage_now(kernel, task);
    std::string text = proc_format("%s (%d, #threads: %zu)\n", task.comm.c_str(), task.pid,
                                   std::max<usize>(kernel.process_of(task).threads.size(), 1));
    text += std::string(67, '-') + "\n";
    text += split_ns("se.exec_start", kernel.clock.now_ns());
    text += split_ns("se.sum_exec_runtime", used.instructions);
    text += plain("nr_switches", used.voluntary_switches + used.involuntary_switches);
    text += plain("nr_voluntary_switches", used.voluntary_switches);
    text += plain("nr_involuntary_switches", used.involuntary_switches);
    text += plain("policy", static_cast<u64>(task.policy));
    return text + plain("prio", static_cast<u64>(100 + proc_priority(kernel, task)));
}

/// Deviation: how long it has waited for the CPU is not counted.
std::string schedstat(KernelState& kernel, Task& task) {
    const Usage used = usage_now(kernel, task);
    return proc_format("%llu 0 %llu\n", proc_number(used.instructions),
                       proc_number(used.voluntary_switches + used.involuntary_switches));
}

/// show_timer()
std::string timers(KernelState& kernel, Task& task) {
    std::string text;
    for (const auto& [id, timer] : kernel.process_of(task).posix_timers) {
        static constexpr const char* kNotify[] = {"signal", "none", "thread"};
        const unsigned how = static_cast<unsigned>(timer.notify & 3);
        text += proc_format("ID: %d\nsignal: %d/%016llx\nnotify: %s/%s.%d\nClockID: %d\n", id, timer.signal,
                            proc_number(timer.value), how < 3 ? kNotify[how] : "signal",
                            timer.notify & 4 ? "tid" : "pid", timer.notify & 4 ? timer.thread : task.tgid,
                            timer.clock);
    }
    return text;
}

std::string timer_slack(KernelState&, Task& task) {
    return proc_format("%llu\n", proc_number(task.timer_slack_ns));
}
int set_timer_slack(KernelState& kernel, const OpenFile& file, const std::string& text) {
    const auto value = proc_decimal(text);
    Task* task = kernel.find_task(static_cast<Pid>(file.object));
    if (!value) return -EINVAL;
    if (!task) return -ESRCH;
    if (task != &kernel.task()) return -EPERM;  // CAP_SYS_NICE
    task->timer_slack_ns = *value ? *value : 50000;
    return 0;
}

std::string coredump_filter(KernelState&, Task& task) {
    return task.mm ? proc_format("%08x\n", task.coredump_filter) : std::string{};
}
int set_coredump_filter(KernelState& kernel, const OpenFile& file, const std::string& text) {
    Task* task = kernel.find_task(static_cast<Pid>(file.object));
    if (!task) return -ESRCH;
    char* rest = nullptr;
    const unsigned long value = std::strtoul(text.c_str(), &rest, 0);
    if (rest == text.c_str() || rest[std::strspn(rest, "\n")]) return -EINVAL;
    for (const Pid thread : kernel.process_of(*task).threads)
        kernel.tasks.at(thread).coredump_filter = static_cast<u32>(value) & 0x1ff;  // MMF_DUMP_FILTER_MASK
    return 0;
}

/// proc_pid_syscall(): a task that sleeps says in which call; its registers are those at its start.
std::string syscall_text(KernelState& kernel, Task& task) {
    if (task.state >= TaskState::kZombie) return "0 0x0 0x0\n";
    if (&task != &kernel.task() && task.state != TaskState::kSleeping) return "running\n";
    if (&task == &kernel.task()) return proc_format("%d 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n", SYS_read);
    const auto& r = task.registers;
    std::string text = proc_format("%lld", static_cast<long long>(task.call.number));
    for (const auto number : {mmu::kRdi, mmu::kRsi, mmu::kRdx, mmu::kR10, mmu::kR8, mmu::kR9, mmu::kRsp})
        text += proc_format(" 0x%llx", proc_number(r.gpr[number]));
    return text + proc_format(" 0x%llx\n", proc_number(r.rip));
}

std::string mountstats(KernelState&, Task&) {
    return "device /dev/root mounted on / with fstype ext4\n";
}

/// uid_m_show(): the first user namespace.
std::string id_map(KernelState&, Task&) {
    return "         0          0 4294967295\n";
}
std::string cpuset(KernelState&, Task&) {
    return "/\n";
}
std::string setgroups(KernelState&, Task&) {
    return "allow\n";
}
std::string nothing(KernelState&, Task&) {
    return {};
}

constexpr ProcRow kRows[] = {
    {"coredump_filter", coredump_filter, 0644, nullptr, set_coredump_filter},
    {"cpuset", cpuset},
    {"gid_map", id_map},
    {"io", io, 0400},
    {"mountstats", mountstats, 0400},
    {"projid_map", id_map},
    {"sched", sched},
    {"schedstat", schedstat},
    {"setgroups", setgroups},
    {"stack", nothing, 0400},  // Deviation: the kernel runs on the host's stack
    {"syscall", syscall_text, 0400},
    {"timers", timers},
    {"timerslack_ns", timer_slack, 0666, nullptr, set_timer_slack},
    {"uid_map", id_map},
};

}  // namespace

std::span<const ProcRow> proc_task_rows() {
    return kRows;
}

}  // namespace kernel
