// Purpose: the files of /proc/PID that say who a process is. See proc_table.h. Linux: fs/proc/array.c,
// fs/proc/base.c.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "kernel/exec.h"
#include "kernel/exit.h"
#include "kernel/fs/proc_table.h"
#include "kernel/host/host.h"
#include "kernel/mm_internal.h"
#include "kernel/oom.h"
#include "kernel/sched.h"

namespace kernel {

namespace {

std::string cmdline(KernelState&, Task& task) {
    std::string text;
    for (const std::string& argument : task.arguments) text.append(argument).push_back('\0');
    return text;
}

std::string comm(KernelState&, Task& task) {
    return task.comm + "\n";
}

/// comm_write(): a thread of one's own process.
int set_comm(KernelState& kernel, const OpenFile& file, const std::string& text) {
    Task* task = kernel.find_task(static_cast<Pid>(file.object));
    if (!task) return -ESRCH;
    if (task->tgid != kernel.task().tgid) return -EINVAL;
    set_task_comm(*task, text);
    return 0;
}

std::string status_signals(KernelState& kernel, const Task& task) {
    u64 pending = 0, shared = 0, ignored = 0, caught = 0;
    const SigPending& for_all = kernel.process_of(task).shared_pending;
    for (const SigInfo& info : task.signals.pending) pending |= sigmask_of(info.signo);
    for (const SigInfo& info : for_all) shared |= sigmask_of(info.signo);
    for (int i = 1; task.sighand && i <= kSignals; ++i) {
        const u64 handler = kernel.sighand_of(task).action[static_cast<usize>(i)].handler;
        if (handler == kSigIgn) ignored |= sigmask_of(i);
        if (handler != kSigIgn && handler != kSigDfl) caught |= sigmask_of(i);
    }
    return proc_format(
        "SigQ:\t%zu/1024\nSigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%016llx\n"
        "SigCgt:\t%016llx\n",
        task.signals.pending.size() + for_all.size(), proc_number(pending), proc_number(shared),
        proc_number(task.signals.blocked), proc_number(ignored), proc_number(caught));
}

/// One CPU, one memory node, no capabilities (syscalls/privileges.cpp), no seccomp.
std::string status_tail(KernelState& kernel, const Task& task) {
    std::string text;
    for (const char* set : {"Inh", "Prm", "Eff", "Bnd", "Amb"})
        text += proc_format("Cap%s:\t%016llx\n", set, 0ull);
    text += proc_format("NoNewPrivs:\t%d\n", task.no_new_privs);
    text += "Seccomp:\t0\nSeccomp_filters:\t0\nSpeculation_Store_Bypass:\tnot vulnerable\n";
    text += "SpeculationIndirectBranch:\tnot affected\nCpus_allowed:\t1\nCpus_allowed_list:\t0\n";
    text += "Mems_allowed:\t00000000,00000001\nMems_allowed_list:\t0\n";
    if (kernel.current == task.pid) account_running(kernel);
    return text + proc_format("voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n",
                              proc_number(task.usage.voluntary_switches),
                              proc_number(task.usage.involuntary_switches));
}

/// get_task_state()
const char* state_of(KernelState& kernel, const Task& task) {
    if (task.state == TaskState::kZombie || task.state == TaskState::kDead) return "Z (zombie)";
    if (kernel.process_of(task).stopped) return "T (stopped)";
    return task.state == TaskState::kSleeping ? "S (sleeping)" : "R (running)";
}

std::string status(KernelState& kernel, Task& task) {
    std::string text = proc_format("Name:\t%s\n", task.comm.c_str());
    if (task.fs) text += proc_format("Umask:\t%04o\n", kernel.fs_of(task).umask);
    text += proc_format("State:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\n", state_of(kernel, task),
                        task.tgid, task.pid, task.ppid);
    text +=
        proc_format("TracerPid:\t0\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t64\nGroups:\t \n",
                    host::getuid(), host::geteuid(), host::geteuid(), host::geteuid(), host::getgid(),
                    host::getegid(), host::getegid(), host::getegid());
    text += proc_format("NStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\nKthread:\t0\n", task.tgid,
                        task.pid, task.pgrp, task.session);
    if (task.mm) {
        text += proc_status_memory(kernel.mm_of(task));
        text += proc_format("CoreDumping:\t0\nTHP_enabled:\t%d\nuntag_mask:\t0xffffffffffffffff\n",
                            !kernel.mm_of(task).thp_disabled);
    }
    text += proc_format("Threads:\t%zu\n", std::max<usize>(kernel.process_of(task).threads.size(), 1));
    return text + status_signals(kernel, task) + status_tail(kernel, task);
}

/// 52 fields; those that are not modelled are 0.
std::string stat(KernelState& kernel, Task& task) {
    static const MmStruct kNone{};
    const MmStruct& mm = task.mm ? kernel.mm_of(task) : kNone;
    const SignalStruct& process = kernel.process_of(task);
    constexpr u64 kTick_ns = 10'000'000;
    const Usage used = usage_of(kernel, process);
    const auto ticks = [](u64 ns) { return proc_number(ns / kTick_ns); };
    std::string text = proc_format(
        "%d (%s) %c %d %d %d 0 -1 0 %llu 0 %llu 0 %llu %llu %llu %llu %d %d %zu 0 0 %llu %llu %llu ",
        task.pid, task.comm.c_str(), state_of(kernel, task)[0], task.ppid, task.pgrp, task.session,
        proc_number(mm.min_flt), proc_number(mm.maj_flt), ticks(used.user_ns()), ticks(used.system_ns),
        ticks(process.children.user_ns()), ticks(process.children.system_ns), proc_priority(kernel, task),
        task.nice, std::max<usize>(process.threads.size(), 1), proc_number(mm.total_vm << mmu::kPageShift),
        proc_number(mm.rss_pages()), proc_number(task.mm ? mm.rlimit(kRlimitRss) : kRlimInfinity));
    return text + proc_format(
                      "%llu %llu %llu 0 0 0 %llu 0 0 0 0 0 17 0 0 0 0 0 0 %llu %llu %llu %llu %llu "
                      "%llu %llu 0\n",
                      proc_number(mm.start_code), proc_number(mm.end_code), proc_number(mm.start_stack),
                      proc_number(task.signals.blocked), proc_number(mm.start_data), proc_number(mm.end_data),
                      proc_number(mm.start_brk), proc_number(mm.arg_start), proc_number(mm.arg_end),
                      proc_number(mm.env_start), proc_number(mm.env_end));
}

/// environ_read(). Deviation: pages that are swapped out are left out.
std::string environment(KernelState& kernel, Task& task) {
    if (!task.mm) return {};
    const MmStruct& mm = kernel.mm_of(task);
    std::string text;
    walk_leaves(kernel.system, mm, mmu::align_down(mm.env_start, mmu::kPageSize), page_align(mm.env_end),
                [&](u64 at, Pte pte) {
                    if (!pte_present(pte)) return;
                    const u64 start = std::max(at, mm.env_start);
                    const u64 end = std::min(at + mmu::kPageSize, mm.env_end);
                    if (start >= end) return;
                    const mmu::PhysAddr frame{pte.pfn().value << mmu::kPageShift};
                    const u8* bytes = kernel.system.memory.host(frame) + (start - at);
                    text.append(reinterpret_cast<const char*>(bytes), end - start);
                });
    return text;
}

/// proc_pid_limits()
std::string limits(KernelState& kernel, Task& task) {
    struct Row {
        const char *name, *unit;
    };
    static constexpr Row kRows[kRlimits] = {
        {"Max cpu time", "seconds"},    {"Max file size", "bytes"},      {"Max data size", "bytes"},
        {"Max stack size", "bytes"},    {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
        {"Max processes", "processes"}, {"Max open files", "files"},     {"Max locked memory", "bytes"},
        {"Max address space", "bytes"}, {"Max file locks", "locks"},     {"Max pending signals", "signals"},
        {"Max msgqueue size", "bytes"}, {"Max nice priority", ""},       {"Max realtime priority", ""},
        {"Max realtime timeout", "us"},
    };
    const auto value = [](u64 v) {
        return v == kRlimInfinity ? std::string("unlimited") : std::to_string(v);
    };
    if (!task.mm) return {};
    std::string text = "Limit                     Soft Limit           Hard Limit           Units     \n";
    for (unsigned i = 0; i < kRlimits; ++i) {
        const Limit& limit = kernel.mm_of(task).rlimits[i];
        text += proc_format("%-25s %-20s %-20s %-10s\n", kRows[i].name, value(limit.cur).c_str(),
                            value(limit.max).c_str(), kRows[i].unit);
    }
    return text;
}

std::string mounts(KernelState&, Task&) {
    return "/dev/root / ext4 rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\n";
}
std::string mountinfo(KernelState&, Task&) {
    return "1 0 8:1 / / rw - ext4 /dev/root rw\n2 1 0:25 / /dev/shm rw - tmpfs tmpfs rw\n";
}
std::string cgroup(KernelState&, Task&) {
    return "0::/\n";
}
std::string loginuid(KernelState&, Task&) {
    return "4294967295";
}
std::string personality(KernelState&, Task&) {
    return "00000000\n";
}
std::string wchan(KernelState&, Task&) {
    return "0";
}

std::string oom_score_text(KernelState& kernel, Task& task) {
    return std::to_string(oom_score(kernel, kernel.process_of(task))) + "\n";
}
std::string oom_score_adj_text(KernelState& kernel, Task& task) {
    return std::to_string(kernel.process_of(task).oom_score_adj) + "\n";
}

/// oom_score_adj_write(): at most 12 characters, a number, blanks around.
int set_oom_score_adj(KernelState& kernel, const OpenFile& file, const std::string& text) {
    const auto found = kernel.processes.find(static_cast<Pid>(file.object));
    if (found == kernel.processes.end() || found->second.threads.empty()) return -ESRCH;
    const std::string number = text.substr(0, 12);
    char* rest = nullptr;
    errno = 0;
    const long value = std::strtol(number.c_str(), &rest, 0);
    if (rest == number.c_str() || rest[std::strspn(rest, " \t\n")] || errno) return -EINVAL;
    if (value < kOomScoreAdjMin || value > kOomScoreAdjMax) return -EINVAL;
    SignalStruct& process = found->second;
    if (value < 0 && value < process.oom_score_adj && host::geteuid()) return -EACCES;  // CAP_SYS_RESOURCE
    process.oom_score_adj = static_cast<int>(value);
    return 0;
}

constexpr ProcRow kRows[] = {
    {"cgroup", cgroup},
    {"cmdline", cmdline},
    {"comm", comm, 0644, nullptr, set_comm},
    {"environ", environment, 0400},
    {"limits", limits},
    {"loginuid", loginuid},
    {"mountinfo", mountinfo},
    {"mounts", mounts},
    {"oom_score", oom_score_text},
    {"oom_score_adj", oom_score_adj_text, 0644, nullptr, set_oom_score_adj},
    {"personality", personality, 0400},
    {"sessionid", loginuid},
    {"stat", stat},
    {"status", status},
    {"wchan", wchan},
};

}  // namespace

std::span<const ProcRow> proc_process_rows() {
    return kRows;
}

}  // namespace kernel
