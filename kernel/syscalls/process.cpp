// A process as such: its number, its limits, its end, and what the system says of itself. Linux:
// kernel/sys.c, kernel/exit.c.
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <cstring>

#include "kernel/cpu_timer.h"
#include "kernel/exit.h"
#include "kernel/futex.h"
#include "kernel/random.h"
#include "kernel/rseq.h"
#include "kernel/syscalls/functions.h"

namespace kernel::calls {

namespace {

/// There is such a task; 0 is the caller.
bool task_exists(Syscall& call, Pid pid) {
    return pid == 0 || call.kernel.find_task(pid);
}

}  // namespace

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

i64 set_tid_address(Syscall& call) {
    call.task.clear_child_tid = call.args[0];
    return call.task.pid;
}

i64 set_robust_list(Syscall& call) {
    if (call.args[1] != 24) return -EINVAL;  // sizeof(struct robust_list_head)
    call.task.robust_list = call.args[0];
    return 0;
}

i64 getcpu(Syscall& call) {
    const u32 zero = 0;
    if (call.args[0] && call.put(zero, call.args[0])) return -EFAULT;
    if (call.args[1] && call.put(zero, call.args[1])) return -EFAULT;
    return 0;
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
