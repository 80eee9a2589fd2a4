// How much of the host's time decoding takes, for the report's line about the host; nothing else may depend
// on it. The CPU's time-stamp counter is read, because a block is often made in less time than a system call
// takes, and its own cost taken off; what takes longer than any block was interrupted by the host and is left
// out.
#pragma once

#include <x86intrin.h>

#include <algorithm>
#include <chrono>

#include "mmu/base/ints.h"

namespace emu {

class DecodeClock {
  public:
    double seconds() const {
        const std::chrono::duration<double> elapsed = Clock::now() - start_;
        const auto ticks = static_cast<double>(__rdtsc() - start_ticks_);
        return ticks > 0 ? static_cast<double>(ticks_) * elapsed.count() / ticks : 0;
    }

    /// Lives while a block is made.
    class Sample {
      public:
        explicit Sample(DecodeClock& clock) : clock_(clock), start_(__rdtsc()) {}
        ~Sample() {
            const mmu::u64 ticks = __rdtsc() - start_;
            if (ticks < kInterrupted) clock_.ticks_ += ticks - std::min(ticks, clock_.reading_);
        }
        Sample(const Sample&) = delete;
        Sample& operator=(const Sample&) = delete;

      private:
        DecodeClock& clock_;
        mmu::u64 start_;
    };

  private:
    using Clock = std::chrono::steady_clock;

    /// Under a hypervisor a tenth of what a short block takes.
    static mmu::u64 cost_of_reading() {
        mmu::u64 least = kInterrupted;
        for (int n = 0; n < 16; ++n) {
            const mmu::u64 start = __rdtsc();
            least = std::min<mmu::u64>(least, __rdtsc() - start);
        }
        return least;
    }
    static constexpr mmu::u64 kInterrupted = 1'000'000;  ///< some hundred microseconds

    Clock::time_point start_ = Clock::now();
    mmu::u64 start_ticks_ = __rdtsc();
    mmu::u64 reading_ = cost_of_reading();  ///< what a sample takes of nothing
    mmu::u64 ticks_ = 0;
};

}  // namespace emu
