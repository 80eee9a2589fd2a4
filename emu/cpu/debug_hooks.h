// What a debugger asks of the CPU: addresses to stop at and bytes to watch. Nothing is written into guest
// memory and nothing is tested on the fast path: a breakpoint is an operation of its own in the blocks that
// hold the address, and watched pages have no L0 slot, so that each access to them comes through
// Cpu::locate().
#pragma once

#include <algorithm>
#include <vector>

#include "mmu/access_rights.h"
#include "mmu/arch/addr.h"

namespace emu {

using mmu::i64, mmu::u32, mmu::u64;

/// Bytes [first, last] of the guest's virtual memory.
struct WatchRange {
    u64 first = 0, last = 0;
    bool reads = false, writes = false;
    friend bool operator==(const WatchRange&, const WatchRange&) = default;
};

/// An access to watched bytes by the instruction that has just run.
struct WatchHit {
    WatchRange range;
    u64 address = 0;
    u32 size = 0;
    bool write = false;
};

struct DebugHooks {
    /// What is taken from the budget so that no block can be entered any more.
    static constexpr i64 kHold = i64{1} << 40;

    std::vector<u64> breakpoints;  ///< sorted
    std::vector<WatchRange> watches;
    std::vector<WatchHit> hits;  ///< of the last run
    bool at_breakpoint = false;  ///< the last run ended before an instruction with a breakpoint
    bool leave = false;          ///< the run is to end behind the instruction under way
    bool held = false;           ///< kHold has been taken from the budget

    bool breaks_at(u64 rip) const { return std::binary_search(breakpoints.begin(), breakpoints.end(), rip); }
    /// Blocks are shared by all addresses that a page is mapped at: a block knows its place in the page
    /// alone.
    bool breaks_at_offset(u64 page_offset) const {
        return std::any_of(breakpoints.begin(), breakpoints.end(),
                           [&](u64 address) { return (address & mmu::kPageOffsetMask) == page_offset; });
    }
    /// Notes the accesses to watched bytes; true if there is one.
    bool note(u64 address, u32 size, bool write) {
        bool any = false;
        for (const WatchRange& range : watches) {
            if (!(write ? range.writes : range.reads)) continue;
            // The access may wrap around the end of the address space; neither difference does.
            const bool begins_before = range.first - address < size;
            const bool begins_within = address >= range.first && address <= range.last;
            if (!begins_before && !begins_within) continue;
            hits.push_back({range, address, size, write});
            any = true;
        }
        return any;
    }
};

}  // namespace emu
