// One address or frame of a guest, told in words. Nothing here changes anything.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "emu/cpu/debug_hooks.h"
#include "kernel/slab_object.h"
#include "mmu/base/ints.h"

namespace mmu {
class Mmu;
}

namespace emu {

class Debugger;
struct Table;

/// Whether there is a walk of it at all.
bool walkable(const mmu::Mmu& mmu, mmu::u64 address);
/// "area 0x400000-0x401000 r--p /bin/x", or that there is none.
std::string area_words(Debugger& debugger, mmu::u64 address);
std::string walk_text(Debugger& debugger, mmu::u64 address);
/// vm_why.cpp: what a read, a write and a fetch there would do now, and what decides.
std::string why_text(Debugger& debugger, mmu::u64 address);
std::string pte_text(Debugger& debugger, mmu::u64 address);
std::string page_text(Debugger& debugger, mmu::u64 pfn);
/// vm_rmap.cpp; a number beyond the last frame is an address.
std::string rmap_text(Debugger& debugger, mmu::u64 number);
/// Where bytes of physical memory are mapped, in any address space; only writes count.
std::vector<WatchRange> ranges_mapping(Debugger& debugger, const WatchRange& physical);
/// vm_slab.cpp: the kernel's caches of objects; the slabs of the one with this name; what lies at a frame or
/// an address (a number beyond the last frame).
Table slab_table(Debugger& debugger);
std::string slab_text(Debugger& debugger, const std::string& cache);
std::string slab_text(Debugger& debugger, mmu::u64 number);
std::optional<kernel::CacheId> cache_named(const kernel::MemorySystem& system, const std::string& name);
/// vm_heap.cpp
std::string heap_text(Debugger& debugger);
std::string walk_cache_text(Debugger& debugger);
std::string stats_text(Debugger& debugger);

}  // namespace emu
