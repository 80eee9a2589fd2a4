// How much of the host's time decoding takes, for the report's line about the host; nothing else may depend
// on it. The CPU's time-stamp counter is read, because a block is often made in less time than a system call
// takes, and its own cost taken off; what takes longer than any block was interrupted by the host and is left
// out.
#pragma once

#include <algorithm>
#include <ctime>

#include "mmu/base/ints.h"

namespace emu {

class DecodeClock {
  public:
    double seconds() const {
        const auto ticks = static_cast<double>(time_stamp() - start_ticks_);
        return ticks > 0 ? static_cast<double>(ticks_) * (now() - start_) / ticks : 0;
    }

    /// Lives while a block is made.
    class Sample {
      public:
        explicit Sample(DecodeClock& clock) : clock_(clock), start_(time_stamp()) {}
        ~Sample() {
            const mmu::u64 ticks = time_stamp() - start_;
            if (ticks < kInterrupted) clock_.ticks_ += ticks - std::min(ticks, clock_.reading_);
        }
        Sample(const Sample&) = delete;
        Sample& operator=(const Sample&) = delete;

      private:
        DecodeClock& clock_;
        mmu::u64 start_;
    };

  private:
    /// The median: now and then the CPU reads twice at once.
    static mmu::u64 cost_of_reading() {
        mmu::u64 ticks[15];
        for (mmu::u64& cost : ticks) {
            const mmu::u64 start = time_stamp();
            cost = time_stamp() - start;
        }
        std::nth_element(ticks, ticks + 7, ticks + 15);
        return ticks[7];
    }
    static constexpr mmu::u64 kInterrupted = 1'000'000;  ///< some hundred microseconds

    // The intrinsics' own header is 40,000 lines, which each file that sees a machine would parse.
    static mmu::u64 time_stamp() { return __builtin_ia32_rdtsc(); }
    static double now() {
        timespec time{};
        clock_gettime(CLOCK_MONOTONIC, &time);
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
    }

    double start_ = now();
    mmu::u64 start_ticks_ = time_stamp();
    mmu::u64 reading_ = cost_of_reading();  ///< what a sample takes of nothing
    mmu::u64 ticks_ = 0;
};

}  // namespace emu
