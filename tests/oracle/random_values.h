// Values that matter to instructions: limits, signs, special floating-point numbers, and plain random ones.
#pragma once

#include <cstring>

#include "mmu/arch/registers.h"
#include "mmu/base/rng.h"

namespace tests {

using mmu::u16, mmu::u32, mmu::u64, mmu::u8;

class RandomValues {
  public:
    explicit RandomValues(mmu::Rng& rng) : rng_(rng) {}

    bool one_in(u64 n) { return rng_.below(n) == 0; }
    u64 below(u64 n) { return rng_.below(n); }
    u64 next_word() { return rng_.next(); }

    u64 integer();
    u64 double_bits();
    u32 float_bits();
    mmu::Float80 extended();
    /// Sixteen bytes of integers, floats or doubles.
    void vector(u8* to);

    mmu::X87State x87();
    u32 mxcsr();
    u64 rflags();

  private:
    mmu::Rng& rng_;
};

}  // namespace tests
