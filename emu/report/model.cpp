// The rows of a report: every statistic once, with its place, its value, what it is a part of and perf's name
// for it. perf's generic names mean different things on different CPUs (dTLB-load-misses are walks on Intel),
// so each row says which level it counts. A row is all that a new statistic needs.
#include "emu/report/report.h"

namespace emu {

namespace {

using mmu::FlushCause;
using mmu::RefKind;
using mmu::u64;

template <RefKind kKind>
const mmu::RefStats& user(const Report& r) {
    return r.mmu.user[static_cast<unsigned>(kKind)];
}

template <RefKind kKind>
u64 references(const Report& r) {
    return kKind == RefKind::kLoad ? r.cpu.loads : kKind == RefKind::kStore ? r.cpu.stores : r.cpu.fetches;
}
template <RefKind kKind>
u64 l1_misses(const Report& r) {
    return user<kKind>(r).l1_misses;
}
template <RefKind kKind>
u64 l1_hits(const Report& r) {
    return references<kKind>(r) - l1_misses<kKind>(r);
}
template <RefKind kKind>
u64 l2_hits(const Report& r) {
    return user<kKind>(r).l2_hits;
}
template <RefKind kKind>
u64 l2_misses(const Report& r) {
    return user<kKind>(r).l2_misses;
}
template <RefKind kKind>
u64 faults(const Report& r) {
    return user<kKind>(r).faults;
}

template <u64 mmu::RefStats::*kMember>
u64 kernel_sum(const Report& r) {
    u64 sum = 0;
    for (const mmu::RefStats& stats : r.mmu.kernel) sum += stats.*kMember;
    return sum;
}

template <auto kMember>
u64 walk(const Report& r) {
    return r.mmu.walks.*kMember;
}
template <unsigned kSize>
u64 completed(const Report& r) {
    return r.mmu.walks.completed[kSize];
}
u64 all_walks(const Report& r) {
    u64 sum = r.mmu.walks.cache_misses;
    for (u64 hits : r.mmu.walks.cache_hits) sum += hits;
    return sum;
}
template <unsigned kLevel>
u64 cache_hits(const Report& r) {
    return r.mmu.walks.cache_hits[kLevel];
}
template <FlushCause kCause>
u64 flushes(const Report& r) {
    return r.mmu.flushes[static_cast<unsigned>(kCause)];
}
template <auto kMember>
u64 fault(const Report& r) {
    return r.kernel.faults.*kMember;
}
template <auto kMember>
u64 thp(const Report& r) {
    return r.kernel.thp.*kMember;
}
template <auto kMember>
u64 memory(const Report& r) {
    return r.kernel.memory.*kMember;
}

constexpr auto kLoad = RefKind::kLoad;
constexpr auto kStore = RefKind::kStore;
constexpr auto kFetch = RefKind::kFetch;
using kernel::FaultStats;
using kernel::MemoryStats, kernel::ThpStats;
using mmu::WalkStats;

constexpr Statistic kStatistics[] = {
    {"program",
     "instructions",
     [](const Report& r) { return r.cpu.instructions; },
     nullptr,
     {},
     "perf: instructions:u"},
    {"program",
     "blocks_decoded",
     [](const Report& r) { return r.cpu.blocks_decoded; },
     nullptr,
     {},
     "runs of instructions decoded"},

    {"l1_dtlb", "loads", references<kLoad>, nullptr, {}, "perf: dTLB-loads"},
    {"l1_dtlb", "load_hits", l1_hits<kLoad>, references<kLoad>, "of L1 dTLB loads", {}},
    {"l1_dtlb", "load_misses", l1_misses<kLoad>, references<kLoad>, "of L1 dTLB loads", "asked the L2 TLB"},
    {"l1_dtlb", "stores", references<kStore>, nullptr, {}, "perf: dTLB-stores"},
    {"l1_dtlb", "store_hits", l1_hits<kStore>, references<kStore>, "of L1 dTLB stores", {}},
    {"l1_dtlb", "store_misses", l1_misses<kStore>, references<kStore>, "of L1 dTLB stores",
     "asked the L2 TLB"},

    {"l1_itlb", "fetches", references<kFetch>, nullptr, {}, "one an instruction and page"},
    {"l1_itlb", "fetch_hits", l1_hits<kFetch>, references<kFetch>, "of L1 iTLB fetches", {}},
    {"l1_itlb", "fetch_misses", l1_misses<kFetch>, references<kFetch>, "of L1 iTLB fetches",
     "asked the L2 TLB"},

    {"l2_tlb", "load_hits", l2_hits<kLoad>, l1_misses<kLoad>, "of L1 load misses",
     "perf: dtlb_load_misses.stlb_hit"},
    {"l2_tlb", "load_misses", l2_misses<kLoad>, l1_misses<kLoad>, "of L1 load misses",
     "walks; perf: dTLB-load-misses"},
    {"l2_tlb", "store_hits", l2_hits<kStore>, l1_misses<kStore>, "of L1 store misses",
     "perf: dtlb_store_misses.stlb_hit"},
    {"l2_tlb", "store_misses", l2_misses<kStore>, l1_misses<kStore>, "of L1 store misses",
     "walks; perf: dTLB-store-misses"},
    {"l2_tlb", "fetch_hits", l2_hits<kFetch>, l1_misses<kFetch>, "of L1 fetch misses",
     "perf: iTLB-loads (itlb_misses.stlb_hit)"},
    {"l2_tlb", "fetch_misses", l2_misses<kFetch>, l1_misses<kFetch>, "of L1 fetch misses",
     "walks; perf: iTLB-load-misses"},

    {"walks", "started", all_walks, nullptr, {}, "perf: *_misses.miss_causes_a_walk; kernel's too"},
    {"walks", "completed_4k", completed<0>, all_walks, "of walks", "perf: *.walk_completed_4k"},
    {"walks", "completed_2m", completed<1>, all_walks, "of walks", "perf: *.walk_completed_2m_4m"},
    {"walks", "completed_1g", completed<2>, all_walks, "of walks", "perf: *.walk_completed_1g"},
    {"walks", "faulted", walk<&WalkStats::faulted>, all_walks, "of walks", "ended in a page fault"},
    {"walks",
     "memory_references",
     walk<&WalkStats::memory_references>,
     nullptr,
     {},
     "paging-structure entries read"},
    {"walks",
     "dirty_assists",
     walk<&WalkStats::dirty_assists>,
     nullptr,
     {},
     "re-walks to set D, after a TLB hit"},
    {"walks",
     "permission_rewalks",
     walk<&WalkStats::permission_rewalks>,
     nullptr,
     {},
     "re-walks for a right, after a TLB hit"},
    {"walks", "accessed_bits_set", walk<&WalkStats::accessed_bits_set>, nullptr, {}, {}},
    {"walks", "dirty_bits_set", walk<&WalkStats::dirty_bits_set>, nullptr, {}, {}},

    {"walk_cache", "pde_hits", cache_hits<0>, all_walks, "of walks", "begun at the page table: 1 reference"},
    {"walk_cache", "pdpte_hits", cache_hits<1>, all_walks, "of walks", "begun at the page directory: 2"},
    {"walk_cache", "pml4e_hits", cache_hits<2>, all_walks, "of walks", "begun at the PDPT: 3"},
    {"walk_cache", "pml5e_hits", cache_hits<3>, all_walks, "of walks", "begun at the PML4 of 5 levels: 4"},
    {"walk_cache", "misses", walk<&WalkStats::cache_misses>, all_walks, "of walks", "begun at CR3"},

    {"kernel_tlb",
     "references",
     kernel_sum<&mmu::RefStats::references>,
     nullptr,
     {},
     "the kernel's copies to and from the guest (:k)"},
    {"kernel_tlb",
     "l1_misses",
     kernel_sum<&mmu::RefStats::l1_misses>,
     kernel_sum<&mmu::RefStats::references>,
     "of kernel references",
     {}},
    {"kernel_tlb",
     "l2_hits",
     kernel_sum<&mmu::RefStats::l2_hits>,
     kernel_sum<&mmu::RefStats::l1_misses>,
     "of kernel L1 misses",
     {}},
    {"kernel_tlb", "l2_misses", kernel_sum<&mmu::RefStats::l2_misses>, kernel_sum<&mmu::RefStats::l1_misses>,
     "of kernel L1 misses", "walks"},

    {"tlb_flushes", "invlpg", flushes<FlushCause::kInvlpg>, nullptr, {}, "one page"},
    {"tlb_flushes", "invpcid", flushes<FlushCause::kInvpcid>, nullptr, {}, {}},
    {"tlb_flushes", "cr3", flushes<FlushCause::kCr3>, nullptr, {}, "MOV CR3: all but global"},
    {"tlb_flushes",
     "cr3_noflush",
     flushes<FlushCause::kCr3NoFlush>,
     nullptr,
     {},
     "MOV CR3 with bit 63: nothing dropped"},
    {"tlb_flushes", "cr4", flushes<FlushCause::kCr4>, nullptr, {}, {}},
    {"tlb_flushes", "cr0", flushes<FlushCause::kCr0>, nullptr, {}, {}},
    {"tlb_flushes", "all", flushes<FlushCause::kFlushAll>, nullptr, {}, {}},
    {"tlb_flushes",
     "page_fault",
     flushes<FlushCause::kPageFault>,
     nullptr,
     {},
     "the faulting address (SDM 4.10.4.1)"},
    {"tlb_flushes",
     "entries_invalidated",
     [](const Report& r) { return r.mmu.entries_invalidated; },
     nullptr,
     {},
     "TLB entries dropped, all levels"},

    {"page_faults", "total", fault<&FaultStats::total>, nullptr, {}, "perf: page-faults"},
    {"page_faults", "minor", fault<&FaultStats::minor>, fault<&FaultStats::total>, "of page faults",
     "perf: minor-faults"},
    {"page_faults", "major", fault<&FaultStats::major>, fault<&FaultStats::total>, "of page faults",
     "perf: major-faults"},
    {"page_faults",
     "anonymous_zero",
     fault<&FaultStats::anonymous_zero>,
     nullptr,
     {},
     "do_anonymous_page, read: the zero page"},
    {"page_faults",
     "anonymous",
     fault<&FaultStats::anonymous>,
     nullptr,
     {},
     "do_anonymous_page, write: a zeroed frame"},
    {"page_faults",
     "anonymous_huge",
     fault<&FaultStats::anonymous_huge>,
     nullptr,
     {},
     "do_huge_pmd_anonymous_page, write: 2 MiB"},
    {"page_faults",
     "anonymous_huge_zero",
     fault<&FaultStats::anonymous_huge_zero>,
     nullptr,
     {},
     "the same, read: the huge zero page"},
    {"page_faults", "hugetlb", fault<&FaultStats::hugetlb>, nullptr, {}, "hugetlb_fault: a page of a pool"},
    {"page_faults", "file_read", fault<&FaultStats::file_read>, nullptr, {}, "do_read_fault"},
    {"page_faults", "file_cow", fault<&FaultStats::file_cow>, nullptr, {}, "do_cow_fault"},
    {"page_faults", "file_shared", fault<&FaultStats::file_shared>, nullptr, {}, "do_shared_fault"},
    {"page_faults", "cow_copy", fault<&FaultStats::cow_copy>, nullptr, {}, "do_wp_page: copied"},
    {"page_faults", "cow_reuse", fault<&FaultStats::cow_reuse>, nullptr, {}, "do_wp_page: reused"},
    {"page_faults", "swap", fault<&FaultStats::swap>, nullptr, {}, "do_swap_page: it had been swapped out"},
    {"page_faults", "spurious", fault<&FaultStats::spurious>, nullptr, {}, "nothing had to change"},
    {"page_faults",
     "stack_growth",
     fault<&FaultStats::stack_growth>,
     nullptr,
     {},
     "moved the start of the stack; also counted above"},
    {"page_faults", "signalled", fault<&FaultStats::signalled>, nullptr, {}, "ended in a signal"},
    {"page_faults",
     "kernel_mode",
     fault<&FaultStats::kernel_mode>,
     nullptr,
     {},
     "taken by the kernel's copies; also counted above"},
    {"page_faults", "load_faults", faults<kLoad>, nullptr, {}, "raised by a load of the guest"},
    {"page_faults", "store_faults", faults<kStore>, nullptr, {}, "raised by a store of the guest"},
    {"page_faults", "fetch_faults", faults<kFetch>, nullptr, {}, "raised by a fetch of the guest"},

    {"memory", "peak_rss_bytes", memory<&MemoryStats::peak_rss_bytes>, nullptr, {}, "VmHWM"},
    {"memory", "rss_bytes", memory<&MemoryStats::rss_bytes>, nullptr, {}, "VmRSS at the end"},
    {"memory", "peak_vsz_bytes", memory<&MemoryStats::peak_total_vm_bytes>, nullptr, {}, "VmPeak"},
    {"memory", "vsz_bytes", memory<&MemoryStats::total_vm_bytes>, nullptr, {}, "VmSize at the end"},
    {"memory",
     "peak_page_table_bytes",
     memory<&MemoryStats::peak_page_table_bytes>,
     nullptr,
     {},
     "tables of all levels"},
    {"memory", "page_table_bytes", memory<&MemoryStats::page_table_bytes>, nullptr, {}, "VmPTE at the end"},
    {"memory",
     "frames_free",
     memory<&MemoryStats::frames_free>,
     memory<&MemoryStats::frames_total>,
     "of 4 KiB frames",
     {}},

    {"thp", "fault_alloc", thp<&ThpStats::fault_alloc>, nullptr, {}, "huge pages given out by faults"},
    {"thp", "fault_fallback", thp<&ThpStats::fault_fallback>, nullptr, {}, "found no 2 MiB in a row"},
    {"thp", "collapse_alloc", thp<&ThpStats::collapse_alloc>, nullptr, {}, "made of small pages"},
    {"thp",
     "collapse_alloc_failed",
     thp<&ThpStats::collapse_alloc_failed>,
     nullptr,
     {},
     "no 2 MiB in a row for that"},
    {"thp", "pages_collapsed", thp<&ThpStats::pages_collapsed>, nullptr, {}, "by khugepaged"},
    {"thp", "full_scans", thp<&ThpStats::full_scans>, nullptr, {}, "of all address spaces, by khugepaged"},
    {"thp", "scan_exceed_none_pte", thp<&ThpStats::scan_exceed_none_pte>, nullptr, {}, "too many holes"},
    {"thp", "scan_exceed_swap_pte", thp<&ThpStats::scan_exceed_swap_pte>, nullptr, {}, "too much in swap"},
    {"thp", "scan_exceed_share_pte", thp<&ThpStats::scan_exceed_share_pte>, nullptr, {}, "too much shared"},
    {"thp", "split_pmd", thp<&ThpStats::split_pmd>, nullptr, {}, "huge mappings cut into small ones"},

    {"system", "syscalls", [](const Report& r) { return r.kernel.syscalls; }, nullptr, {}, {}},
    {"system",
     "processes",
     [](const Report& r) { return r.kernel.processes; },
     nullptr,
     {},
     "the first included"},
    {"system",
     "threads",
     [](const Report& r) { return r.kernel.threads; },
     nullptr,
     {},
     "made beside the first one of their process"},
    {"system",
     "context_switches",
     [](const Report& r) { return r.kernel.context_switches; },
     nullptr,
     {},
     {}},
    {"system",
     "signals_delivered",
     [](const Report& r) { return r.kernel.signals_delivered; },
     nullptr,
     {},
     {}},
};

struct Title {
    std::string_view group, text;
};
constexpr Title kTitles[] = {
    {"program", "Program"},
    {"l1_dtlb", "L1 data TLB"},
    {"l1_itlb", "L1 instruction TLB"},
    {"l2_tlb", "L2 TLB (STLB)"},
    {"walks", "Page walks"},
    {"walk_cache", "Paging-structure caches"},
    {"kernel_tlb", "TLB references of the kernel"},
    {"tlb_flushes", "TLB flushes by cause"},
    {"page_faults", "Page faults by kind"},
    {"memory", "Memory"},
    {"thp", "Transparent huge pages"},
    {"system", "System calls and signals"},
};

}  // namespace

std::span<const Statistic> statistics() {
    return kStatistics;
}

std::string_view title_of(std::string_view group) {
    for (const Title& title : kTitles)
        if (title.group == group) return title.text;
    return group;
}

}  // namespace emu
