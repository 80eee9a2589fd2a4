// Purpose: khugepaged in virtual time. See khugepaged_thread.h. Linux: mm/khugepaged.c khugepaged_do_scan(),
// khugepaged_wait_work(), khugepaged_scan_mm_slot().
#include "kernel/khugepaged_thread.h"

#include <algorithm>

#include "kernel/khugepaged.h"

namespace kernel {

namespace {

/// It is the nicest of all and there is one CPU: it waits for the end of a slice. Deviation: also with
/// scan_sleep_millisecs 0, where Linux's does not sleep at all.
constexpr u64 kLatencyNs = 1'000'000;

bool is_scanned(const MmStruct& mm) {
    return mm.vm_hugepage && !mm.thp_disabled;
}

/// khugepaged_has_work()
bool khugepaged_has_work(const KernelState& kernel) {
    return kernel.system.thp.mode != ThpMode::kNever &&
           std::any_of(kernel.mms.begin(), kernel.mms.end(),
                       [](const auto& each) { return is_scanned(each.second); });
}

/// khugepaged_scan.mm_slot: the address space to go on with, from `self.mm` on; null: the end was reached.
MmStruct* next_mm(KernelState& kernel, KhugepagedState& self) {
    for (auto it = kernel.mms.lower_bound(self.mm); it != kernel.mms.end(); ++it) {
        if (!is_scanned(it->second)) continue;
        if (it->first != self.mm) self.address = 0;  // the one that was looked at last has ended
        self.mm = it->first;
        return &it->second;
    }
    return nullptr;
}

/// khugepaged_do_scan(): pages_to_scan pages' worth, but nothing twice. True: a huge page could not be had.
bool khugepaged_do_scan(KernelState& kernel) {
    KhugepagedState& self = kernel.system.thp.khugepaged;
    unsigned passes = 0;
    for (u64 pages = self.pages_to_scan; pages && khugepaged_has_work(kernel);) {
        if (!self.mm && ++passes > 1) break;
        MmStruct* const mm = next_mm(kernel, self);
        if (!mm) {
            ++kernel.system.thp.stats.full_scans;
            self.mm = 0;
            self.address = 0;
            continue;
        }
        const KhugepagedScan scan = khugepaged_scan_mm(kernel.system, *mm, self.address, pages);
        self.address = scan.address;
        if (!scan.address) ++self.mm;
        if (scan.alloc_failed) return true;
    }
    return false;
}

}  // namespace

void wake_khugepaged(KernelState& kernel) {
    KhugepagedState& self = kernel.system.thp.khugepaged;
    self.woken = false;
    if (khugepaged_has_work(kernel))
        self.wake_ns = std::min(self.wake_ns, kernel.clock.now_ns() + kLatencyNs);
}

void run_khugepaged(KernelState& kernel) {
    KhugepagedState& self = kernel.system.thp.khugepaged;
    const ThpStats& stats = kernel.system.thp.stats;
    const u64 now = kernel.clock.now_ns();
    while (self.wake_ns <= now) {
        if (!khugepaged_has_work(kernel)) {
            self.wake_ns = kNever;
            return;
        }
        const u64 scans = stats.full_scans, collapsed = stats.pages_collapsed;
        const bool alloc_failed = khugepaged_do_scan(kernel);
        const u64 pause = std::max(
            (alloc_failed ? self.alloc_sleep_millisecs : self.scan_sleep_millisecs) * 1'000'000, kLatencyNs);
        // What a whole scan has found nothing to do in stays like that while nobody runs.
        const bool settled = stats.full_scans != scans && stats.pages_collapsed == collapsed;
        self.wake_ns = (alloc_failed || settled ? now : self.wake_ns) + pause;
    }
    kernel.system.out_of_memory = false;  // nobody who runs has asked
}

}  // namespace kernel
