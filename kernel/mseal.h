// mseal(2): areas whose borders and rights never change again. Every call that would change one asks first.
// Linux: mm/mseal.c, mm/vma.h can_modify_vma() (6.12).
#pragma once

#include "kernel/mm.h"

namespace kernel {

inline constexpr u64 VM_SEALED = u64{1} << 63;
/// MAP_DROPPABLE: its pages may be given up without being written anywhere.
inline constexpr u64 VM_DROPPABLE = u64{1} << 40;

/// False: EPERM.
inline bool can_modify_vma(const VmAreaStruct& vma) {
    return !(vma.vm_flags & VM_SEALED);
}
/// Of all areas of a range.
bool can_modify_mm(MmStruct& mm, u64 start, u64 end);
/// can_modify_vma_madv(), for an advice that discards: not where the caller could not write the zeroes
/// himself.
bool can_discard_vma(const MemorySystem& system, const VmAreaStruct& vma);

i64 sys_mseal(MemorySystem& system, MmStruct& mm, u64 start, u64 len, u64 flags);

}  // namespace kernel
