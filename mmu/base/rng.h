// The one source of randomness: seeded, so that two runs of the same guest are byte-identical.
#pragma once

#include "mmu/base/ints.h"

namespace mmu {

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
class Rng {
  public:
    explicit constexpr Rng(u64 seed) : state_(seed) {}

    constexpr u64 next() {
        u64 z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    /// Uniform in [0, bound); bound > 0. The modulo bias is below 2^-32 for the bounds used here.
    constexpr u64 below(u64 bound) { return next() % bound; }

    friend constexpr bool operator==(const Rng&, const Rng&) = default;

  private:
    u64 state_;
};

}  // namespace mmu
