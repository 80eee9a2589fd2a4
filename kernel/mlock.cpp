// Purpose: memory that stays: mlock and its kin. Nothing is ever swapped out here, so what remains is the
// accounting, the limits and the populating. Linux: mm/mlock.c.
#include "kernel/mm_internal.h"
#include "kernel/mmap.h"
#include "kernel/mseal.h"

namespace kernel {

namespace {

constexpr u64 kLockedMask = VM_LOCKED | VM_LOCKONFAULT;
constexpr u64 kMlockOnfault = 1, kMclCurrent = 1, kMclFuture = 2, kMclOnfault = 4;

int mlock_fixup(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 start, u64 end, u64 new_flags) {
    const u64 old_flags = vma.vm_flags;
    if (new_flags == old_flags || (old_flags & (VM_IO | VM_DONTEXPAND | VM_DROPPABLE))) return 0;
    if (!vma_modify_flags(system, mm, vma, start, end, new_flags)) return -ENOMEM;
    if (old_flags & VM_LOCKED) mm.locked_vm -= pages_of(end - start);
    if (new_flags & VM_LOCKED) mm.locked_vm += pages_of(end - start);
    return 0;
}

int apply_vma_lock_flags(MemorySystem& system, MmStruct& mm, u64 start, u64 len, u64 flags) {
    const u64 end = start + len;
    if (end < start) return -EINVAL;
    while (start < end) {
        VmAreaStruct* vma = mm.mm_mt.vma_lookup(start);
        if (!vma) return -ENOMEM;
        const u64 stop = std::min(vma->vm_end, end);
        const u64 new_flags = (vma->vm_flags & ~kLockedMask) | flags;
        if (const int error = mlock_fixup(system, mm, *vma, start, stop, new_flags)) return error;
        start = stop;
    }
    return 0;
}

/// count_mm_mlocked_page_nr(): pages of [start, end) that are locked already.
u64 count_locked(MmStruct& mm, u64 start, u64 end) {
    u64 pages = 0;
    for (auto it = mm.mm_mt.upper_bound(start); it != mm.mm_mt.end() && it->second.vm_start < end; ++it)
        if (it->second.vm_flags & VM_LOCKED)
            pages += pages_of(std::min(end, it->second.vm_end) - std::max(start, it->second.vm_start));
    return pages;
}

/// The range that mlock() and munlock() round to.
void round_to_pages(u64& start, u64& len) {
    len = page_align(len + page_offset(start));
    start = mmu::align_down(start, mmu::kPageSize);
}

}  // namespace

i64 sys_mlock2(MemorySystem& system, MmStruct& mm, u64 start, u64 len, u64 flags) {
    if (flags & ~kMlockOnfault) return -EINVAL;
    if (!can_do_mlock(mm)) return -EPERM;
    round_to_pages(start, len);
    const u64 limit = pages_of(mm.rlimit(kRlimitMemlock));
    u64 locked = pages_of(len) + mm.locked_vm;
    if (locked > limit && start + len >= start) locked -= count_locked(mm, start, start + len);
    if (locked > limit) return -ENOMEM;
    const u64 vm_flags = VM_LOCKED | (flags & kMlockOnfault ? VM_LOCKONFAULT : 0);
    if (const int error = apply_vma_lock_flags(system, mm, start, len, vm_flags)) return error;
    const int error = __mm_populate(system, mm, start, start + len, PopulateErrors::kStop);
    // __mlock_posix_error_return()
    return error == -EFAULT ? -ENOMEM : error == -ENOMEM ? -EAGAIN : error;
}

i64 sys_munlock(MemorySystem& system, MmStruct& mm, u64 start, u64 len) {
    round_to_pages(start, len);
    return apply_vma_lock_flags(system, mm, start, len, 0);
}

namespace {

void apply_mlockall_flags(MemorySystem& system, MmStruct& mm, u64 flags) {
    mm.def_flags &= ~kLockedMask;
    const u64 onfault = flags & kMclOnfault ? VM_LOCKONFAULT : 0;
    if (flags & kMclFuture) mm.def_flags |= VM_LOCKED | onfault;
    if ((flags & kMclFuture) && !(flags & kMclCurrent)) return;
    const u64 added = flags & kMclCurrent ? VM_LOCKED | onfault : 0;
    for (u64 at = 0;;) {
        VmAreaStruct* vma = mm.mm_mt.find_vma(at);
        if (!vma) return;
        at = vma->vm_end;
        mlock_fixup(system, mm, *vma, vma->vm_start, vma->vm_end, (vma->vm_flags & ~kLockedMask) | added);
    }
}

}  // namespace

i64 sys_mlockall(MemorySystem& system, MmStruct& mm, u64 flags) {
    if (!flags || (flags & ~(kMclCurrent | kMclFuture | kMclOnfault)) || flags == kMclOnfault) return -EINVAL;
    if (!can_do_mlock(mm)) return -EPERM;
    if ((flags & kMclCurrent) && mm.total_vm > pages_of(mm.rlimit(kRlimitMemlock))) return -ENOMEM;
    apply_mlockall_flags(system, mm, flags);
    if (flags & kMclCurrent) mm_populate(system, mm, 0, mm.task_size);
    return 0;
}

i64 sys_munlockall(MemorySystem& system, MmStruct& mm) {
    apply_mlockall_flags(system, mm, 0);
    return 0;
}

}  // namespace kernel
