// Making processes and threads, waiting for them, process groups and sessions. Linux: kernel/fork.c,
// kernel/exit.c do_wait(), kernel/sys.c.
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "kernel/exit.h"
#include "kernel/fork.h"
#include "kernel/fs/files.h"
#include "kernel/fs/pidfd.h"
#include "kernel/host/host.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/syscalls/functions.h"
#include "mmu/base/log.h"

namespace kernel::calls {

namespace {

constexpr u64 kSignalMask = 0xff;  ///< CSIGNAL
constexpr u64 kClonePidfd = 0x1000;

i64 do_clone(Syscall& call, const CloneArgs& args) {
    u64& child = call.task.blocked_call.progress;  // of a vfork that waits
    if (!child) {
        const i64 made = kernel_clone(call.kernel, args, call.registers);
        if (made < 0 || !(args.flags & CLONE_VFORK)) return made;
        child = static_cast<u64>(made);
    }
    return wait_for_vfork_done(call.kernel, static_cast<Pid>(child));
}

/// struct clone_args, version 2.
struct UserCloneArgs {
    u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
        cgroup;
};

}  // namespace

i64 fork(Syscall& call) {
    return do_clone(call, {.exit_signal = SIGCHLD});
}

i64 vfork(Syscall& call) {
    return do_clone(call, {.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD});
}

i64 clone(Syscall& call) {
    const auto& a = call.args;
    const u64 flags = a[0] & 0xffffffff;
    // kernel_clone(): both would go to the same place.
    if ((flags & kClonePidfd) && (flags & CLONE_PARENT_SETTID)) return -EINVAL;
    return do_clone(call, {.flags = flags & ~kSignalMask,
                           .child_tid = a[3],
                           .parent_tid = a[2],
                           .exit_signal = static_cast<int>(flags & kSignalMask),
                           .stack = a[1],
                           .tls = a[4],
                           .pidfd = a[2]});
}

i64 clone3(Syscall& call) {
    constexpr u64 kVersion0 = 64;
    constexpr u64 kKnownFlags = 0x3ffffffffull & ~u64{CLONE_DETACHED};
    const u64 size = call.args[1];
    if (size > mmu::kPageSize) return -E2BIG;
    if (size < kVersion0) return -EINVAL;
    UserCloneArgs user{};
    if (copy_from_user(call.system(), call.mm(), &user, call.args[0], std::min<u64>(size, sizeof user)))
        return -EFAULT;
    for (u64 at = sizeof user; at < size; ++at) {  // copy_struct_from_user(): what is not known must be zero
        u8 byte = 0;
        if (call.get(byte, call.args[0] + at)) return -EFAULT;
        if (byte) return -E2BIG;
    }
    if ((user.flags & ~kKnownFlags) || (user.flags & kSignalMask & ~u64{0x80})) return -EINVAL;
    if (user.exit_signal > kSignals) return -EINVAL;
    if ((user.flags & (CLONE_THREAD | CLONE_PARENT)) && user.exit_signal) return -EINVAL;
    if (!user.stack != !user.stack_size) return -EINVAL;
    if (user.stack && !access_ok(call.mm(), user.stack, user.stack_size)) return -EINVAL;
    constexpr u64 kClearSighand = u64{1} << 32;
    if ((user.flags & kClearSighand) && (user.flags & CLONE_SIGHAND)) return -EINVAL;
    // One namespace of process ids, and no right to choose from it.
    if (user.set_tid || user.set_tid_size) return user.set_tid && user.set_tid_size == 1 ? -EPERM : -EINVAL;
    return do_clone(call, {.flags = user.flags,
                           .child_tid = user.child_tid,
                           .parent_tid = user.parent_tid,
                           .exit_signal = static_cast<int>(user.exit_signal),
                           .stack = user.stack + user.stack_size,
                           .tls = user.tls,
                           .pidfd = user.pidfd});
}

namespace {

/// struct wait_opts.
struct WaitOptions {
    idtype_t type = P_ALL;
    Pid pid = 0;
    int options = 0;
};

/// What was found: a child's event.
struct Waited {
    Pid pid = 0;
    int code = 0;    ///< CLD_*
    int status = 0;  ///< exit code or signal
    Usage usage;

