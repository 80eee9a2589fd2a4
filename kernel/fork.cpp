// Purpose: making tasks. See fork.h.
#include "kernel/fork.h"

#include <sched.h>

#include <csignal>

#include "kernel/dup_mm.h"
#include "kernel/errno.h"
#include "kernel/exit.h"
#include "kernel/fs/files.h"
#include "kernel/fs/pidfd.h"
#include "kernel/pkeys.h"
#include "kernel/sched.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"
#include "mmu/base/log.h"

namespace kernel {

using mmu::Registers;

namespace {

constexpr u64 kCloneClearSighand = u64{1} << 32, kCloneIntoCgroup = u64{1} << 33;
constexpr u64 kClonePidfd = 0x1000;
constexpr u64 kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                            CLONE_NEWPID | CLONE_NEWNET | 0x80 /* CLONE_NEWTIME */;
constexpr Pid kPidMax = 32768, kReservedPids = 300;

bool has(u64 flags, u64 all) {
    return (flags & all) == all;
}

/// copy_process()'s checks, in its order.
int check_flags(u64 flags) {
    if (has(flags, CLONE_NEWNS | CLONE_FS) || has(flags, CLONE_NEWUSER | CLONE_FS)) return -EINVAL;
    if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND)) return -EINVAL;
    if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM)) return -EINVAL;
    if ((flags & CLONE_THREAD) && (flags & (CLONE_NEWUSER | CLONE_NEWPID))) return -EINVAL;
    if (flags & kNamespaces) {
        LOG(warn, "clone: a guest cannot have namespaces of its own: EPERM");
        return -EPERM;
    }
    if ((flags & kClonePidfd) && (flags & CLONE_DETACHED)) return -EINVAL;
    if (flags & kCloneIntoCgroup) {
        LOG(warn, "clone: CLONE_INTO_CGROUP: a guest has no control groups: EBADF");
        return -EBADF;
    }
    return 0;
}

}  // namespace

bool pid_in_use(const KernelState& kernel, Pid pid) {
    if (kernel.tasks.count(pid)) return true;
    for (const auto& [id, task] : kernel.tasks)
        if (task.pgrp == pid || task.session == pid) return true;
    return false;
}

namespace {

/// alloc_pid(): the next free number in turn; 0: none.
Pid alloc_pid(KernelState& kernel) {
    for (Pid tries = 0; tries < kPidMax; ++tries) {
        kernel.last_pid = kernel.last_pid + 1 < kPidMax ? kernel.last_pid + 1 : kReservedPids;
        if (!pid_in_use(kernel, kernel.last_pid)) return kernel.last_pid;
    }
    return 0;
}

/// Places in guest RAM for what a new task brings along.
struct TaskObjects {
    KmemObject task, pid, signal, sighand, files, fs;
    KernelStack stack;

