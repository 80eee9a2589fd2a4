// The guest's /proc: what programs read of themselves and of the system, made from the kernel's own state.
// The host's is never reachable, as it would show the emulator. The files are rows (proc_table.h). Linux:
// fs/proc/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernel/state.h"

namespace kernel {

struct ProcEntry {
    enum class Kind : u8 { kText, kLink, kDirectory };
    Kind kind = Kind::kText;
    std::string text;  ///< contents, or the target of a link
    mode_t mode = 0444;
    ProcWindow window = nullptr;  ///< makes parts of a file that is too large for `text`
    ProcWrite write = nullptr;
};

/// `path` as PathResolver gives it ("/proc/self/maps"). Nothing: ENOENT.
std::optional<ProcEntry> proc_entry(KernelState& kernel, Task& task, const std::string& path);
/// One name of a folder.
struct ProcDirent {
    std::string name;
    u8 type = 0;    ///< DT_DIR, ...
    u64 place = 0;  ///< grows: what lseek() and the entry before say
    u64 inode = 0;
};
/// What a folder of /proc holds now; "." and ".." alone where it is none.
std::vector<ProcDirent> proc_list(KernelState& kernel, const std::string& path);

/// Where a link of /proc leads.
struct ProcTarget {
    std::string path{};
    int descriptor = -1;  ///< the very object behind that descriptor of `owner`, whatever its name
    Pid owner = 0;
};
std::optional<ProcTarget> proc_target(KernelState& kernel, Task& task, const std::string& path);

/// Whose file it is: the number in "/proc/PID/...", or the thread's in "/proc/PID/task/TID/..."; of others the
/// reader's process.
Pid proc_owner(const Task& reader, const std::string& path);

/// stat(2) of it: a fixed device and an inode made from the name.
struct stat proc_stat(const ProcEntry& entry, const std::string& path);

/// /proc/PID/maps and /proc/PID/smaps.
std::string proc_maps(const MemorySystem& system, const MmStruct& mm);
std::string proc_smaps(const MemorySystem& system, const MmStruct& mm);
/// /proc/buddyinfo.
std::string proc_buddyinfo(const MemorySystem& system);
/// The same with migrate types, and how fragmented free memory is (debugfs: extfrag/).
std::string proc_buddy_report(const MemorySystem& system);
/// /proc/slabinfo.
std::string proc_slabinfo(const MemorySystem& system);

}  // namespace kernel