    int wait_status() const {
        switch (code) {
            case CLD_EXITED:
                return (status & 0xff) << 8;
            case CLD_STOPPED:
                return status << 8 | 0x7f;
            case CLD_CONTINUED:
                return 0xffff;
            default:
                return status | (code == CLD_DUMPED ? 0x80 : 0);
        }
    }
};

/// eligible_child()
bool eligible(const Syscall& call, const WaitOptions& wait, const Task& leader) {
    if (leader.ppid != call.task.tgid) return false;
    if ((wait.options & __WNOTHREAD) && leader.parent_thread != call.task.pid) return false;
    if (wait.type == P_PID && leader.tgid != wait.pid) return false;
    if (wait.type == P_PGID && leader.pgrp != wait.pid) return false;
    if (wait.options & __WALL) return true;
    return (leader.exit_signal != SIGCHLD) == ((wait.options & __WCLONE) != 0);
}

/// wait_task_zombie(), wait_task_stopped(), wait_task_continued().
std::optional<Waited> event_of(KernelState& kernel, const WaitOptions& wait, SignalStruct& process,
                               Task& leader) {
    Waited found;
    found.pid = process.tgid;
    const bool keep = wait.options & WNOWAIT;
    if (process.threads.empty()) {
        if (!(wait.options & WEXITED)) return std::nullopt;
        found.code = !leader.exit.killed_by ? CLD_EXITED : leader.exit.core ? CLD_DUMPED : CLD_KILLED;
        found.status = leader.exit.killed_by ? leader.exit.killed_by : leader.exit.code;
        found.usage = usage_of(kernel, process);
        found.usage.add(process.children);
        if (!keep) {
            kernel.process_of(kernel.task()).children.add(found.usage);
            release_task(kernel, leader);
        }
        return found;
    }
    found.usage = usage_of(kernel, process);
    if ((wait.options & WSTOPPED) && process.stopped && process.stop_signal) {
        found.code = CLD_STOPPED;
        found.status = process.stop_signal;
        if (!keep) process.stop_signal = 0;
        return found;
    }
    if ((wait.options & WCONTINUED) && process.continued) {
        found.code = CLD_CONTINUED;
        found.status = SIGCONT;
        if (!keep) process.continued = false;
        return found;
    }
    return std::nullopt;
}

/// do_wait(): 0 with `found` set; 0 without it: WNOHANG and nothing to tell; or -errno.
i64 do_wait(Syscall& call, const WaitOptions& wait, std::optional<Waited>& found) {
    bool any = false;
    for (auto& [tgid, process] : call.kernel.processes) {
        Task& leader = leader_of(call.kernel, process);
        if (!eligible(call, wait, leader)) continue;
        any = true;
        found = event_of(call.kernel, wait, process, leader);
        if (found) return 0;
    }
    if (!any) return -ECHILD;
    if (wait.options & WNOHANG) return 0;
    return call.wait_on({wait_key(WaitKind::kChild, static_cast<u64>(call.task.tgid))});
}

timeval timeval_of(u64 ns) {
    return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000 / 1000)};
}

rusage rusage_of(const Usage& usage) {
    rusage result{};
    result.ru_utime = timeval_of(usage.user_ns());
    result.ru_stime = timeval_of(usage.system_ns);
    result.ru_maxrss = static_cast<long>(usage.max_rss_pages * 4);
    result.ru_minflt = static_cast<long>(usage.min_flt);
    result.ru_majflt = static_cast<long>(usage.maj_flt);
    result.ru_nvcsw = static_cast<long>(usage.voluntary_switches);
    result.ru_nivcsw = static_cast<long>(usage.involuntary_switches);
    return result;
}

}  // namespace

i64 wait4(Syscall& call) {
    constexpr u64 kKnown = WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
    const auto& a = call.args;
    if (a[2] & ~kKnown & 0xffffffff) return -EINVAL;
    const Pid pid = call.integer(0);
    if (pid == INT32_MIN) return -ESRCH;
    WaitOptions wait;
    wait.options = call.integer(2) | WEXITED;
    wait.type = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
    wait.pid = pid > 0 ? pid : pid == 0 ? call.task.pgrp : -pid;
    std::optional<Waited> found;
    if (const i64 result = do_wait(call, wait, found); result || !found) return result;
    if (a[1] && call.put(found->wait_status(), a[1])) return -EFAULT;
    if (a[3] && call.put(rusage_of(found->usage), a[3])) return -EFAULT;
    return found->pid;
}

