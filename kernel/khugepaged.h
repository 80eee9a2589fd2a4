// Collapsing: small pages copied together into a huge one, on request (MADV_COLLAPSE) or by khugepaged, which
// looks at some ranges every now and then. It knows nothing of time: khugepaged_thread.h does. Linux:
// mm/khugepaged.c (6.12). Deviation: anonymous memory only.
#pragma once

#include "kernel/mm.h"

namespace kernel {

/// madvise_collapse(): MADV_COLLAPSE of [start, end), part of `vma`. 0 or -errno.
int madvise_collapse(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 start, u64 end);

/// khugepaged_scan_mm_slot(): looks at the ranges of `mm` from `address` on, at most `pages` small pages'
/// worth of them, and collapses those that qualify.
struct KhugepagedScan {
    u64 address = 0;          ///< where to go on; 0: the end was reached
    bool alloc_failed = false;  ///< there was no 2 MiB in a row: it stopped there
};
KhugepagedScan khugepaged_scan_mm(MemorySystem& system, MmStruct& mm, u64 address, u64& pages);

/// khugepaged_enter_vma(): may khugepaged have something to do in `vma`? Then it looks at `mm` from now on.
void khugepaged_enter_vma(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma);

}  // namespace kernel
