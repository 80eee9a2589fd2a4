// How user code may change RFLAGS as a whole: POPF and IRET at CPL 3 with IOPL 0. SDM Vol. 2B, POPF, table
// 4-17.
#pragma once

#include "emu/cpu/cpu.h"

namespace emu::insn {

/// Loads the flags that user code may change from `value`, of which `width` bytes were popped. IF, IOPL and
/// VM stay without a fault; RF is cleared. Deviation: TF stays clear, there is no single-step trap inside the
/// guest; the caller is told that it was asked for. AC is kept but no access is checked for alignment.
inline bool load_user_flags(Cpu& c, u64 value, unsigned width) {
    using mmu::Rflags;
    constexpr u64 kUser = Rflags::kStatus | Rflags::kDf | Rflags::kNt | Rflags::kAc | Rflags::kId;
    const u64 changeable = width == 2 ? kUser & 0xffff : kUser;
    const u64 kept = c.rflags() & ~changeable & ~Rflags::kRf;
    c.set_rflags(kept | (value & changeable));
    return !(value & Rflags::kTf);
}

/// What PUSHF stores: VM and RF read as 0.
inline u64 pushed_flags(const Cpu& c) {
    return c.rflags() & ~mmu::Rflags::kRf;
}

}  // namespace emu::insn
