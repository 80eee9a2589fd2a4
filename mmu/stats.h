// What the MMU counts by itself: everything off the fast path. References that hit L0 are counted by the CPU, a block at
// a time, so that hits = references - misses.
#pragma once

#include <array>

#include "mmu/arch/addr.h"

namespace mmu {

/// The three kinds of reference that have TLB paths of their own.
enum class RefKind : u8 { kLoad, kStore, kFetch };
inline constexpr unsigned kRefKinds = 3;
constexpr const char* name_of(RefKind kind) {
    return kind == RefKind::kLoad ? "load" : kind == RefKind::kStore ? "store" : "fetch";
}

enum class FlushCause : u8 { kInvlpg, kInvpcid, kCr3, kCr3NoFlush, kCr4, kCr0, kFlushAll, kPageFault };
inline constexpr unsigned kFlushCauses = 8;

/// Per kind of reference; user-mode and kernel-mode references are kept apart (perf's :u and :k).
struct RefStats {
    u64 references = 0;  ///< kernel: all; user: left at 0 here, the CPU has them
    u64 l1_misses = 0;
    u64 l2_hits = 0;
    u64 l2_misses = 0;  ///< each of them starts a walk
    u64 faults = 0;     ///< references that ended in a fault

    friend bool operator==(const RefStats&, const RefStats&) = default;
};

struct WalkStats {
    std::array<u64, 3> completed{};    ///< by page size: 4K, 2M, 1G (index_of)
    u64 faulted = 0;                   ///< ended at a not-present or reserved entry, or without the right
    u64 dirty_assists = 0;             ///< re-walks that set D for an entry cached clean; not TLB misses
    u64 permission_rewalks = 0;        ///< re-walks because a cached entry lacked the right
    u64 memory_references = 0;         ///< paging-structure entries read
    std::array<u64, 4> cache_hits{};   ///< walks begun from the PDE, PDPTE, PML4E, PML5E cache
    u64 cache_misses = 0;              ///< walks begun at CR3
    u64 accessed_bits_set = 0, dirty_bits_set = 0;

    friend bool operator==(const WalkStats&, const WalkStats&) = default;
};

struct MmuStats {
    std::array<RefStats, kRefKinds> user{};
    std::array<RefStats, kRefKinds> kernel{};
    WalkStats walks{};
    std::array<u64, kFlushCauses> flushes{};
    u64 entries_invalidated = 0;

    friend bool operator==(const MmuStats&, const MmuStats&) = default;
};

}  // namespace mmu