    /// dup_task_struct(), and the allocations of copy_*(). False: out of memory; what there is goes back.
    bool allocate(MemorySystem& system, u64 flags) {
        return task.allocate(system, kTaskStructCache) && stack.allocate(system) &&
               pid.allocate(system, kPidCache) &&
               ((flags & CLONE_FILES) || files.allocate(system, kFilesCache)) &&
               ((flags & CLONE_FS) || fs.allocate(system, kFsCache)) &&
               ((flags & CLONE_SIGHAND) || sighand.allocate(system, kSighandCache)) &&
               ((flags & CLONE_THREAD) || signal.allocate(system, kSignalCache));
    }
    void give_to(KernelState& kernel, Task& owner, u64 flags) {
        owner.object = std::move(task);
        owner.pid_object = std::move(pid);
        owner.stack = std::move(stack);
        if (!(flags & CLONE_FILES)) kernel.files_structs.at(owner.files).object = std::move(files);
        if (!(flags & CLONE_FS)) kernel.fs_structs.at(owner.fs).object = std::move(fs);
        if (!(flags & CLONE_SIGHAND)) kernel.sighands.at(owner.sighand).object = std::move(sighand);
        if (!(flags & CLONE_THREAD)) kernel.processes.at(owner.tgid).object = std::move(signal);
    }
};

/// copy_mm(). The id of the child's address space; 0: out of memory.
MmId copy_mm(KernelState& kernel, u64 flags, const Task& parent) {
    MmStruct& old = kernel.mm_of(parent);
    if (flags & CLONE_VM) {
        ++old.users;
        return parent.mm;
    }
    auto fresh = mm_alloc(kernel.system);
    if (!fresh) return 0;
    MmStruct& mm = *fresh;
    if (dup_mmap(kernel.system, mm, old)) {
        exit_mmap(kernel.system, mm);
        mm_drop(kernel.system, mm);
        return 0;
    }
    const MmId id = kernel.next_mm++;
    kernel.mms.emplace(id, std::move(*fresh));
    return id;
}

/// Takes back what copy_mm() did.
void drop_mm(KernelState& kernel, MmId id) {
    MmStruct& mm = kernel.mms.at(id);
    if (--mm.users) return;
    exit_mmap(kernel.system, mm);
    mm_drop(kernel.system, mm);
    kernel.mms.erase(id);
}

/// The child has a copy of the parent's table without the pidfd, which is the parent's.
void copy_files(KernelState& kernel, u64 flags, Task& child, int pidfd) {
    ++kernel.files_structs.at(child.files).users;
    if (flags & CLONE_FILES) return;
    unshare_files(kernel, child);
    if (pidfd < 0) return;
    if (const OpenFileId file = kernel.fd_table(child).remove(pidfd).file) fput(kernel, file);
}

void copy_fs(KernelState& kernel, u64 flags, Task& child) {
    ++kernel.fs_structs.at(child.fs).users;
    if (!(flags & CLONE_FS)) unshare_fs(kernel, child);
}

void copy_sighand(KernelState& kernel, u64 flags, Task& child) {
    SighandStruct& sighand = kernel.sighands.at(child.sighand);
    if (flags & CLONE_SIGHAND) {
        ++sighand.users;
        return;
    }
    child.sighand = kernel.next_struct++;
    SighandStruct& copy = kernel.sighands[child.sighand];
    copy.action = sighand.action;
    if (flags & kCloneClearSighand)
        for (SigAction& action : copy.action)
            if (action.handler != kSigIgn) action = {};
}

/// copy_signal(): a process of its own, or one more thread of the parent's.
void copy_signal(KernelState& kernel, u64 flags, Task& child) {
    if (flags & CLONE_THREAD) {
        kernel.process_of(child).threads.push_back(child.pid);
        return;
    }
    child.tgid = child.pid;
    SignalStruct& process = kernel.processes[child.tgid];
    process.tgid = child.tgid;
    process.threads = {child.pid};
    process.oom_score_adj = kernel.process_of(kernel.task()).oom_score_adj;
    process.tty = kernel.process_of(kernel.task()).tty;
}

/// copy_thread(): where it starts.
void copy_thread(const CloneArgs& args, Task& child, const Registers& registers) {
    child.registers = registers;
    child.registers.gpr[mmu::kRax] = 0;
    if (args.stack) child.registers.gpr[mmu::kRsp] = args.stack;
    if (args.flags & CLONE_SETTLS) child.registers.fs_base = args.tls;
}

/// What a new task does not inherit.
void reset_for_child(Task& child, u64 flags) {
    child.signals.pending.clear();
    child.signals.saved_mask.reset();
    if (has(flags, CLONE_VM) && !(flags & CLONE_VFORK)) child.signals.alt_stack = {};
    if (flags & CLONE_VM) child.rseq = 0;
    child.call = {};
    child.blocked_call = {};
    child.wait.clear();
    child.restart = {};
    child.interrupted = {};
    child.usage = {};
    child.owed_system_ns = 0;
    child.robust_list = 0;
    if (std::exchange(child.reset_on_fork, false)) child.nice = std::max(child.nice, 0);  // sched_fork()
    child.parent_death_signal = 0;
    child.queued = child.in_user = child.rseq_event = false;
    child.state = TaskState::kRunning;
}

u64 live_tasks(const KernelState& kernel) {
    return kernel.tasks.size();
}

}  // namespace

void unshare_files(KernelState& kernel, Task& task) {
    FilesStruct& files = kernel.files_structs.at(task.files);
    if (files.users == 1) return;
    --files.users;
    task.files = kernel.next_struct++;
    FilesStruct& copy = kernel.files_structs[task.files];
    copy.table = files.table;
    for (int fd = 0; fd < copy.table.size(); ++fd)
        if (const FdTable::Slot* slot = copy.table.find(fd)) kernel.files.get(slot->file);
}

