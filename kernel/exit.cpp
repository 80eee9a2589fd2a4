// Purpose: the end of tasks. See exit.h.
#include "kernel/exit.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "kernel/cpu_timer.h"
#include "kernel/errno.h"
#include "kernel/fs/files.h"
#include "kernel/fs/job_control.h"
#include "kernel/fs/pidfd.h"
#include "kernel/futex.h"
#include "kernel/host/host.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/timer.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

/// exit_mm(). The last user's address space goes; its root table stays until CR3 names another.
void exit_mm(KernelState& kernel, Task& task) {
    mm_release(kernel, task);
    kernel.system.out_of_memory = false;  // what its end could not have is no other task's failure
    MmStruct& mm = kernel.mm_of(task);
    const MmId id = std::exchange(task.mm, 0);
    if (--mm.users) return;
    if (task.tgid == kFirstPid) kernel.stats.memory = memory_stats(kernel.system, mm);
    exit_mmap(kernel.system, mm);
    if (kernel.lazy_mm) {
        mm_drop(kernel.system, kernel.mms.at(kernel.lazy_mm));
        kernel.mms.erase(kernel.lazy_mm);
    }
    kernel.lazy_mm = id;
}

void exit_files(KernelState& kernel, Task& task) {
    FilesStruct& files = kernel.files_structs.at(task.files);
    if (--files.users == 0) {
        files.users = 1;  // while they are closed it is the task's own
        for (int fd = 0; fd < files.table.size(); ++fd) (void)close_file(kernel, task, fd);
        kernel.files_structs.erase(task.files);
    }
    task.files = 0;
}

void exit_fs(KernelState& kernel, Task& task) {
    FsStruct& fs = kernel.fs_structs.at(task.fs);
    if (--fs.users == 0) {
        if (fs.cwd.directory) fput(kernel, fs.cwd.directory);
        kernel.fs_structs.erase(task.fs);
    }
    task.fs = 0;
}

void exit_sighand(KernelState& kernel, Task& task) {
    if (--kernel.sighands.at(task.sighand).users == 0) kernel.sighands.erase(task.sighand);
    task.sighand = 0;
}

SigInfo child_info(KernelState& kernel, const SignalStruct& process, int code, int status) {
    SigInfo info;
    info.signo = SIGCHLD;
    info.code = code;
    info.layout = SigInfo::Layout::kChild;
    info.pid = process.tgid;
    info.uid = host::getuid();
    info.status = status;
    const Usage usage = usage_of(kernel, process);
    info.utime = static_cast<i64>(usage.user_ns() / 10'000'000);
    info.stime = static_cast<i64>(usage.system_ns / 10'000'000);
    return info;
}

/// do_notify_parent(): true when nobody will wait for it (the parent ignores SIGCHLD, or is gone).
bool notify_parent(KernelState& kernel, Task& leader) {
    const auto parent = kernel.processes.find(leader.ppid);
    if (parent == kernel.processes.end() || parent->second.threads.empty()) return true;
    const SignalStruct& process = kernel.process_of(leader);
    const TaskExit& exit = leader.exit;
    bool reap = false;
    Task& receiver = kernel.tasks.at(parent->second.threads.front());
    int signal = leader.exit_signal;
    if (signal == SIGCHLD) {
        const SigAction& action = kernel.sighand_of(receiver).action[SIGCHLD];
        reap = action.handler == kSigIgn || (action.flags & kSaNocldWait);
        if (action.handler == kSigIgn) signal = 0;
    }
    if (signal) {
        const int code = !exit.killed_by ? CLD_EXITED : exit.core ? CLD_DUMPED : CLD_KILLED;
        SigInfo info = child_info(kernel, process, code, exit.killed_by ? exit.killed_by : exit.code);
        info.signo = signal;
        (void)send_group_signal(kernel, receiver, info);
    }
    wake_up(kernel, wait_key(WaitKind::kChild, static_cast<u64>(parent->first)));
    return reap;
}

