// Identity, limits, scheduling and the end of a process. Linux: kernel/sys.c, kernel/exit.c,
// arch/x86/kernel/process_64.c.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "kernel/cpu_timer.h"
#include "kernel/exec.h"
#include "kernel/exit.h"
#include "kernel/futex.h"
#include "kernel/host/host.h"
#include "kernel/random.h"
#include "kernel/rseq.h"
#include "kernel/signal.h"
#include "kernel/syscalls/functions.h"
#include "mmu/base/log.h"

namespace kernel::calls {

namespace {

constexpr int kArchSetGs = 0x1001, kArchSetFs = 0x1002, kArchGetFs = 0x1003, kArchGetGs = 0x1004;
constexpr u64 kMaxArguments = 0x7fffffff;
constexpr usize kArgumentLength = 128 << 10;  ///< MAX_ARG_STRLEN

/// The NULL-terminated list of strings of execve(2). EFAULT, E2BIG.
mmu::Expected<std::vector<std::string>, int> string_list(Syscall& call, u64 address) {
    constexpr usize kMaxBytes = 6 << 20;
    std::vector<std::string> list;
    usize bytes = 0;
    for (u64 i = 0; address && i < kMaxArguments; ++i) {
        u64 pointer = 0;
        if (call.get(pointer, address + i * sizeof pointer)) return mmu::Unexpected{EFAULT};
        if (!pointer) break;
        std::string text;
        const i64 length = strncpy_from_user(call.system(), call.mm(), text, pointer, kArgumentLength);
        if (length < 0) return mmu::Unexpected{EFAULT};
        bytes += static_cast<usize>(length) + 1 + sizeof pointer;
        if (length == static_cast<i64>(kArgumentLength) || bytes > kMaxBytes) return mmu::Unexpected{E2BIG};
        list.push_back(std::move(text));
    }
    return list;
}

/// There is such a task; 0 is the caller.
bool task_exists(Syscall& call, Pid pid) {
    return pid == 0 || call.kernel.find_task(pid);
}

}  // namespace

namespace {

i64 execve_with(Syscall& call, ExecRequest request, u64 argv, u64 envp) {
    auto arguments = string_list(call, argv);
    if (!arguments) return -arguments.error();
    auto environment = string_list(call, envp);
    if (!environment) return -environment.error();
    if (request.path.empty()) return -ENOENT;
    if (arguments->empty()) arguments->emplace_back();  // 5.18: argc is at least 1
    request.arguments = std::move(*arguments);
    request.environment = std::move(*environment);
    const auto done = do_execve(call.kernel, call.task, request, call.registers);
    if (!done) {
        LOG(debug, "execve {}: {}", request.path, done.error().reason);
        return -done.error().error;
    }
    return 0;
}

}  // namespace

i64 execve(Syscall& call) {
    const auto path = call.path(0);
    if (!path) return -path.error();
    ExecRequest request;
    request.path = *path;
    return execve_with(call, std::move(request), call.args[1], call.args[2]);
}

/// alloc_bprm(): a name through a descriptor is /dev/fd/N/name.
i64 execveat(Syscall& call) {
    const int dirfd = call.integer(0);
    const u32 flags = static_cast<u32>(call.args[4]);
    const auto path = call.path(1);
    if (!path) return -path.error();
    if (path->empty() && !(flags & AT_EMPTY_PATH)) return -ENOENT;
    if (flags & ~u32{AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW}) return -EINVAL;
    ExecRequest request;
    request.dirfd = dirfd;
    request.at = *path;
    request.no_follow = flags & AT_SYMLINK_NOFOLLOW;
    if (dirfd == AT_FDCWD || (!path->empty() && path->front() == '/'))
        request.path = *path;
    else
        request.path = "/dev/fd/" + std::to_string(dirfd) + (path->empty() ? "" : "/" + *path);
    if (dirfd == AT_FDCWD && path->empty()) return -EACCES;  // the working directory is no program
    return execve_with(call, std::move(request), call.args[2], call.args[3]);
}

i64 exit(Syscall& call) {
    do_exit(call.kernel, call.task, TaskExit{call.integer(0) & 0xff});
    return 0;
}
i64 exit_group(Syscall& call) {
    do_group_exit(call.kernel, call.task, TaskExit{call.integer(0) & 0xff});
    return 0;
}

i64 getpid(Syscall& call) {
    return call.task.tgid;
}
i64 getppid(Syscall& call) {
    return call.task.ppid;
}
i64 gettid(Syscall& call) {
    return call.task.pid;
}
i64 getuid(Syscall&) {
    return host::getuid();
}
i64 geteuid(Syscall&) {
    return host::geteuid();
}
i64 getgid(Syscall&) {
    return host::getgid();
}
i64 getegid(Syscall&) {
    return host::getegid();
}

i64 getresuid(Syscall& call) {
    const u32 ids[] = {host::getuid(), host::geteuid(), host::geteuid()};
    for (unsigned i = 0; i < 3; ++i)
        if (call.put(ids[i], call.args[i])) return -EFAULT;
    return 0;
}

i64 getresgid(Syscall& call) {
    const u32 ids[] = {host::getgid(), host::getegid(), host::getegid()};
    for (unsigned i = 0; i < 3; ++i)
        if (call.put(ids[i], call.args[i])) return -EFAULT;
    return 0;
}

i64 getgroups(Syscall& call) {
    const int size = call.integer(0);
    if (size < 0) return -EINVAL;
    const int count = host::getgroups(0, nullptr);
    if (count < 0) return -errno;
    if (size == 0) return count;
    if (size < count) return -EINVAL;
    std::vector<gid_t> groups(static_cast<usize>(count));
    if (count && host::getgroups(count, groups.data()) != count) return -EINVAL;
    const usize bytes = groups.size() * sizeof(gid_t);
    return copy_to_user(call.system(), call.mm(), call.args[1], groups.data(), bytes) ? -EFAULT : count;
}

i64 uname(Syscall& call) {
    utsname names{};
    const auto set = [](char(&field)[65], const char* text) { std::strncpy(field, text, sizeof field - 1); };
    set(names.sysname, "Linux");
    set(names.nodename, "mmuscope");
    set(names.release, "6.12.0");
    set(names.version, "#1 SMP PREEMPT_DYNAMIC mmuscope");
    set(names.machine, "x86_64");
    set(names.domainname, "(none)");
    return call.put(names, call.args[0]);
}

i64 sysinfo(Syscall& call) {
    struct ::sysinfo info {};
    info.uptime = static_cast<long>(call.kernel.clock.now_ns() / 1'000'000'000);
    info.totalram = call.system().buddy.managed_frames() << mmu::kPageShift;
    info.freeram = call.system().buddy.free_frames() << mmu::kPageShift;
    info.totalswap = call.system().swap.total() << mmu::kPageShift;
    info.freeswap = call.system().swap.free() << mmu::kPageShift;
    info.procs = static_cast<u16>(std::min<usize>(call.kernel.tasks.size(), 0xffff));
    info.mem_unit = 1;
    return call.put(info, call.args[0]);
}

i64 prlimit64(Syscall& call) {
    const auto [pid, resource, new_address, old_address, unused4, unused5] = call.args;
    const u32 which = static_cast<u32>(resource);
    Limit fresh;
    if (new_address && call.get(fresh, new_address)) return -EFAULT;
    if (!task_exists(call, static_cast<Pid>(pid))) return -ESRCH;
    if (which >= kRlimits) return -EINVAL;
    if (new_address && fresh.cur > fresh.max) return -EINVAL;
    const Task* target = pid ? call.kernel.find_task(static_cast<Pid>(pid)) : &call.task;
    if (!target->mm) return -ESRCH;
    Limit& limit = call.kernel.mm_of(*target).rlimits[which];
    const Limit old = limit;
    if (new_address) {
        if (which == kRlimitNofile && fresh.max > (1u << 20)) return -EPERM;  // fs.nr_open
        if (fresh.max > limit.max) return -EPERM;  // Deviation: also for root, so that hard limits are limits
        limit = fresh;
        if (which == kRlimitCpu) {  // update_rlimit_cpu()
            if (limit.cur == 0) limit.cur = 1;
            update_cpu_event(call.kernel);
        }
    }
    return old_address ? call.put(old, old_address) : 0;
}

i64 getrlimit(Syscall& call) {
    const u32 which = static_cast<u32>(call.args[0]);
    return which >= kRlimits ? -EINVAL : call.put(call.mm().rlimits[which], call.args[1]);
}

i64 setrlimit(Syscall& call) {
    Syscall same{call.kernel, call.task, call.registers, {0, call.args[0], call.args[1], 0, 0, 0}};
    return call.args[1] ? prlimit64(same) : -EFAULT;
}

namespace {

constexpr int kPrGetAuxv = 0x41555856, kPrGetMdwe = 66;  ///< since 6.4, 6.3

/// No process has ambient capabilities, and none can get any.
i64 cap_ambient(u64 operation, u64 capability, bool more) {
    if (operation == PR_CAP_AMBIENT_CLEAR_ALL) return capability || more ? -EINVAL : 0;
    if (more || capability > CAP_LAST_CAP) return -EINVAL;
    switch (operation) {
        case PR_CAP_AMBIENT_IS_SET:
        case PR_CAP_AMBIENT_LOWER:
            return 0;
        case PR_CAP_AMBIENT_RAISE:
            return -EPERM;
        default:
            return -EINVAL;
    }
}

}  // namespace

i64 prctl(Syscall& call) {
    Task& task = call.task;
    const auto& a = call.args;
    switch (call.integer(0)) {
        case PR_SET_NAME: {
            std::string name;
            const i64 length = strncpy_from_user(call.system(), call.mm(), name, a[1], 15);
            if (length < 0) return -EFAULT;
            task.comm = name.substr(0, 15);
            return 0;
        }
        case PR_GET_NAME: {
            char name[16] = {};
            task.comm.copy(name, sizeof name - 1);
            return copy_to_user(call.system(), call.mm(), a[1], name, sizeof name) ? -EFAULT : 0;
        }
        case PR_SET_PDEATHSIG:
            if (a[1] > kSignals) return -EINVAL;
            task.parent_death_signal = static_cast<int>(a[1]);
            return 0;
        case PR_GET_PDEATHSIG:
            return call.put(task.parent_death_signal, a[1]);
        case PR_GET_DUMPABLE:
            return task.dumpable;
        case PR_SET_DUMPABLE:
            if (a[1] > 1) return -EINVAL;
            task.dumpable = a[1];
            return 0;
        case PR_SET_CHILD_SUBREAPER:
            call.kernel.process_of(task).is_child_subreaper = a[1];
            return 0;
        case PR_GET_CHILD_SUBREAPER:
            return call.put(int{call.kernel.process_of(task).is_child_subreaper}, a[1]);
        case PR_SET_NO_NEW_PRIVS:
            if (a[1] != 1 || a[2] || a[3] || a[4]) return -EINVAL;
            task.no_new_privs = true;
            return 0;
        case PR_GET_NO_NEW_PRIVS:
            return a[1] || a[2] || a[3] || a[4] ? -EINVAL : task.no_new_privs;
        case PR_GET_TIMERSLACK:
            return static_cast<i64>(task.timer_slack_ns);
        case PR_SET_TIMERSLACK:
            task.timer_slack_ns = static_cast<i64>(a[1]) > 0 ? a[1] : 50000;
            return 0;
        case PR_SET_THP_DISABLE:
            if (a[2] || a[3] || a[4]) return -EINVAL;
            call.mm().thp_disabled = a[1];
            return 0;
        case PR_GET_THP_DISABLE:
            return a[1] || a[2] || a[3] || a[4] ? -EINVAL : call.mm().thp_disabled;
        case PR_SET_KEEPCAPS:
            if (a[1] > 1) return -EINVAL;
            task.keep_caps = a[1];
            return 0;
        case PR_GET_KEEPCAPS:
            return task.keep_caps;
        case PR_GET_SECUREBITS:
        case PR_GET_TIMING:
        case PR_TASK_PERF_EVENTS_DISABLE:
        case PR_TASK_PERF_EVENTS_ENABLE:
            return 0;
        case PR_SET_TIMING:
            return a[1] == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
        case PR_MCE_KILL_GET:
            return a[1] || a[2] || a[3] || a[4] ? -EINVAL : PR_MCE_KILL_DEFAULT;
        case PR_GET_TID_ADDRESS:
            return call.put(task.clear_child_tid, a[1]);
        case kPrGetMdwe:
            return a[1] || a[2] || a[3] || a[4] ? -EINVAL : 0;
        case kPrGetAuxv: {
            if (a[3] || a[4]) return -EINVAL;
            const std::vector<u64>& auxv = call.mm().saved_auxv;
            constexpr u64 kBytes = 52 * sizeof(u64);  // sizeof(mm->saved_auxv)
            std::vector<u64> all(kBytes / sizeof(u64));
            std::copy_n(auxv.begin(), std::min(auxv.size(), all.size()), all.begin());
            const u64 bytes = std::min<u64>(a[2], kBytes);
            return copy_to_user(call.system(), call.mm(), a[1], all.data(), bytes) ? -EFAULT : i64{kBytes};
        }
        case PR_CAP_AMBIENT:
            return cap_ambient(a[1], a[2], a[3] || a[4]);
        case PR_CAPBSET_READ:
            return a[1] > CAP_LAST_CAP ? -EINVAL : 0;
        case PR_GET_SECCOMP:
            return 0;
        case PR_GET_TSC:
            return call.put(PR_TSC_ENABLE, a[1]);
        case PR_SET_VMA:
            return -EINVAL;  // names of anonymous memory: as a kernel without CONFIG_ANON_VMA_NAME
        default:
            LOG(debug, "prctl {} is not supported: EINVAL", call.integer(0));
            return -EINVAL;
    }
}

i64 arch_prctl(Syscall& call) {
    mmu::Registers& registers = call.registers;
    switch (call.integer(0)) {
        case kArchSetFs:
        case kArchSetGs:
            if (call.args[1] >= call.mm().task_size) return -EPERM;
            (call.integer(0) == kArchSetFs ? registers.fs_base : registers.gs_base) = call.args[1];
            return 0;
        case kArchGetFs:
            return call.put(registers.fs_base, call.args[1]);
        case kArchGetGs:
            return call.put(registers.gs_base, call.args[1]);
        default:
            return -EINVAL;
    }
}

i64 set_tid_address(Syscall& call) {
    call.task.clear_child_tid = call.args[0];
    return call.task.pid;
}

i64 set_robust_list(Syscall& call) {
    if (call.args[1] != 24) return -EINVAL;  // sizeof(struct robust_list_head)
    call.task.robust_list = call.args[0];
    return 0;
}

namespace {

/// struct sched_attr, version 1 (56 bytes).
struct SchedAttr {
    u32 size, policy;
    u64 flags;
    int nice;
    u32 priority;
    u64 runtime, deadline, period;
    u32 util_min, util_max;
};
static_assert(sizeof(SchedAttr) == 56);
constexpr u32 kSchedAttrSize0 = 48;
constexpr u64 kResetOnFork = 1, kKeepPolicy = 8, kKeepParams = 0x10, kUtilClamp = 0x60, kSchedFlags = 0x7f;
constexpr u32 kPolicyDeadline = 6;

}  // namespace

/// What it sets is remembered and told again, as sched_setscheduler()'s; it does not change who runs.
i64 sched_setattr(Syscall& call) {
    const Pid pid = call.integer(0);
    if (!call.args[1] || pid < 0 || (call.args[2] & 0xffffffff)) return -EINVAL;
    u32 size = 0;
    if (call.get(size, call.args[1])) return -EFAULT;
    if (!size) size = kSchedAttrSize0;
    SchedAttr attr{};
    const auto too_big = [&] {
        const u32 known = sizeof(SchedAttr);
        return call.put(known, call.args[1]) ? i64{-EFAULT} : i64{-E2BIG};
    };
    if (size < kSchedAttrSize0 || size > mmu::kPageSize) return too_big();
    if (copy_from_user(call.system(), call.mm(), &attr, call.args[1], std::min<u64>(size, sizeof attr)))
        return -EFAULT;
    for (u64 at = sizeof attr; at < size; ++at) {
        u8 byte = 0;
        if (call.get(byte, call.args[1] + at)) return -EFAULT;
        if (byte) return too_big();
    }
    if ((attr.flags & kUtilClamp) && size < sizeof attr) return -EINVAL;
    attr.nice = std::clamp(attr.nice, -20, 19);
    if (static_cast<int>(attr.policy) < 0) return -EINVAL;
    Task* task = pid ? call.kernel.find_task(pid) : &call.task;
    if (!task) return -ESRCH;
    if (attr.flags & kKeepPolicy) attr.policy = static_cast<u32>(task->policy);
    if (attr.flags & ~kSchedFlags) return -EINVAL;
    const bool real_time = attr.policy == SCHED_FIFO || attr.policy == SCHED_RR;
    if (!real_time && attr.policy != SCHED_OTHER && attr.policy != SCHED_BATCH && attr.policy != SCHED_IDLE &&
        attr.policy != kPolicyDeadline)
        return -EINVAL;
    if (attr.priority > 99 || real_time != (attr.priority != 0)) return -EINVAL;
    if (attr.flags & kUtilClamp) return -EOPNOTSUPP;                 // CONFIG_UCLAMP_TASK is not set
    if (real_time || attr.policy == kPolicyDeadline) return -EPERM;  // Deviation: for root too
    if (attr.nice < task->nice && !(attr.flags & kKeepParams)) return -EPERM;
    task->policy = static_cast<int>(attr.policy);
    task->reset_on_fork = attr.flags & kResetOnFork;
    if (!(attr.flags & kKeepParams)) task->nice = attr.nice;
    return 0;
}

i64 sched_getattr(Syscall& call) {
    const Pid pid = call.integer(0);
    const u32 size = static_cast<u32>(call.args[2]);
    if (!call.args[1] || pid < 0 || size > mmu::kPageSize || size < kSchedAttrSize0 ||
        (call.args[3] & 0xffffffff))
        return -EINVAL;
    const Task* task = pid ? call.kernel.find_task(pid) : &call.task;
    if (!task) return -ESRCH;
    SchedAttr attr{};
    attr.size = std::min<u32>(size, sizeof attr);
    attr.policy = static_cast<u32>(task->policy);
    attr.flags = task->reset_on_fork ? kResetOnFork : 0;
    attr.nice = task->nice;
    attr.runtime = 700'000;  // sysctl_sched_base_slice of one CPU, told since 6.12
    return copy_to_user(call.system(), call.mm(), call.args[1], &attr, attr.size) ? -EFAULT : 0;
}

i64 sched_getaffinity(Syscall& call) {
    const u32 size = static_cast<u32>(call.args[1]);
    if (size & 7) return -EINVAL;
    if (size < sizeof(u64)) return -EINVAL;
    if (!task_exists(call, call.integer(0))) return -ESRCH;
    const u64 one_cpu = 1;
    return call.put(one_cpu, call.args[2]) ? -EFAULT : i64{sizeof one_cpu};
}

i64 sched_setaffinity(Syscall& call) {
    u64 mask = 0;
    const usize size = std::min<usize>(static_cast<u32>(call.args[1]), sizeof mask);
    if (copy_from_user(call.system(), call.mm(), &mask, call.args[2], size)) return -EFAULT;
    if (!task_exists(call, call.integer(0))) return -ESRCH;
    return mask & 1 ? 0 : -EINVAL;
}

i64 sched_getscheduler(Syscall& call) {
    if (call.integer(0) < 0) return -EINVAL;
    const Task* task = call.integer(0) ? call.kernel.find_task(call.integer(0)) : &call.task;
    return task ? task->policy | (task->reset_on_fork ? SCHED_RESET_ON_FORK : 0) : -ESRCH;
}

i64 sched_getparam(Syscall& call) {
    if (!call.args[1] || call.integer(0) < 0) return -EINVAL;
    if (!task_exists(call, call.integer(0))) return -ESRCH;
    return call.put(int{0}, call.args[1]);
}

i64 sched_get_priority_max(Syscall& call) {
    const int policy = call.integer(0);
    if (policy == SCHED_FIFO || policy == SCHED_RR) return 99;
    constexpr int kDeadline = 6, kExt = 7;
    return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE || policy == kDeadline ||
                   policy == kExt
               ? 0
               : -EINVAL;
}

i64 sched_get_priority_min(Syscall& call) {
    const i64 highest = sched_get_priority_max(call);
    return highest > 0 ? 1 : highest;
}

i64 getcpu(Syscall& call) {
    const u32 zero = 0;
    if (call.args[0] && call.put(zero, call.args[0])) return -EFAULT;
    if (call.args[1] && call.put(zero, call.args[1])) return -EFAULT;
    return 0;
}

namespace {

/// The commands that need one of another number first: state while it is set up, state when it is ready.
struct Membarrier {
    int command, registration;
    u32 set, ready;
};
constexpr u32 kPrivateExpedited = 1, kGlobalExpedited = 2, kSyncCore = 4, kRseqBarrier = 8, kReady = 8;
constexpr Membarrier kMembarriers[] = {
    {MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, kPrivateExpedited,
     kPrivateExpedited << kReady},
    {MEMBARRIER_CMD_GLOBAL_EXPEDITED, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, kGlobalExpedited,
     kGlobalExpedited << kReady},
    {MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
     kPrivateExpedited | kSyncCore, kSyncCore << kReady},
    {MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ,
     kPrivateExpedited | kRseqBarrier, kRseqBarrier << kReady},
};
constexpr int kGetRegistrations = 1 << 9;

/// membarrier_get_registrations()
int registrations(u32 state) {
    int commands = 0;
    for (const Membarrier& row : kMembarriers) {
        const u32 own = row.ready >> kReady;
        if (state & own) commands |= row.registration;
    }
    return commands;
}

}  // namespace

/// One CPU: every barrier holds already. What is left are the registrations.
i64 membarrier(Syscall& call) {
    constexpr u32 kFlagCpu = MEMBARRIER_CMD_FLAG_CPU;
    const int command = call.integer(0);
    const u32 flags = static_cast<u32>(call.args[1]);
    u32& state = call.mm().membarrier_state;
    if (flags && !(command == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ && flags == kFlagCpu)) return -EINVAL;
    int known = MEMBARRIER_CMD_GLOBAL | kGetRegistrations;
    for (const Membarrier& row : kMembarriers) {
        known |= row.command | row.registration;
        if (command == row.registration) {
            state |= row.set | row.ready;
            return 0;
        }
        if (command != row.command) continue;
        return command == MEMBARRIER_CMD_GLOBAL_EXPEDITED || (state & row.ready) ? 0 : -EPERM;
    }
    switch (command) {
        case MEMBARRIER_CMD_QUERY:
            return known;
        case MEMBARRIER_CMD_GLOBAL:
            return 0;
        case kGetRegistrations:
            return registrations(state);
        default:
            return -EINVAL;
    }
}

i64 futex(Syscall& call) {
    return do_futex(call);
}

i64 futex_waitv(Syscall& call) {
    return do_futex_waitv(call);
}
i64 futex2_wait(Syscall& call) {
    return do_futex2_wait(call);
}
i64 futex2_wake(Syscall& call) {
    return do_futex2_wake(call);
}
i64 futex2_requeue(Syscall& call) {
    return do_futex2_requeue(call);
}

i64 getrandom(Syscall& call) {
    if (call.args[2] & ~u64{GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE}) return -EINVAL;
    if ((call.args[2] & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE)) return -EINVAL;
    if (!access_ok(call.mm(), call.args[0], std::min<u64>(call.args[1], 0x7ffff000))) return -EFAULT;
    return random_to_user(call.kernel, call.task, call.args[0], std::min<u64>(call.args[1], 0x7ffff000));
}

i64 rseq(Syscall& call) {
    return sys_rseq(call.kernel, call.task, call.args[0], static_cast<u32>(call.args[1]), call.integer(2),
                    static_cast<u32>(call.args[3]));
}

i64 personality(Syscall& call) {
    // Deviation: of the bits ADDR_NO_RANDOMIZE alone changes anything.
    const u32 current = call.task.personality, wanted = static_cast<u32>(call.args[0]);
    if (wanted != 0xffffffff) call.task.personality = wanted;
    return current;
}

}  // namespace kernel::calls