void unshare_fs(KernelState& kernel, Task& task) {
    FsStruct& fs = kernel.fs_structs.at(task.fs);
    if (fs.users == 1) return;
    --fs.users;
    task.fs = kernel.next_struct++;
    FsStruct& copy = kernel.fs_structs[task.fs];
    copy.cwd = fs.cwd;
    copy.umask = fs.umask;
    if (copy.cwd.directory) kernel.files.get(copy.cwd.directory);
}

i64 kernel_clone(KernelState& kernel, const CloneArgs& args, const Registers& registers) {
    const u64 flags = args.flags;
    if (const int error = check_flags(flags)) return error;
    Task& parent = kernel.task();
    if ((flags & CLONE_SETTLS) && args.tls >= kernel.mm_of(parent).task_size) return -EPERM;
    // Deviation: RLIMIT_NPROC counts the guest's tasks and holds for root too.
    if (live_tasks(kernel) >= kernel.mm_of(parent).rlimit(kRlimitNproc)) return -EAGAIN;
    const Pid pid = alloc_pid(kernel);
    if (!pid) return -EAGAIN;
    TaskObjects objects;
    const MmId mm = objects.allocate(kernel.system, flags) ? copy_mm(kernel, flags, parent) : 0;
    if (!mm) {
        kernel.system.out_of_memory = false;  // fork fails, nobody is killed
        return -ENOMEM;
    }
    int pidfd = -1;
    if (flags & kClonePidfd) {
        pidfd = install_file(kernel, parent, pidfd_file(kernel, pid, 0, args.flags & CLONE_THREAD), true);
        if (pidfd >= 0 && put_user(kernel.system, kernel.mm_of(parent), pidfd, args.pidfd)) {
            (void)close_file(kernel, parent, pidfd);
            pidfd = -EFAULT;
        }
        if (pidfd < 0) {
            drop_mm(kernel, mm);
            return pidfd;
        }
    }
    Task& child = kernel.tasks.emplace(pid, parent).first->second;
    child.pid = pid;
    child.mm = mm;
    reset_for_child(child, flags);
    copy_files(kernel, flags, child, pidfd);
    copy_fs(kernel, flags, child);
    copy_sighand(kernel, flags, child);
    copy_semundo(kernel, parent, child, flags & CLONE_SYSVSEM ? SemUndo::kShared : SemUndo::kNone);
    copy_signal(kernel, flags, child);
    objects.give_to(kernel, child, flags);
    copy_thread(args, child, registers);
    child.pkru = read_pkru(kernel.system);
    if (flags & (CLONE_PARENT | CLONE_THREAD)) {
        child.parent_thread = parent.parent_thread;
        child.exit_signal =
            flags & CLONE_THREAD ? 0 : leader_of(kernel, kernel.process_of(parent)).exit_signal;
    } else {
        child.ppid = parent.tgid;
        child.parent_thread = parent.pid;
        child.exit_signal = args.exit_signal;
    }
    child.set_child_tid = flags & CLONE_CHILD_SETTID ? args.child_tid : 0;
    child.clear_child_tid = flags & CLONE_CHILD_CLEARTID ? args.child_tid : 0;
    if (flags & CLONE_PARENT_SETTID)
        (void)put_user(kernel.system, kernel.mm_of(parent), pid, args.parent_tid);
    if (flags & CLONE_VFORK) {
        child.vfork_done = false;
    }
    kernel.system.notify({.kind = EventKind::kTaskNew,
                          .address = static_cast<u64>(pid),
                          .before = static_cast<u64>(parent.pid),
                          .flags = flags});
    ++(flags & CLONE_THREAD ? kernel.stats.threads : kernel.stats.processes);
    child.queued = false;
    enqueue_task(kernel, child);
    return pid;
}

i64 wait_for_vfork_done(KernelState& kernel, Pid pid) {
    const Task* child = kernel.find_task(pid);
    if (!child || child->vfork_done) return pid;
    WaitFor wait;
    wait.keys = {wait_key(WaitKind::kVfork, static_cast<u64>(pid))};
    wait.killable = true;
    const i64 result = block_or(kernel, kernel.task(), wait, EINTR);
    return result == -kCallBlocked ? result : pid;
}

void give_objects_to_first_task(KernelState& kernel, Task& task) {
    TaskObjects objects;
    if (!objects.allocate(kernel.system, 0)) {  // so little RAM that exec will say so
        kernel.system.out_of_memory = false;
        return;
    }
    objects.give_to(kernel, task, 0);
}

}  // namespace kernel
