// The guest's /proc: what programs read of themselves, made from the kernel's own state. The host's is never
// reachable, as it would show the emulator. Linux: fs/proc/task_mmu.c show_map_vma(), fs/proc/array.c.
#pragma once

#include <optional>
#include <string>

#include "kernel/state.h"

namespace kernel {

struct ProcEntry {
    enum class Kind : u8 { kText, kLink, kDirectory };
    Kind kind = Kind::kText;
    std::string text;  ///< contents, or the target of a link
};

/// `path` as PathResolver gives it ("/proc/self/maps"). Nothing: ENOENT.
std::optional<ProcEntry> proc_entry(KernelState& kernel, Task& task, const std::string& path);
/// stat(2) of it: a fixed device and an inode made from the name.
struct stat proc_stat(const ProcEntry& entry, const std::string& path);

/// /proc/PID/maps.
std::string proc_maps(const MemorySystem& system, const MmStruct& mm);

}  // namespace kernel
