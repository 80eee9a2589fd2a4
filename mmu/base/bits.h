// Bit fields of machine words, by position, as the manuals number them (bit 0 is the least significant).
#pragma once

#include <bit>

#include "mmu/base/ints.h"

namespace mmu {

constexpr u64 bit(unsigned position) { return u64{1} << position; }

/// A word with bits `high` down to `low` set (both included).
constexpr u64 mask(unsigned high, unsigned low) {
    return (high == 63 ? ~u64{0} : bit(high + 1) - 1) & ~(bit(low) - 1);
}

/// Bits `high:low` of `word`, moved down to bit 0.
constexpr u64 field(u64 word, unsigned high, unsigned low) { return (word & mask(high, low)) >> low; }

constexpr u64 align_down(u64 value, u64 power_of_two) { return value & ~(power_of_two - 1); }
constexpr u64 align_up(u64 value, u64 power_of_two) { return align_down(value + power_of_two - 1, power_of_two); }

constexpr bool is_power_of_two(u64 value) { return std::has_single_bit(value); }

}  // namespace mmu
