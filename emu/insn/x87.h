// What the files of the x87 chapter share. An x87 Insn holds the low three bits of its opcode in `aux` and
// its ModRM byte in `src`; together they are FOP.
#pragma once

#include "emu/insn/operands.h"
#include "emu/insn/x87_host.h"

namespace emu::insn {

inline void x87_operands(const Fields& f, Insn& out) {
    out.aux = f.opcode & 7;
    out.src = f.modrm;
}
inline u8 x87_opcode(const Insn* i) {
    return static_cast<u8>(0xd8 | i->aux);
}

/// The last instruction that was no control instruction: FIP, and FOP where it left an exception pending.
/// Deviation: FDP is kept for every memory operand, as CPUs without CPUID.7.EBX[6] do.
[[gnu::always_inline]] inline void x87_note(Cpu& c, const Insn* i) {
    c.regs.x87.instruction = c.regs.rip + i->offset;
    if (x87_pending(c.regs.x87)) [[unlikely]]
        c.regs.x87.opcode = static_cast<u16>(i->aux << 8 | i->src);
}

inline Exit x87_raise(Cpu& c, const Insn* i) {
    return raise(c, i, mmu::Vector::kX87FloatingPoint);
}

// The forms that do everything as the host does it, in some hundreds of cycles. All x87 instructions but the
// control ones can be run so; what is common has a faster form (x87_fast.cpp) that falls back to these.

Exit x87_register(Cpu& c, const Insn* i);
/// FCOMI, FCOMIP, FUCOMI, FUCOMIP.
Exit x87_register_to_flags(Cpu& c, const Insn* i);
template <u32 bytes>
Exit x87_load(Cpu& c, const Insn* i);
template <u32 bytes>
Exit x87_store(Cpu& c, const Insn* i);

}  // namespace emu::insn
