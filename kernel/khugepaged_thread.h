// khugepaged's thread: when it runs, in virtual time, and how far it looks each time. What it does to a range
// is khugepaged.h's. Linux: mm/khugepaged.c khugepaged(), khugepaged_do_scan().
//
// It has no task: it runs between two instructions of the guest and costs no virtual time, as kswapd does. It
// keeps no guest alive and lets no time pass: while all tasks sleep it waits for the next of their deadlines,
// and makes up then for the scans that it has missed.
#pragma once

#include "kernel/state.h"

namespace kernel {

/// wake_up(khugepaged_wait): it scans as soon as it gets the CPU.
void wake_khugepaged(KernelState& kernel);
/// Scans if it is time to.
void run_khugepaged(KernelState& kernel);

}  // namespace kernel
