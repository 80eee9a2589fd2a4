// The guest's wall clock, and nanoseconds as the structures of the system calls have them. Linux:
// include/linux/time64.h, ktime.h.
#pragma once

#include <sys/time.h>

#include <algorithm>
#include <ctime>

#include "kernel/state.h"

namespace kernel {

inline constexpr u64 kNsPerSecond = 1'000'000'000;

/// CLOCK_REALTIME when CLOCK_MONOTONIC was 0, in nanoseconds.
inline u64 realtime_base_ns(const KernelState& kernel) {
    return kernel.config.epoch * kNsPerSecond;
}
/// CLOCK_REALTIME in nanoseconds.
inline u64 realtime_ns(const KernelState& kernel) {
    return realtime_base_ns(kernel) + kernel.clock.now_ns();
}

inline timespec timespec_of(u64 ns) {
    return {static_cast<time_t>(ns / kNsPerSecond), static_cast<long>(ns % kNsPerSecond)};
}
inline timeval timeval_of(u64 ns) {
    return {static_cast<time_t>(ns / kNsPerSecond), static_cast<long>(ns % kNsPerSecond / 1000)};
}

/// timespec64_valid()
inline bool valid(const timespec& t) {
    return t.tv_sec >= 0 && t.tv_nsec >= 0 && t.tv_nsec < static_cast<long>(kNsPerSecond);
}
/// Of a valid one. Saturates at about 146 years.
inline u64 ns_of(const timespec& t) {
    constexpr u64 kMaxSeconds = (u64{1} << 62) / kNsPerSecond;
    return std::min(static_cast<u64>(t.tv_sec), kMaxSeconds) * kNsPerSecond + static_cast<u64>(t.tv_nsec);
}

}  // namespace kernel
