// Oracles: what must hold between page tables, mem_map, the buddy allocator and the TLB after every trap,
// recounted from nothing. Slow on purpose (O(frames in use)); on with --check and in the tests. It changes
// nothing.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "kernel/mm.h"

namespace kernel {

/// CHECKs reference and map counts of every frame against the page tables of `mms` and the page cache, and
/// validates each address space and the buddy allocator.
void validate_memory(MemorySystem& system, std::span<MmStruct* const> mms);

/// The first translation that the TLBs or paging-structure caches hold although the tables of `mm`, the
/// loaded one, no longer give it: a flush is missing. Entries with fewer rights than the tables are no error
/// (a spurious fault mends them). A sentence that names the flush; nothing: none.
std::optional<std::string> find_stale_translation(const MemorySystem& system, const MmStruct& mm);

}  // namespace kernel
