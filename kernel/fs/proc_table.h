// The files of /proc as a table: a row a file, a function a row. Rows about one process (/proc/PID/...) and
// rows about the system (/proc/...) come from one source file for each subject; proc.cpp looks names up.
// Linux: fs/proc/base.c tgid_base_stuff[].
#pragma once

#include <span>
#include <string>

#include "kernel/fs/proc.h"

namespace kernel {

struct ProcRow {
    const char* name;  ///< below /proc/PID/ or /proc/
    /// Contents when it is opened. `task` is the one whose directory it is; of system rows, the reader.
    std::string (*text)(KernelState& kernel, Task& task);
    mode_t mode = 0444;
    ProcWindow window = nullptr;  ///< instead of `text`, for a file too large to be made at once
    ProcWrite write = nullptr;    ///< null: it cannot be written
};

std::span<const ProcRow> proc_process_rows();  ///< proc_process.cpp: who it is, limits, signals
std::span<const ProcRow> proc_task_rows();     ///< proc_task.cpp: io, sched, timers, id maps, ...
std::span<const ProcRow> proc_net_rows();      ///< proc_net.cpp: /proc/PID/net
std::span<const ProcRow> proc_memory_rows();   ///< proc_memory.cpp: maps, smaps, statm, pagemap, ...
std::span<const ProcRow> proc_system_rows();   ///< proc_system.cpp: version, uptime, sys/...
std::span<const ProcRow> proc_vm_rows();       ///< proc_vm.cpp: meminfo, vmstat, zoneinfo, ...
std::span<const ProcRow> proc_buddy_rows();    ///< proc_buddy.cpp: buddyinfo, pagetypeinfo
std::span<const ProcRow> proc_slab_rows();     ///< proc_slab.cpp: slabinfo, vmallocinfo

std::span<const ProcRow> sysfs_mm_rows();   ///< sysfs_mm.cpp: /sys/kernel/mm/hugepages, by whole paths
std::span<const ProcRow> sysfs_thp_rows();  ///< sysfs_thp.cpp: /sys/kernel/mm/transparent_hugepage
/// What is written to nr_hugepages of a pool (hugetlb.h).
int store_nr_hugepages(KernelState& kernel, unsigned pool, const std::string& text);
template <unsigned kPool>
int store_nr_hugepages(KernelState& kernel, const OpenFile&, const std::string& text) {
    return store_nr_hugepages(kernel, kPool, text);
}

/// What is written to /proc/PID/clear_refs (clear_refs.cpp).
int clear_refs_write(KernelState& kernel, const OpenFile& file, const std::string& text);

/// Number of a decimal text, with or without a newline; nothing: it is none.
std::optional<u64> proc_decimal(const std::string& text);

/// task_mem(): the Vm* lines of /proc/PID/status.
std::string proc_status_memory(const MmStruct& mm);

/// printf into a string.
[[gnu::format(printf, 1, 2)]] std::string proc_format(const char* pattern, ...);
inline unsigned long long proc_number(u64 value) {
    return value;
}
/// SEQ_PUT_DEC(): a line of so many kB. `name` has Linux's padding.
inline std::string proc_kilobytes(const char* name, u64 bytes) {
    return proc_format("%s%8llu kB\n", name, proc_number(bytes >> 10));
}

}  // namespace kernel