/// All members that could be continued by somebody are gone: stopped jobs get SIGHUP and SIGCONT.
void kill_orphaned_pgrp(KernelState& kernel, Pid pgrp, Pid leaving) {
    if (!is_orphaned_pgrp(kernel, pgrp, leaving)) return;
    bool stopped = false;
    for (const auto& [tgid, process] : kernel.processes)
        stopped = stopped || (process.stopped && leader_of(kernel, process).pgrp == pgrp);
    if (!stopped) return;
    for (const int signal : {SIGHUP, SIGCONT}) {
        SigInfo info;
        info.signo = signal;
        info.code = kSiKernel;
        (void)kill_pgrp(kernel, pgrp, info);
    }
}

/// find_new_reaper(): the next ancestor that wants orphans, or init.
Pid find_new_reaper(KernelState& kernel, Pid ppid) {
    while (true) {
        const auto process = kernel.processes.find(ppid);
        if (process == kernel.processes.end()) return kInitPid;
        if (process->second.is_child_subreaper && !process->second.threads.empty()) return ppid;
        ppid = leader_of(kernel, process->second).ppid;
    }
}

/// forget_original_parent(), for the children of a process that has ended.
void reparent_children(KernelState& kernel, const SignalStruct& process) {
    const Pid reaper = find_new_reaper(kernel, leader_of(kernel, process).ppid);
    std::vector<Pid> children;
    for (const auto& [tgid, other] : kernel.processes)
        if (leader_of(kernel, other).ppid == process.tgid) children.push_back(tgid);
    for (const Pid child : children) {
        SignalStruct& orphan = kernel.processes.at(child);
        Task& leader = leader_of(kernel, orphan);
        for (const Pid thread : orphan.threads) kernel.tasks.at(thread).ppid = reaper;
        leader.ppid = reaper;
        leader.exit_signal = SIGCHLD;
        if (orphan.threads.empty() && notify_parent(kernel, leader))
            release_task(kernel, leader);
        else
            kill_orphaned_pgrp(kernel, leader.pgrp, 0);
    }
}

/// PR_SET_PDEATHSIG of those whom this thread has made.
void send_parent_death_signals(KernelState& kernel, Task& task, const SignalStruct& process) {
    const Pid heir = process.threads.empty() ? 0 : process.threads.front();
    for (auto& [pid, child] : kernel.tasks) {
        if (child.parent_thread != task.pid) continue;
        child.parent_thread = heir;
        if (!child.parent_death_signal || child.state >= TaskState::kZombie) continue;
        SigInfo info;
        info.signo = child.parent_death_signal;
        info.code = kSiUser;
        info.pid = task.tgid;
        info.uid = host::getuid();
        (void)send_group_signal(kernel, child, info);
    }
}

/// Deviation: who ends the emulator means all of the guest: a signal from outside that has ended the first
/// process goes to those that it leaves behind. They may handle it.
void end_what_is_left(KernelState& kernel) {
    SigInfo info;
    info.signo = kernel.outside_signal;
    info.code = kSiKernel;
    for (auto& [tgid, process] : kernel.processes)
        if (tgid != kFirstPid && !process.threads.empty())
            (void)send_group_signal(kernel, kernel.tasks.at(process.threads.front()), info);
}

/// exit_notify(): the process has no thread any more.
void process_ended(KernelState& kernel, SignalStruct& process) {
    Task& leader = leader_of(kernel, process);
    if (process.group_exiting) leader.exit = process.group_exit;
    kernel.system.notify({.kind = EventKind::kTaskExit,
                          .address = static_cast<u64>(process.tgid),
                          .after = static_cast<u64>(leader.exit.wait_status())});
    if (process.real_timer.expires)
        cancel_deadline(kernel, {process.real_timer.expires, Deadline::Kind::kRealTimer, process.tgid, 0});
    for (const auto& [id, timer] : process.posix_timers) disarm_posix_timer(kernel, process, id, timer);
    exit_cpu_timers(kernel, process);
    disassociate(kernel, leader);
    wake_pidfds(kernel, process.tgid);
    reparent_children(kernel, process);
    kill_orphaned_pgrp(kernel, leader.pgrp, process.tgid);
    if (process.tgid == kFirstPid) {
        kernel.first_exit = ExitStatus{leader.exit.code, leader.exit.killed_by};
        if (leader.exit.killed_by && leader.exit.killed_by == kernel.outside_signal) end_what_is_left(kernel);
    }
    if (!notify_parent(kernel, leader)) return;
    leader.state = TaskState::kDead;
    if (leader.pid != kernel.current) release_task(kernel, leader);
}

