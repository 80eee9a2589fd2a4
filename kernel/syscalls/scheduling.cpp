// Policies, affinity: what they set is remembered and told again, and does not change who runs. Linux:
// kernel/sched/syscalls.c.
#include <sched.h>

#include <algorithm>

#include "kernel/host/host.h"
#include "kernel/syscalls/functions.h"

namespace kernel::calls {

namespace {

/// There is such a task; 0 is the caller.
bool task_exists(Syscall& call, Pid pid) {
    return pid == 0 || call.kernel.find_task(pid);
}

}  // namespace

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

namespace {

// Linux: block/ioprio.c.
constexpr int kIoprioProcess = 1, kIoprioGroup = 2, kIoprioUser = 3;
constexpr u32 kClassShift = 13, kClassMask = 7, kLevels = 8;
constexpr u32 kClassNone = 0, kClassRealTime = 1, kClassBestEffort = 2, kClassIdle = 3;

/// Whom ioprio_get() and ioprio_set() are about; EINVAL: no such kind.
std::optional<std::vector<Task*>> ioprio_targets(Syscall& call) {
    std::vector<Task*> targets;
    const int who = call.integer(1);
    switch (call.integer(0)) {
        case kIoprioProcess:
            if (Task* task = who ? call.kernel.find_task(who) : &call.task) targets.push_back(task);
            return targets;
        case kIoprioGroup:
            for (auto& [pid, task] : call.kernel.tasks)
                if (task.pgrp == (who ? who : call.task.pgrp)) targets.push_back(&task);
            return targets;
        case kIoprioUser:
            if (who && static_cast<u32>(who) != host::getuid()) return targets;
            for (auto& [pid, task] : call.kernel.tasks) targets.push_back(&task);
            return targets;
        default:
            return std::nullopt;
    }
}

}  // namespace

/// What it sets is told again and changes nothing: nothing waits for a disk here.
i64 ioprio_set(Syscall& call) {
    const u32 priority = static_cast<u32>(call.args[2]), level = priority & (kLevels - 1);
    switch (priority >> kClassShift) {  // ioprio_check_cap()
        case kClassRealTime:
            return -EPERM;  // capabilities
        case kClassBestEffort:
        case kClassIdle:
            break;
        case kClassNone:
            if (level) return -EINVAL;
            break;
        default:
            return -EINVAL;
    }
    const auto targets = ioprio_targets(call);
    if (!targets) return -EINVAL;
    for (Task* task : *targets) task->io_priority = priority;
    return targets->empty() ? -ESRCH : 0;
}

/// The best of theirs; who has set none has it from its nice value.
i64 ioprio_get(Syscall& call) {
    const auto targets = ioprio_targets(call);
    if (!targets) return -EINVAL;
    if (targets->empty()) return -ESRCH;
    // get_task_raw_ioprio(): of one task alone what it was given.
    if (call.integer(0) == kIoprioProcess) return targets->front()->io_priority;
    u32 best = ~u32{0};
    for (const Task* task : *targets) {
        const u32 own = task->io_priority ? task->io_priority
                        : task->policy == SCHED_IDLE
                            ? kClassIdle << kClassShift
                            : kClassBestEffort << kClassShift | static_cast<u32>((task->nice + 20) / 5);
        best = std::min(best, own);
    }
    return best;
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

}  // namespace kernel::calls
