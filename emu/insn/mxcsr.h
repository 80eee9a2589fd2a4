// MXCSR: the guest's control and status of SSE floating point. The host's own SSE unit computes, so while a
// block runs the host's MXCSR holds the guest's rounding mode, FTZ and DAZ with every exception masked, and
// gathers new status flags; regs.mxcsr holds the guest's masks and the flags up to the last merge.
// SDM Vol. 1 10.2.3, 11.5.
#pragma once

#include "emu/cpu/cpu.h"

namespace emu::insn {

struct Mxcsr {
    static constexpr u32 kInvalid = 1u << 0, kDenormal = 1u << 1, kDivideByZero = 1u << 2,
                         kOverflow = 1u << 3, kUnderflow = 1u << 4, kPrecision = 1u << 5;
    static constexpr u32 kFlags = 0x3f, kMasks = 0x1f80;
    static constexpr unsigned kMaskShift = 7;  ///< from a flag to its mask
    static constexpr u32 kFlushToZero = 1u << 15;
    static constexpr u32 kWritable = 0xffff;  ///< MXCSR_MASK; the rest is reserved: #GP
    /// Found before the operation is carried out; when one of these traps, the others are not even looked
    /// for.
    static constexpr u32 kBeforeComputation = kInvalid | kDenormal | kDivideByZero;
};

/// Whether some SSE floating-point exception would trap.
[[gnu::always_inline]] inline bool traps_simd(const Cpu& c) {
    return (c.regs.mxcsr & Mxcsr::kMasks) != Mxcsr::kMasks;
}

/// regs.mxcsr, brought up to date with the host's status flags.
u32 merged_mxcsr(Cpu& c);

/// Loads guest and host; `value` has no reserved bit set.
void load_mxcsr(Cpu& c, u32 value);

// Around one operation of a guest that has unmasked an exception.

/// Clears the host's flags, so that end_trapping() sees those of the operation alone.
void begin_trapping(Cpu& c);

/// Sets the operation's flags in regs.mxcsr; true when one of them traps. `tiny`: a result is denormal, which
/// is an underflow even when exact if that exception is unmasked (SDM Vol. 1 4.9.1.5).
[[nodiscard]] bool end_trapping(Cpu& c, bool tiny);

}  // namespace emu::insn