bool is_last_task(const KernelState& kernel, const Task& task) {
    for (const auto& [pid, other] : kernel.tasks)
        if (pid != task.pid && other.state < TaskState::kZombie) return false;
    return true;
}

}  // namespace

void mm_release(KernelState& kernel, Task& task) {
    exit_robust_list(kernel, task);
    exit_pi_state_list(kernel, task);
    MmStruct& mm = kernel.mm_of(task);
    if (const u64 address = std::exchange(task.clear_child_tid, 0); address && mm.users > 1) {
        (void)put_user(kernel.system, mm, u32{0}, address);
        futex_wake_exited(kernel, task, address);
    }
    if (!std::exchange(task.vfork_done, true))
        wake_up(kernel, wait_key(WaitKind::kVfork, static_cast<u64>(task.pid)));
}

Task& leader_of(KernelState& kernel, const SignalStruct& process) {
    return kernel.tasks.at(process.tgid);
}

Usage usage_of(KernelState& kernel, const SignalStruct& process) {
    Usage usage = process.dead_threads;
    for (const Pid thread : process.threads) usage.add(kernel.tasks.at(thread).usage);
    return usage;
}

void do_exit(KernelState& kernel, Task& task, const TaskExit& exit) {
    CHECK(task.pid == kernel.current && task.state == TaskState::kRunning, task.pid, kernel.current);
    account_running(kernel);
    SignalStruct& process = kernel.process_of(task);
    task.exit = exit;
    if (kernel.trace) {
        const TaskExit& seen = process.group_exiting ? process.group_exit : exit;
        kernel.trace->on_end(kernel, task, ExitStatus{seen.code, seen.killed_by});
    }
    if (is_last_task(kernel, task)) {
        // Deviation: exit_mmap() is left out. This is the last task, its memory goes with the machine, and
        // what a guest ended with is what a state hash and a debugger look at.
        if (process.group_exiting) task.exit = process.group_exit;
        if (!kernel.first_exit) kernel.first_exit = ExitStatus{task.exit.code, task.exit.killed_by};
        if (task.tgid == kFirstPid) kernel.stats.memory = memory_stats(kernel.system, kernel.mm_of(task));
        exit_files(kernel, task);
        exit_fs(kernel, task);
        end_machine(kernel);
        return;
    }
    const MmStruct& mm = kernel.mm_of(task);
    task.usage.max_rss_pages = std::max({task.usage.max_rss_pages, mm.hiwater_rss, mm.rss_pages()});
    exit_mm(kernel, task);
    exit_files(kernel, task);
    exit_fs(kernel, task);
    exit_sem(kernel, task);
    exit_msg(kernel, task);
    exit_sighand(kernel, task);
    cancel_cpu_sleep(kernel, task.pid);
    task.call.parked = false;
    task.signals.pending.clear();
    process.dead_threads.add(task.usage);
    std::erase(process.threads, task.pid);
    task.state = task.is_leader() ? TaskState::kZombie : TaskState::kDead;
    wake_pidfds(kernel, task.pid);
    if (!task.is_leader())
        kernel.system.notify({.kind = EventKind::kThreadExit,
                              .address = static_cast<u64>(task.pid),
                              .before = static_cast<u64>(task.tgid),
                              .after = static_cast<u64>(task.exit.wait_status())});
    send_parent_death_signals(kernel, task, process);
    kernel.sched.need_resched = true;
    if (process.threads.empty()) mqueue_forget_notification(kernel, task.tgid);
    if (process.threads.empty()) return process_ended(kernel, process);
    if (process.group_exec_task && process.threads.size() == 1)
        wake_task(kernel, kernel.tasks.at(process.group_exec_task));
}

