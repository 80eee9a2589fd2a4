// Collapsing: small pages copied together into a huge one, on request (MADV_COLLAPSE) or by khugepaged, which
// looks at some ranges every now and then. It knows nothing of time: whoever calls scan() decides. Linux:
// mm/khugepaged.c (6.12). Deviation: anonymous memory only.
#pragma once

#include "kernel/mm.h"

namespace kernel {

/// madvise_collapse(): MADV_COLLAPSE of [start, end), part of `vma`. 0 or -errno.
int madvise_collapse(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, u64 start, u64 end);

/// khugepaged_scan_mm_slot(): looks at the ranges of `mm` from `address` on, at most `pages` small pages'
/// worth of them, and collapses those that qualify. Where to go on; 0: the end was reached.
u64 khugepaged_scan_mm(MemorySystem& system, MmStruct& mm, u64 address, u64& pages);

}  // namespace kernel
