// prctl and arch_prctl: a task's odds and ends. Linux: kernel/sys.c, arch/x86/kernel/process_64.c.
#include <linux/capability.h>
#include <sys/prctl.h>

#include "kernel/syscalls/functions.h"
#include "mmu/base/log.h"

namespace kernel::calls {

namespace {

constexpr int kArchSetGs = 0x1001, kArchSetFs = 0x1002, kArchGetFs = 0x1003, kArchGetGs = 0x1004;
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
        case PR_CAPBSET_DROP:
            return -EPERM;
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

}  // namespace kernel::calls