void zap_other_threads(KernelState& kernel, Task& task) {
    SignalStruct& process = kernel.process_of(task);
    process.stopped = false;
    for (const Pid thread : process.threads) {
        Task& other = kernel.tasks.at(thread);
        if (other.pid == task.pid) continue;
        signal_wake_up(kernel, other, true);
        enqueue_task(kernel, other);
    }
}

void do_group_exit(KernelState& kernel, Task& task, const TaskExit& exit) {
    SignalStruct& process = kernel.process_of(task);
    if (!process.group_exiting) {
        process.group_exiting = true;
        process.group_exit = exit;
        zap_other_threads(kernel, task);
    }
    do_exit(kernel, task, process.group_exit);
}

TaskRecord record_of(const KernelState& kernel, const Task& task) {
    TaskRecord record{task.pid,
                      task.tgid,
                      task.ppid,
                      task.comm,
                      task.usage,
                      {task.exit.code, task.exit.killed_by},
                      task.state >= TaskState::kZombie};
    const auto mm = kernel.mms.find(task.mm);
    if (mm != kernel.mms.end())
        record.usage.max_rss_pages = std::max(mm->second.hiwater_rss, mm->second.rss_pages());
    return record;
}

void release_task(KernelState& kernel, Task& task) {
    const Pid tgid = task.tgid;
    CHECK(task.state >= TaskState::kZombie && task.pid != kernel.current, task.pid);
    const bool leader = task.is_leader();
    forget_pid(kernel, task.pid);
    if (kernel.keep_records) kernel.records.push_back(record_of(kernel, task));
    kernel.tasks.erase(task.pid);
    if (leader) kernel.processes.erase(tgid);
}

void end_machine(KernelState& kernel) {
    if (kernel.exit_status) return;
    kernel.exit_status = kernel.first_exit.value_or(ExitStatus{});
    kernel.system.page_cache.writeback_all(kernel.system);  // files get what was written to them
}

void kill_everything(KernelState& kernel, int signal) {
    if (kernel.exit_status) return;
    if (!kernel.first_exit) {
        kernel.first_exit = ExitStatus{0, signal};
        const Task* first = kernel.find_task(kFirstPid);
        if (first && first->mm) kernel.stats.memory = memory_stats(kernel.system, kernel.mm_of(*first));
    }
    end_machine(kernel);
}

void notify_parent_stop(KernelState& kernel, SignalStruct& process, int code, int status) {
    const auto parent = kernel.processes.find(leader_of(kernel, process).ppid);
    if (parent == kernel.processes.end() || parent->second.threads.empty()) return;
    Task& receiver = kernel.tasks.at(parent->second.threads.front());
    const SigAction& action = kernel.sighand_of(receiver).action[SIGCHLD];
    if (action.handler != kSigIgn && !(action.flags & kSaNocldStop))
        (void)send_group_signal(kernel, receiver, child_info(kernel, process, code, status));
    wake_up(kernel, wait_key(WaitKind::kChild, static_cast<u64>(parent->first)));
}

bool is_orphaned_pgrp(const KernelState& kernel, Pid pgrp, Pid without) {
    for (const auto& [tgid, process] : kernel.processes) {
        const Task& leader = kernel.tasks.at(tgid);
        if (leader.pgrp != pgrp || tgid == without || process.threads.empty()) continue;
        const auto parent = kernel.tasks.find(leader.ppid);
        if (parent != kernel.tasks.end() && parent->second.pgrp != pgrp &&
            parent->second.session == leader.session)
            return false;
    }
    return true;
}

}  // namespace kernel
