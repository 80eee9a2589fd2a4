// What the kernel counts. Names follow Linux: mm/memory.c mm_account_fault(), /proc/vmstat, /proc/PID/status.
#pragma once

#include "mmu/base/ints.h"

namespace kernel {

using mmu::u64;

struct FaultStats {
    u64 total = 0;  ///< page faults that entered the handler, also those that ended in a signal
    u64 minor = 0, major = 0;
    // Completed faults by what answered them; they add up to minor + major.
    u64 anonymous_zero = 0;       ///< do_anonymous_page, read: the zero page was mapped
    u64 anonymous = 0;            ///< do_anonymous_page, write: a zeroed frame
    u64 anonymous_huge = 0;       ///< do_huge_pmd_anonymous_page, write: 2 MiB
    u64 anonymous_huge_zero = 0;  ///< the same, read: the huge zero page
    u64 hugetlb = 0;              ///< hugetlb_fault: a page of a pool
    u64 file_read = 0;            ///< do_read_fault
    u64 file_cow = 0;             ///< do_cow_fault
    u64 file_shared = 0;          ///< do_shared_fault
    u64 cow_copy = 0;             ///< do_wp_page: copied (wp_page_copy)
    u64 cow_reuse = 0;            ///< do_wp_page: reused (wp_page_reuse)
    u64 swap = 0;                 ///< do_swap_page: swapped out, or its copy in the swap cache
    u64 spurious = 0;             ///< nothing had to change
    u64 stack_growth = 0;         ///< faults that moved a stack's vm_start; also counted above by their kind
    u64 populated = 0;    ///< by MAP_POPULATE, mlock: no trap, not in total; counted above as getrusage does
    u64 signalled = 0;    ///< ended in SIGSEGV, SIGBUS or the OOM killer
    u64 kernel_mode = 0;  ///< taken by the kernel's own copies to and from user memory; also counted above
};

/// Transparent huge pages, as /proc/vmstat counts them (thp_*).
struct ThpStats {
    u64 fault_alloc = 0;            ///< huge pages given out by faults
    u64 fault_fallback = 0;         ///< faults that wanted one and found no 2 MiB in a row
    u64 zero_page_alloc = 0;        ///< huge zero pages made
    u64 collapse_alloc = 0;         ///< huge pages made of small ones
    u64 collapse_alloc_failed = 0;  ///< no 2 MiB in a row for that
    u64 scan_exceed_none_pte = 0;   ///< khugepaged passed by: more holes than max_ptes_none
    u64 scan_exceed_swap_pte = 0;   ///< more in swap than max_ptes_swap
    u64 scan_exceed_share_pte = 0;  ///< more shared than max_ptes_shared
    u64 pages_collapsed = 0;        ///< by khugepaged
    u64 full_scans = 0;             ///< of all address spaces, by khugepaged
    u64 split_pmd = 0;              ///< huge mappings cut into small ones
};

/// Reclaim (vmscan.h), in pages. Names of /proc/vmstat.
struct ReclaimStats {
    u64 pswpin = 0, pswpout = 0;
    u64 swap_ra = 0, swap_ra_hit = 0;  ///< read from swap before they were asked for; of those, asked for then
    u64 pgscan = 0, pgsteal = 0, pgactivate = 0, pgdeactivate = 0;
    u64 pageoutrun = 0;
    u64 oom_kill = 0;
    unsigned kswapd_failures = 0;  ///< runs without a page since the last one that got any
};

struct MemoryStats {
    u64 rss_bytes = 0, peak_rss_bytes = 0;                ///< VmRSS, VmHWM
    u64 total_vm_bytes = 0, peak_total_vm_bytes = 0;      ///< VmSize, VmPeak
    u64 page_table_bytes = 0, peak_page_table_bytes = 0;  ///< VmPTE
    u64 frames_free = 0, frames_total = 0;
};

struct KernelStats {
    FaultStats faults;
    ThpStats thp;
    MemoryStats memory;
    u64 syscalls = 0;
    u64 processes = 1, threads = 0;  ///< made: the first one, by fork, vfork, clone; CLONE_THREAD
    u64 context_switches = 0;
    u64 signals_delivered = 0;
};

}  // namespace kernel