i64 waitid(Syscall& call) {
    constexpr u64 kKnown =
        WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
    const auto& a = call.args;
    if (a[3] & ~kKnown & 0xffffffff || !(a[3] & (WEXITED | WSTOPPED | WCONTINUED))) return -EINVAL;
    WaitOptions wait;
    wait.options = call.integer(3);
    wait.pid = call.integer(1);
    bool nonblocking = false;
    switch (call.integer(0)) {
        case P_ALL:
            break;
        case P_PID:
            wait.type = P_PID;
            if (wait.pid <= 0) return -EINVAL;
            break;
        case P_PGID:
            wait.type = P_PGID;
            if (wait.pid < 0) return -EINVAL;
            if (wait.pid == 0) wait.pid = call.task.pgrp;
            break;
        case 3: {  // P_PIDFD
            if (wait.pid < 0) return -EINVAL;
            const OpenFile* file = file_of(call.kernel, call.task, wait.pid);
            if (!file || !is_object(*file, kPidFdOperations)) return -EBADF;
            const auto pid = pid_of_file(call.kernel, *file);
            wait.type = P_PID;
            wait.pid = pid ? *pid : -1;  // waited for already: ECHILD
            if (file->flags & O_NONBLOCK) nonblocking = true, wait.options |= WNOHANG;
            break;
        }
        default:
            return -EINVAL;
    }
    std::optional<Waited> found;
    if (const i64 result = do_wait(call, wait, found)) return result;
    if (!found && nonblocking && !(a[3] & WNOHANG)) return -EAGAIN;
    if (found && a[4] && call.put(rusage_of(found->usage), a[4])) return -EFAULT;
    if (!a[2]) return 0;
    // Only signo, errno, code, pid, uid and status are written (waitid()'s unsafe_put_user()s).
    const int head[3] = {found ? SIGCHLD : 0, 0, found ? found->code : 0};
    struct {
        Pid pid;
        u32 uid;
        int status;
    } const tail{found ? found->pid : 0, found ? host::getuid() : 0, found ? found->status : 0};
    return call.put(head, a[2]) || call.put(tail, a[2] + 16) ? -EFAULT : 0;
}

i64 getrusage(Syscall& call) {
    const int who = call.integer(0);
    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD) return -EINVAL;
    account_running(call.kernel);
    const SignalStruct& process = call.kernel.process_of(call.task);
    if (who == RUSAGE_CHILDREN) return call.put(rusage_of(process.children), call.args[1]);
    Usage usage = who == RUSAGE_THREAD ? call.task.usage : usage_of(call.kernel, process);
    usage.max_rss_pages = std::max(call.mm().hiwater_rss, call.mm().rss_pages());
    return call.put(rusage_of(usage), call.args[1]);
}

namespace {

/// find_task_by_vpid(); 0 is the caller.
Task* find_task(Syscall& call, Pid pid) {
    return pid == 0 ? &call.task : call.kernel.find_task(pid);
}

void set_group(KernelState& kernel, Task& leader, Pid pgrp, Pid session) {
    leader.pgrp = pgrp;
    leader.session = session;
    for (const Pid thread : kernel.process_of(leader).threads) {
        kernel.tasks.at(thread).pgrp = pgrp;
        kernel.tasks.at(thread).session = session;
    }
}

bool group_exists(const KernelState& kernel, Pid pgrp, Pid session) {
    for (const auto& [pid, task] : kernel.tasks)
        if (task.pgrp == pgrp && task.session == session) return true;
    return false;
}

}  // namespace

i64 getpgrp(Syscall& call) {
    return call.task.pgrp;
}
i64 getpgid(Syscall& call) {
    const Task* task = find_task(call, call.integer(0));
    return task ? task->pgrp : -ESRCH;
}
i64 getsid(Syscall& call) {
    const Task* task = find_task(call, call.integer(0));
    return task ? task->session : -ESRCH;
}

i64 setpgid(Syscall& call) {
    const Pid own = call.task.tgid;
    const Pid pid = call.integer(0) ? call.integer(0) : own;
    const Pid pgid = call.integer(1) ? call.integer(1) : pid;
    if (pgid < 0) return -EINVAL;
    Task* task = call.kernel.find_task(pid);
    if (!task) return -ESRCH;
    if (!task->is_leader()) return -EINVAL;
    if (task->ppid == own && task->tgid != own) {  // a child of the caller
        if (task->session != call.task.session) return -EPERM;
        if (call.kernel.process_of(*task).did_exec) return -EACCES;
    } else if (task->tgid != own) {
        return -ESRCH;
    }
    if (task->session == task->tgid) return -EPERM;  // a session leader stays where it is
    if (pgid != pid && !group_exists(call.kernel, pgid, call.task.session)) return -EPERM;
    set_group(call.kernel, *task, pgid, task->session);
    return 0;
}

