// The host's own x87, lent to the guest: it is what makes rounding, precision control, condition codes, NaNs,
// stack faults and transcendental results those of a real CPU. On hosts that are not x86-64 this needs a twin
// in software.
#pragma once

#include "emu/cpu/cpu.h"

namespace emu::insn {

/// Bits of the status word (SDM Vol. 1 8.1.3) and of the control word (8.1.5).
struct X87Bits {
    static constexpr u16 kInvalid = 1, kDenormal = 2, kZeroDivide = 4, kOverflow = 8, kUnderflow = 16,
                         kPrecision = 32, kExceptions = 0x3f;
    static constexpr u16 kStackFault = 1 << 6, kSummary = 1 << 7, kC0 = 1 << 8, kC1 = 1 << 9, kC2 = 1 << 10,
                         kC3 = 1 << 14, kBusy = 1 << 15, kTop = 7 << 11;
    static constexpr u16 kConditions = kC0 | kC1 | kC2 | kC3;
    static constexpr u16 kDefaultControl = 0x37f;
};

/// Executes the instruction `opcode` (D8..DF) `modrm` on the host with the whole of `state`, which nothing
/// may be pending in. A memory operand is at `memory`. `flags` are those that FCMOVcc reads, and that FCOMI
/// and its like write.
void x87_execute(mmu::X87State& state, u8 opcode, u8 modrm, void* memory, Flags& flags);

/// Notes in the status word whether an exception is pending now: one that is flagged and not masked.
inline void x87_update_summary(mmu::X87State& state) {
    state.status &= static_cast<u16>(~(X87Bits::kSummary | X87Bits::kBusy));
    if (state.status & ~state.control & X87Bits::kExceptions)
        state.status |= X87Bits::kSummary | X87Bits::kBusy;
}
inline bool x87_pending(const mmu::X87State& state) {
    return state.status & X87Bits::kSummary;
}

}  // namespace emu::insn
