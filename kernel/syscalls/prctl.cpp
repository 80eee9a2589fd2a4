// prctl and arch_prctl: a task's odds and ends. Linux: kernel/sys.c, arch/x86/kernel/process_64.c.
#include <linux/capability.h>
#include <sys/prctl.h>

#include "kernel/exec.h"
#include "kernel/syscalls/functions.h"
#include "kernel/unsupported.h"

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

/// Requests that an x86-64 Linux, or one configured as this is, answers with EINVAL too.
bool of_other_machines(int request) {
    switch (request) {
        case PR_GET_UNALIGN:
        case PR_SET_UNALIGN:
        case PR_GET_FPEMU:
        case PR_SET_FPEMU:
        case PR_GET_FPEXC:
        case PR_SET_FPEXC:
        case PR_GET_ENDIAN:
        case PR_SET_ENDIAN:
        case PR_SET_FP_MODE:
        case PR_GET_FP_MODE:
        case PR_SVE_SET_VL:
        case PR_SVE_GET_VL:
        case PR_PAC_RESET_KEYS:
        case PR_SET_TAGGED_ADDR_CTRL:
        case PR_GET_TAGGED_ADDR_CTRL:
        case PR_SCHED_CORE:
        case PR_SET_PTRACER:  // no Yama
            return true;
        default:
            return false;
    }
}

i64 refuse(Syscall& call, int error) {
    return refuse_unsupported(call.kernel, "prctl", call.args[0] & 0xffffffff, error);
}

/// arch_prctl_spec_ctrl_get() and _set() of a CPU that has none of these weaknesses: what a status file says.
i64 speculation(const Syscall& call, bool set) {
    const auto& a = call.args;
    if ((set ? 0 : a[2]) || a[3] || a[4]) return -EINVAL;
    switch (a[1]) {
        case PR_SPEC_STORE_BYPASS:
            return set ? -ENXIO : PR_SPEC_NOT_AFFECTED;
        case PR_SPEC_INDIRECT_BRANCH:
            if (!set) return PR_SPEC_NOT_AFFECTED;
            return a[2] == PR_SPEC_ENABLE                                     ? 0
                   : a[2] == PR_SPEC_DISABLE || a[2] == PR_SPEC_FORCE_DISABLE ? -EPERM
                                                                              : -ERANGE;
        default:
            return -ENODEV;
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
            set_task_comm(task, name);
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
        case PR_GET_SPECULATION_CTRL:
            return speculation(call, false);
        case PR_SET_SPECULATION_CTRL:
            return speculation(call, true);
        case PR_SET_IO_FLUSHER:
        case PR_GET_IO_FLUSHER:
        case PR_SET_MM:
        case PR_SET_SECUREBITS:
            return -EPERM;  // capabilities
        case PR_MCE_KILL:
            if (a[3] || a[4]) return -EINVAL;
            return refuse(call, EINVAL);
        case PR_GET_SECCOMP:
            return 0;
        case PR_GET_TSC:
            return call.put(PR_TSC_ENABLE, a[1]);
        case PR_SET_VMA:
            return -EINVAL;  // names of anonymous memory: as a kernel without CONFIG_ANON_VMA_NAME
        default:
            return of_other_machines(call.integer(0)) ? -EINVAL : refuse(call, EINVAL);
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
            return refuse_unsupported(call.kernel, "arch_prctl", call.args[0] & 0xffffffff, EINVAL);
    }
}

}  // namespace kernel::calls