i64 setsid(Syscall& call) {
    const Pid own = call.task.tgid;
    for (const auto& [pid, task] : call.kernel.tasks)
        if (task.pgrp == own) return -EPERM;
    set_group(call.kernel, leader_of(call.kernel, call.kernel.process_of(call.task)), own, own);
    call.kernel.process_of(call.task).tty = 0;
    return own;
}

namespace {

/// The tasks that getpriority() and setpriority() are about.
std::vector<Task*> priority_targets(Syscall& call) {
    std::vector<Task*> targets;
    const int who = call.integer(1);
    switch (call.integer(0)) {
        case PRIO_PROCESS:
            if (Task* task = find_task(call, who)) targets.push_back(task);
            break;
        case PRIO_PGRP:
            for (auto& [pid, task] : call.kernel.tasks)
                if (task.pgrp == (who ? who : call.task.pgrp)) targets.push_back(&task);
            break;
        default:
            if (who && static_cast<u32>(who) != host::getuid()) break;
            for (auto& [pid, task] : call.kernel.tasks) targets.push_back(&task);
            break;
    }
    return targets;
}

}  // namespace

i64 getpriority(Syscall& call) {
    const int which = call.integer(0);
    if (which < PRIO_PROCESS || which > PRIO_USER) return -EINVAL;
    i64 highest = -ESRCH;
    for (const Task* task : priority_targets(call)) highest = std::max<i64>(highest, 20 - task->nice);
    return highest;
}

i64 setpriority(Syscall& call) {
    const int which = call.integer(0);
    if (which < PRIO_PROCESS || which > PRIO_USER) return -EINVAL;
    const int nice = std::clamp(call.integer(2), -20, 19);
    i64 result = -ESRCH;
    for (Task* task : priority_targets(call)) {
        if (nice < task->nice) {  // Deviation: also for root
            result = -EACCES;
            continue;
        }
        if (result == -ESRCH) result = 0;
        task->nice = nice;
    }
    return result;
}

namespace {

/// Policies and their priorities are remembered and told again; they do not change who runs. Without
/// CAP_SYS_NICE only the ordinary ones can be had, as RLIMIT_RTPRIO 0 has it.
i64 set_policy(Syscall& call, int policy, u64 address) {
    constexpr int kDeadline = 6;
    int priority = 0;
    if (!address || call.integer(0) < 0) return -EINVAL;
    if (call.get(priority, address)) return -EFAULT;
    Task* task = find_task(call, call.integer(0));
    if (!task) return -ESRCH;
    if (policy < 0) policy = task->policy | (task->reset_on_fork ? SCHED_RESET_ON_FORK : 0);
    const bool reset = policy & SCHED_RESET_ON_FORK;
    policy &= ~SCHED_RESET_ON_FORK;
    const bool real_time = policy == SCHED_FIFO || policy == SCHED_RR;
    if (!real_time && policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE) {
        return policy == kDeadline ? -EPERM : -EINVAL;
    }
    if (real_time != (priority != 0) || priority < 0 || priority > 99) return -EINVAL;
    if (real_time) return -EPERM;
    task->policy = policy;
    task->reset_on_fork = reset;
    return 0;
}

}  // namespace

i64 sched_setscheduler(Syscall& call) {
    return call.integer(1) < 0 ? -EINVAL : set_policy(call, call.integer(1), call.args[2]);
}

i64 sched_setparam(Syscall& call) {
    return set_policy(call, -1, call.args[1]);
}

i64 sched_rr_get_interval(Syscall& call) {
    if (call.integer(0) < 0) return -EINVAL;
    if (!find_task(call, call.integer(0))) return -ESRCH;
    const u64 ns[2] = {0, call.kernel.config.quantum};
    return call.put(ns, call.args[1]);
}

i64 get_robust_list(Syscall& call) {
    const Task* task = find_task(call, call.integer(0));
    if (!task) return -ESRCH;
    constexpr u64 kHeadSize = 24;
    if (call.put(kHeadSize, call.args[2])) return -EFAULT;
    return call.put(task->robust_list, call.args[1]);
}

i64 sched_yield(Syscall& call) {
    yield_task(call.kernel);
    return 0;
}

}  // namespace kernel::calls
