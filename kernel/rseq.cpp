#include "kernel/rseq.h"

#include "kernel/errno.h"
#include "kernel/state.h"
#include "kernel/uaccess.h"

namespace kernel {

namespace {

constexpr u32 kOriginalSize = 32;  ///< ORIG_RSEQ_SIZE
constexpr int kUnregister = 1;
constexpr u64 kCriticalSection = 8;  ///< offsetof(struct rseq, rseq_cs)

/// struct rseq_cs.
struct CriticalSection {
    u32 version, flags;
    u64 start, post_commit_offset, abort;
};

/// The ids of the only CPU: cpu_id_start, cpu_id, rseq_cs, flags, node_id, mm_cid.
struct UserRseq {
    u32 cpu_id_start, cpu_id;
    u64 rseq_cs;
    u32 flags, node_id, mm_cid, padding;
};
static_assert(sizeof(UserRseq) == kOriginalSize);

constexpr u32 kUninitialized = ~u32{0};  ///< RSEQ_CPU_ID_UNINITIALIZED

}  // namespace

i64 sys_rseq(KernelState& kernel, Task& task, u64 address, u32 length, int flags, u32 signature) {
    MmStruct& mm = kernel.mm_of(task);
    if (flags & kUnregister) {
        if (flags & ~kUnregister) return -EINVAL;
        if (task.rseq != address || !task.rseq) return -EINVAL;
        if (task.rseq_length != length) return -EINVAL;
        if (task.rseq_signature != signature) return -EPERM;
        const UserRseq reset{0, kUninitialized, 0, 0, 0, 0, 0};
        if (put_user(kernel.system, mm, reset, address)) return -EFAULT;
        task.rseq = 0;
        return 0;
    }
    if (flags) return -EINVAL;
    if (task.rseq) {
        if (task.rseq != address || task.rseq_length != length) return -EINVAL;
        return task.rseq_signature != signature ? -EPERM : -EBUSY;
    }
    if (length < kOriginalSize || (length == kOriginalSize && address % kOriginalSize)) return -EINVAL;
    if (length != kOriginalSize && (address % kRseqAlignment || length < kRseqFeatureSize)) return -EINVAL;
    if (!access_ok(mm, address, length)) return -EFAULT;
    // rseq_update_cpu_node_id(), when the call returns to user mode; the guest's own fields stay as they are.
    UserRseq user;
    if (get_user(kernel.system, mm, user, address)) return -EFAULT;
    user.cpu_id_start = user.cpu_id = user.node_id = user.mm_cid = 0;
    if (put_user(kernel.system, mm, user, address)) return -EFAULT;
    task.rseq = address;
    task.rseq_length = length;
    task.rseq_signature = signature;
    return 0;
}

bool rseq_signal_deliver(KernelState& kernel, Task& task, mmu::Registers& registers) {
    if (!task.rseq) return true;
    MmStruct& mm = kernel.mm_of(task);
    u64 pointer = 0;
    if (get_user(kernel.system, mm, pointer, task.rseq + kCriticalSection)) return false;
    if (!pointer) return true;
    CriticalSection section;
    if (pointer >= mm.task_size || get_user(kernel.system, mm, section, pointer)) return false;
    const u64 end = section.start + section.post_commit_offset;
    if (section.start >= mm.task_size || end >= mm.task_size || section.abort >= mm.task_size ||
        section.version > 0 || end < section.start ||
        section.abort - section.start < section.post_commit_offset)
        return false;
    u32 signature = 0;
    if (get_user(kernel.system, mm, signature, section.abort - sizeof signature) ||
        signature != task.rseq_signature)
        return false;
    if (put_user(kernel.system, mm, u64{0}, task.rseq + kCriticalSection)) return false;
    if (registers.rip - section.start < section.post_commit_offset) registers.rip = section.abort;
    return true;
}

}  // namespace kernel
