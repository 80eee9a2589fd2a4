// Purpose: the files of /proc about the system's memory. Counts are taken from mem_map when a file is read:
// nothing is counted while frames come and go. Linux: fs/proc/meminfo.c, mm/vmstat.c.
// Deviation: one node with one zone, Normal.
#include "kernel/fs/proc_table.h"
#include "kernel/huge_memory.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"

namespace kernel {

namespace {

/// Pages by what they are (NR_* of enum node_stat_item and zone_stat_item), and events.
struct VmCounts {
    u64 free = 0, managed = 0, anon = 0, anon_mapped = 0, file = 0, file_mapped = 0, shmem = 0, dirty = 0,
        tables = 0, mlocked = 0, committed = 0;
    u64 pgfault = 0, pgmajfault = 0, pgreuse = 0, pgalloc = 0, pgfree = 0, oom_kill = 0;
    u64 anon_huge = 0, anon_thps = 0;
    u64 thp_fault_alloc = 0, thp_fault_fallback = 0, thp_split_pmd = 0, thp_collapse_alloc = 0,
        thp_collapse_alloc_failed = 0, thp_zero_page_alloc = 0, thp_scan_exceed_none_pte = 0,
        thp_scan_exceed_swap_pte = 0, thp_scan_exceed_share_pte = 0, swap_ra = 0, swap_ra_hit = 0;
    u64 inactive_anon = 0, inactive_file = 0, active_anon = 0, active_file = 0, zero = 0;
    u64 swap_total = 0, swap_free = 0, swap_cached = 0;
    u64 slab = 0, slab_reclaimable = 0, slab_unreclaimable = 0, stack_kb = 0, vmalloc = 0;
    u64 pswpin = 0, pswpout = 0, pgsteal = 0, pgscan = 0, pgactivate = 0, pgdeactivate = 0, pageoutrun = 0;
};

void count_frames(const MemorySystem& system, VmCounts& counts) {
    const Buddy& buddy = system.buddy;
    for (u64 pfn = buddy.first_frame(); pfn < buddy.frontier();) {
        const Page& page = system.mem_map[Pfn{pfn}];
        if (page.is(Page::kBuddy)) {
            pfn += u64{1} << page.order;
            continue;
        }
        ++pfn;
        const bool anon = page.is(Page::kAnon), cached = page.is(Page::kCache);
        counts.anon += anon;
        counts.anon_mapped += anon && page.mapcount;
        counts.file += cached;
        counts.file_mapped += cached && page.mapcount;
        counts.shmem += cached && page.is(Page::kShmem);
        counts.dirty += cached && !page.is(Page::kShmem) && page.is(Page::kDirty);
        counts.tables += page.is(Page::kTable);
        counts.swap_cached += page.is(Page::kSwapCache);
    }
}

/// Pages of locked areas, and what could be asked for of memory that has been promised (Committed_AS).
void count_areas(const MemorySystem& system, const MmStruct& mm, VmCounts& counts) {
    for (const auto& [end, vma] : mm.mm_mt) {
        if (vma.vm_flags & VM_ACCOUNT) counts.committed += vma.pages();
        if (!(vma.vm_flags & VM_LOCKED)) continue;
        walk_leaves(system, mm, vma.vm_start, vma.vm_end,
                    [&](u64, Pte pte) { counts.mlocked += pte_present(pte) && vm_normal_page(system, pte); });
    }
}

VmCounts vm_counts(KernelState& kernel) {
    VmCounts counts;
    const MemorySystem& system = kernel.system;
    count_frames(system, counts);
    for (const auto& [id, mm] : kernel.mms) count_areas(kernel.system, mm, counts);
    counts.tables -= kernel.mms.size();  // NR_PAGETABLE does not have the roots
    counts.committed += counts.shmem;
    counts.free = system.buddy.free_frames();
    counts.managed = system.buddy.managed_frames();
    counts.anon_thps = system.thp.anon_thps;
    counts.anon_huge = counts.anon_thps * kHpagePmdNr;
    counts.thp_fault_alloc = system.thp.stats.fault_alloc;
    counts.thp_fault_fallback = system.thp.stats.fault_fallback;
    counts.thp_collapse_alloc = system.thp.stats.collapse_alloc;
    counts.thp_collapse_alloc_failed = system.thp.stats.collapse_alloc_failed;
    counts.thp_split_pmd = system.thp.stats.split_pmd;
    counts.thp_zero_page_alloc = system.thp.stats.zero_page_alloc;
    counts.thp_scan_exceed_none_pte = system.thp.stats.scan_exceed_none_pte;
    counts.thp_scan_exceed_swap_pte = system.thp.stats.scan_exceed_swap_pte;
    counts.thp_scan_exceed_share_pte = system.thp.stats.scan_exceed_share_pte;
    counts.active_anon = system.lru.count(LRU_ACTIVE_ANON);
    counts.active_file = system.lru.count(LRU_ACTIVE_FILE);
    const u64 inactive_anon = system.lru.count(LRU_INACTIVE_ANON);
    counts.inactive_anon = inactive_anon - std::min(counts.mlocked, inactive_anon);
    counts.inactive_file = system.lru.count(LRU_INACTIVE_FILE);
    counts.swap_total = system.swap.total();
    counts.swap_free = system.swap.free();
    const ReclaimStats& reclaim = system.reclaim;
    counts.pswpin = reclaim.pswpin;
    counts.pswpout = reclaim.pswpout;
    counts.swap_ra = reclaim.swap_ra;
    counts.swap_ra_hit = reclaim.swap_ra_hit;
    counts.pgsteal = reclaim.pgsteal;
    counts.pgscan = reclaim.pgscan;
    counts.pgactivate = reclaim.pgactivate;
    counts.pgdeactivate = reclaim.pgdeactivate;
    counts.pageoutrun = reclaim.pageoutrun;
    counts.oom_kill = reclaim.oom_kill;
    counts.pgfault = system.faults.minor + system.faults.major;
    counts.pgmajfault = system.faults.major;
    counts.pgreuse = system.faults.cow_reuse;
    counts.slab = system.slab.pages();
    counts.slab_reclaimable = system.slab.reclaimable_pages;
    counts.slab_unreclaimable = system.slab.unreclaimable_pages;
    counts.stack_kb = system.vmalloc.stacks * kThreadSize / 1024;
    counts.vmalloc = system.vmalloc.nr_pages;
    counts.pgalloc = system.buddy.allocated();
    counts.pgfree = system.buddy.freed();
    return counts;
}

struct Row {
    const char* name;  ///< with Linux's padding
    u64 VmCounts::*pages;
};

std::string page_rows(std::span<const Row> rows, const VmCounts& counts) {
    std::string text;
    for (const Row& row : rows) text += proc_kilobytes(row.name, counts.*row.pages << mmu::kPageShift);
    return text;
}

/// hugetlb_report_meminfo(): the default size's pool, and what all of them have.
std::string hugetlb_report_meminfo(const MemorySystem& system) {
    const HState& h = system.hugetlb.hstates[0];
    u64 bytes = 0;
    for (const HState& each : system.hugetlb.hstates) bytes += each.nr_huge_pages * each.size();
    std::string text = proc_format("HugePages_Total:   %5llu\n", proc_number(h.nr_huge_pages));
    text += proc_format("HugePages_Free:    %5llu\n", proc_number(h.free_huge_pages));
    text += proc_format("HugePages_Rsvd:    %5llu\n", proc_number(h.resv_huge_pages));
    text += proc_format("HugePages_Surp:    %5llu\n", proc_number(h.surplus_huge_pages));
    return text + proc_kilobytes("Hugepagesize:   ", h.size()) + proc_kilobytes("Hugetlb:        ", bytes);
}

/// meminfo_proc_show(), in its order.
std::string meminfo(KernelState& kernel, Task&) {
    const VmCounts counts = vm_counts(kernel);
    static constexpr auto kZero = &VmCounts::zero;
    static constexpr Row kFirst[] = {{"MemTotal:       ", &VmCounts::managed},
                                     {"MemFree:        ", &VmCounts::free}};
    std::string text = page_rows(kFirst, counts);
    const u64 cached = counts.file - counts.shmem;
    const u64 shrinkable =  // si_mem_available()
        counts.slab_reclaimable - std::min(counts.slab_reclaimable / 2, kernel.system.watermarks.low);
    text += proc_kilobytes("MemAvailable:   ", (counts.free + cached + shrinkable) << mmu::kPageShift);
    static constexpr Row kMiddle[] = {
        {"Buffers:        ", kZero},
        {"Cached:         ", &VmCounts::file},
        {"SwapCached:     ", &VmCounts::swap_cached},
    };
    text += page_rows(kMiddle, counts);
    text += proc_kilobytes("Active:         ", (counts.active_anon + counts.active_file) << mmu::kPageShift);
    text +=
        proc_kilobytes("Inactive:       ", (counts.inactive_anon + counts.inactive_file) << mmu::kPageShift);
    static constexpr Row kLists[] = {
        {"Active(anon):   ", &VmCounts::active_anon},
        {"Inactive(anon): ", &VmCounts::inactive_anon},
        {"Active(file):   ", &VmCounts::active_file},
        {"Inactive(file): ", &VmCounts::inactive_file},
        {"Unevictable:    ", &VmCounts::mlocked},
        {"Mlocked:        ", &VmCounts::mlocked},
        {"SwapTotal:      ", &VmCounts::swap_total},
        {"SwapFree:       ", &VmCounts::swap_free},
        {"Zswap:          ", kZero},
        {"Zswapped:       ", kZero},
        {"Dirty:          ", &VmCounts::dirty},
        {"Writeback:      ", kZero},
        {"AnonPages:      ", &VmCounts::anon_mapped},
        {"Mapped:         ", &VmCounts::file_mapped},
        {"Shmem:          ", &VmCounts::shmem},
        {"KReclaimable:   ", &VmCounts::slab_reclaimable},
        {"Slab:           ", &VmCounts::slab},
        {"SReclaimable:   ", &VmCounts::slab_reclaimable},
        {"SUnreclaim:     ", &VmCounts::slab_unreclaimable},
    };
    text += page_rows(kLists, counts);
    text += proc_kilobytes("KernelStack:    ", counts.stack_kb << 10);
    static constexpr Row kTables[] = {
        {"PageTables:     ", &VmCounts::tables},
        {"SecPageTables:  ", kZero},
        {"NFS_Unstable:   ", kZero},
        {"Bounce:         ", kZero},
        {"WritebackTmp:   ", kZero},
    };
    text += page_rows(kTables, counts);
    text += proc_kilobytes("CommitLimit:    ", (counts.managed / 2 + counts.swap_total) << mmu::kPageShift);
    text += proc_kilobytes("Committed_AS:   ", counts.committed << mmu::kPageShift);
    text += "VmallocTotal:   34359738367 kB\n";
    static constexpr Row kLast[] = {
        {"VmallocUsed:    ", &VmCounts::vmalloc},
        {"VmallocChunk:   ", kZero},
        {"Percpu:         ", kZero},
        {"AnonHugePages:  ", &VmCounts::anon_huge},
        {"ShmemHugePages: ", kZero},
        {"ShmemPmdMapped: ", kZero},
        {"FileHugePages:  ", kZero},
        {"FilePmdMapped:  ", kZero},
    };
    text += page_rows(kLast, counts);
    text += hugetlb_report_meminfo(kernel.system);
    text += proc_kilobytes("DirectMap4k:    ", kernel.system.memory.size());
    return text + proc_kilobytes("DirectMap2M:    ", 0) + proc_kilobytes("DirectMap1G:    ", 0);
}

/// vmstat_text[]
constexpr Row kVmstat[] = {
    {"nr_free_pages", &VmCounts::free},
    {"nr_zone_inactive_anon", &VmCounts::inactive_anon},
    {"nr_zone_active_anon", &VmCounts::active_anon},
    {"nr_zone_inactive_file", &VmCounts::inactive_file},
    {"nr_zone_active_file", &VmCounts::active_file},
    {"nr_zone_unevictable", &VmCounts::mlocked},
    {"nr_zone_write_pending", &VmCounts::dirty},
    {"nr_mlock", &VmCounts::mlocked},
    {"nr_inactive_anon", &VmCounts::inactive_anon},
    {"nr_active_anon", &VmCounts::active_anon},
    {"nr_inactive_file", &VmCounts::inactive_file},
    {"nr_active_file", &VmCounts::active_file},
    {"nr_unevictable", &VmCounts::mlocked},
    {"nr_slab_reclaimable", &VmCounts::slab_reclaimable},
    {"nr_slab_unreclaimable", &VmCounts::slab_unreclaimable},
    {"nr_anon_pages", &VmCounts::anon_mapped},
    {"nr_mapped", &VmCounts::file_mapped},
    {"nr_file_pages", &VmCounts::file},
    {"nr_dirty", &VmCounts::dirty},
    {"nr_writeback", &VmCounts::zero},
    {"nr_shmem", &VmCounts::shmem},
    {"nr_anon_transparent_hugepages", &VmCounts::anon_thps},
    {"nr_kernel_stack", &VmCounts::stack_kb},
    {"nr_page_table_pages", &VmCounts::tables},
    {"nr_swapcached", &VmCounts::swap_cached},
    {"pswpin", &VmCounts::pswpin},
    {"pswpout", &VmCounts::pswpout},
    {"pgalloc_normal", &VmCounts::pgalloc},
    {"pgfree", &VmCounts::pgfree},
    {"pgactivate", &VmCounts::pgactivate},
    {"pgdeactivate", &VmCounts::pgdeactivate},
    {"pgfault", &VmCounts::pgfault},
    {"pgmajfault", &VmCounts::pgmajfault},
    {"pgreuse", &VmCounts::pgreuse},
    {"pgsteal_kswapd", &VmCounts::pgsteal},
    {"pgscan_kswapd", &VmCounts::pgscan},
    {"pageoutrun", &VmCounts::pageoutrun},
    {"oom_kill", &VmCounts::oom_kill},
    {"thp_fault_alloc", &VmCounts::thp_fault_alloc},
    {"thp_fault_fallback", &VmCounts::thp_fault_fallback},
    {"thp_collapse_alloc", &VmCounts::thp_collapse_alloc},
    {"thp_collapse_alloc_failed", &VmCounts::thp_collapse_alloc_failed},
    {"thp_split_pmd", &VmCounts::thp_split_pmd},
    {"thp_scan_exceed_none_pte", &VmCounts::thp_scan_exceed_none_pte},
    {"thp_scan_exceed_swap_pte", &VmCounts::thp_scan_exceed_swap_pte},
    {"thp_scan_exceed_share_pte", &VmCounts::thp_scan_exceed_share_pte},
    {"thp_zero_page_alloc", &VmCounts::thp_zero_page_alloc},
    {"swap_ra", &VmCounts::swap_ra},
    {"swap_ra_hit", &VmCounts::swap_ra_hit},
};

std::string vmstat(KernelState& kernel, Task&) {
    const VmCounts counts = vm_counts(kernel);
    std::string text;
    for (const Row& row : kVmstat) text += proc_format("%s %llu\n", row.name, proc_number(counts.*row.pages));
    return text;
}

/// zoneinfo_show_print()
std::string zoneinfo(KernelState& kernel, Task&) {
    const VmCounts counts = vm_counts(kernel);
    const Buddy& buddy = kernel.system.buddy;
    const Watermarks& marks = kernel.system.watermarks;
    std::string text = "Node 0, zone   Normal\n  per-node stats";
    for (const Row& row : kVmstat) {
        const std::string name = row.name;
        if (name.starts_with("pswp") || name == "nr_swapcached") break;
        if (name == "nr_free_pages" || name.starts_with("nr_zone") || name == "nr_mlock") continue;
        text += proc_format("\n      %-12s %llu", row.name, proc_number(counts.*row.pages));
    }
    text += proc_format(
        "\n  pages free     %llu\n        boost    0\n        min      %llu\n        low      "
        "%llu\n        high     %llu\n        promo    %llu",
        proc_number(counts.free), proc_number(marks.min), proc_number(marks.low), proc_number(marks.high),
        proc_number(marks.high + marks.min / 4));
    text += proc_format(
        "\n        spanned  %llu\n        present  %llu\n        managed  %llu\n        cma      0",
        proc_number(kernel.system.mem_map.frames()), proc_number(kernel.system.mem_map.frames()),
        proc_number(counts.managed));
    text += "\n        protection: (0)";
    for (const Row& row : kVmstat)
        if (const std::string name = row.name;
            name == "nr_free_pages" || name.starts_with("nr_zone") || name == "nr_mlock")
            text += proc_format("\n      %-12s %llu", row.name, proc_number(counts.*row.pages));
    return text + proc_format("\n  node_unreclaimable:  0\n  start_pfn:           %llu\n",
                              proc_number(buddy.first_frame()));
}

std::string swaps(KernelState& kernel, Task&) {
    const SwapArea& swap = kernel.system.swap;
    const auto kib = [](u64 pages) { return std::to_string(pages << (mmu::kPageShift - 10)); };
    std::string text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    if (!swap.total()) return text;
    const std::string size = kib(swap.total()), used = kib(swap.used());
    const auto tabs = [](const std::string& field) { return field.size() < 8 ? "\t\t" : "\t"; };
    return text + proc_format("%-40s%s\t%s%s%s%s%d\n", "/dev/swap", "partition", size.c_str(), tabs(size),
                              used.c_str(), tabs(used), -2);
}
std::string overcommit_memory(KernelState& kernel, Task&) {
    return std::to_string(static_cast<int>(kernel.system.overcommit)) + "\n";
}
std::string mmap_min_addr(KernelState&, Task&) {
    return std::to_string(kMmapMinAddr) + "\n";
}
std::string max_map_count(KernelState&, Task&) {
    return std::to_string(kMaxMapCount) + "\n";
}

std::string nr_hugepages(KernelState& kernel, Task&) {
    return std::to_string(kernel.system.hugetlb.hstates[0].nr_huge_pages) + "\n";
}
std::string nr_overcommit_hugepages(KernelState& kernel, Task&) {
    return std::to_string(kernel.system.hugetlb.hstates[0].nr_overcommit_huge_pages) + "\n";
}
int set_nr_overcommit_hugepages(KernelState& kernel, const OpenFile&, const std::string& text) {
    const auto count = proc_decimal(text);
    if (!count) return -EINVAL;
    kernel.system.hugetlb.hstates[0].nr_overcommit_huge_pages = *count;
    return 0;
}
std::string page_cluster(KernelState& kernel, Task&) {
    return std::to_string(kernel.system.swap.page_cluster) + "\n";
}
int set_page_cluster(KernelState& kernel, const OpenFile&, const std::string& text) {
    constexpr u64 kPageClusterMax = 31;
    const auto order = proc_decimal(text);
    if (!order || *order > kPageClusterMax) return -EINVAL;
    kernel.system.swap.page_cluster = static_cast<unsigned>(*order);
    return 0;
}
std::string sysvipc_shm(KernelState& kernel, Task&) {
    return proc_sysvipc_shm(kernel);
}

std::string sysvipc_sem(KernelState& kernel, Task&) {
    return proc_sysvipc_sem(kernel);
}
std::string sysvipc_msg(KernelState& kernel, Task&) {
    return proc_sysvipc_msg(kernel);
}

constexpr ProcRow kRows[] = {
    {"meminfo", meminfo},
    {"swaps", swaps},
    {"sys/vm/max_map_count", max_map_count},
    {"sys/vm/mmap_min_addr", mmap_min_addr},
    {"sys/vm/overcommit_memory", overcommit_memory},
    {"sys/vm/nr_hugepages", nr_hugepages, 0644, nullptr, store_nr_hugepages<0>},
    {"sys/vm/nr_overcommit_hugepages", nr_overcommit_hugepages, 0644, nullptr, set_nr_overcommit_hugepages},
    {"sys/vm/page-cluster", page_cluster, 0644, nullptr, set_page_cluster},
    {"sysvipc/msg", sysvipc_msg},
    {"sysvipc/sem", sysvipc_sem},
    {"sysvipc/shm", sysvipc_shm},
    {"vmstat", vmstat},
    {"zoneinfo", zoneinfo},
};

}  // namespace

std::span<const ProcRow> proc_vm_rows() {
    return kRows;
}

}  // namespace kernel
