// Where a guest is in its run. Two runs that are at the same position are in the same state.
#pragma once

#include <compare>

#include "mmu/base/ints.h"

namespace emu {

using mmu::u64, mmu::u8;

struct Position {
    static constexpr u64 kSettled = ~u64{0};
    u64 instructions = 0;  ///< executed
    u64 traps = 0;         ///< system calls and faults that the kernel has begun
    u64 stage = kSettled;  ///< stages of the last of these so far; kSettled: the kernel is done with it
    friend auto operator<=>(const Position&, const Position&) = default;
};

/// A position to go to.
struct Target {
    Position at;
    /// The state in which at.instructions are first reached, their traps served: what a step ends with. `at`
    /// has no more to say.
    bool by_count = false;
};

}  // namespace emu
