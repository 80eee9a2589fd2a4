// Purpose: the files of /proc about free frames. Linux: mm/vmstat.c frag_show(), pagetypeinfo_show(),
// extfrag_show(), unusable_show(). Deviation: one node with one zone, Normal.
#include <cstdlib>

#include "kernel/fs/proc_table.h"

namespace kernel {

namespace {

constexpr const char* kMigrateTypes[] = {"Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate"};

std::string buddyinfo(KernelState& kernel, Task&) {
    return proc_buddyinfo(kernel.system);
}

/// pagetypeinfo_showfree()
std::string free_by_type(const Buddy& buddy) {
    std::string text = proc_format("%-43s ", "Free pages count per migrate type at order ");
    for (unsigned order = 0; order <= kMaxOrder; ++order) text += proc_format("%6u ", order);
    text += "\n";
    for (unsigned type = 0; type < std::size(kMigrateTypes); ++type) {
        text += proc_format("Node %4d, zone %8s, type %12s ", 0, "Normal", kMigrateTypes[type]);
        for (unsigned order = 0; order <= kMaxOrder; ++order) {
            const bool known = type < MIGRATE_PCPTYPES;
            const u64 free = known ? buddy.free_blocks(order, static_cast<MigrateType>(type)) : 0;
            text += proc_format("%6llu ", proc_number(free));
        }
        text += "\n";
    }
    return text;
}

/// pagetypeinfo_showblockcount()
std::string blocks_by_type(const Buddy& buddy) {
    std::string text = proc_format("\n%-23s", "Number of blocks type ");
    for (const char* type : kMigrateTypes) text += proc_format("%12s ", type);
    text += proc_format("\nNode %d, zone %8s ", 0, "Normal");
    for (unsigned type = 0; type < std::size(kMigrateTypes); ++type) {
        const bool known = type < MIGRATE_PCPTYPES;
        const u64 blocks = known ? buddy.collect_pageblocks(static_cast<MigrateType>(type)) : 0;
        text += proc_format("%12llu ", proc_number(blocks));
    }
    return text + "\n";
}

std::string pagetypeinfo(KernelState& kernel, Task&) {
    const Buddy& buddy = kernel.system.buddy;
    return proc_format("Page block order: %u\nPages per block:  %llu\n\n", kPageblockOrder,
                       proc_number(kPageblockNrPages)) +
           free_by_type(buddy) + blocks_by_type(buddy);
}

constexpr ProcRow kRows[] = {
    {"buddyinfo", buddyinfo},
    {"pagetypeinfo", pagetypeinfo, 0400},
};

/// One line of /sys/kernel/debug/extfrag/.
std::string extfrag_line(const Buddy& buddy, int (*index_of)(const Buddy&, unsigned)) {
    std::string text = proc_format("Node %d, zone %8s ", 0, "Normal");
    for (unsigned order = 0; order <= kMaxOrder; ++order) {
        const int index = index_of(buddy, order);
        text += proc_format("%2d.%03d ", index / 1000, std::abs(index % 1000));
    }
    return text + "\n";
}

}  // namespace

std::span<const ProcRow> proc_buddy_rows() {
    return kRows;
}

std::string proc_buddyinfo(const MemorySystem& system) {
    std::string text = proc_format("Node %d, zone %8s ", 0, "Normal");
    for (unsigned order = 0; order <= kMaxOrder; ++order)
        text += proc_format("%6llu ", proc_number(system.buddy.free_blocks(order)));
    return text + "\n";
}

std::string proc_buddy_report(const MemorySystem& system) {
    const Buddy& buddy = system.buddy;
    return proc_buddyinfo(system) + "\n" + free_by_type(buddy) + blocks_by_type(buddy) +
           "\nextfrag_index: towards 0 an allocation would fail for lack of memory, towards 1 for "
           "fragmentation; "
           "-1: it succeeds\n" +
           extfrag_line(buddy, fragmentation_index) +
           "unusable_index: the share of free memory in blocks that are too small\n" +
           extfrag_line(buddy, unusable_free_index);
}

}  // namespace kernel
