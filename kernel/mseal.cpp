#include "kernel/mseal.h"

#include "kernel/mm_internal.h"
#include "kernel/pkeys.h"

namespace kernel {

bool can_modify_mm(MmStruct& mm, u64 start, u64 end) {
    for (auto it = mm.mm_mt.upper_bound(start); it != mm.mm_mt.end() && it->second.vm_start < end; ++it)
        if (!can_modify_vma(it->second)) return false;
    return true;
}

bool can_discard_vma(const MemorySystem& system, const VmAreaStruct& vma) {
    if (can_modify_vma(vma)) return true;
    const bool anonymous = !vma.vm_file && !(vma.vm_flags & VM_SHARED);  // is_ro_anon()
    return !anonymous || ((vma.vm_flags & VM_WRITE) && vma_access_permitted(system, vma, true, false));
}

i64 sys_mseal(MemorySystem& system, MmStruct& mm, u64 start, u64 len_in, u64 flags) {
    if (flags || page_offset(start)) return -EINVAL;
    const u64 len = page_align(len_in), end = start + len;
    if ((len_in && !len) || end < start) return -EINVAL;
    if (end == start) return 0;
    for (u64 at = start; at < end;) {  // check_mm_seal(): nothing is sealed unless all of it is mapped
        const VmAreaStruct* vma = mm.mm_mt.vma_lookup(at);
        if (!vma) return -ENOMEM;
        at = vma->vm_end;
    }
    while (start < end) {  // apply_mm_seal()
        VmAreaStruct& vma = *mm.mm_mt.vma_lookup(start);
        const u64 stop = std::min(vma.vm_end, end), sealed = vma.vm_flags | VM_SEALED;
        if (sealed != vma.vm_flags && !vma_modify_flags(system, mm, vma, start, stop, sealed)) return -ENOMEM;
        start = stop;
    }
    return 0;
}

}  // namespace kernel
