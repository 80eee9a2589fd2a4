// The common x87 instructions without the host state's round trip through memory: while the guest masks all
// exceptions and no register is wrongly empty or full. Otherwise they fall back to the forms of x87.h.
//
// The host's x87 is idle between handlers: empty, with the default control word. Its exception flags stay as
// they are: only when a flag shows up that the guest has not got are they cleared and the operation done
// again, to see whose it is.
#pragma once

#include "emu/insn/x87.h"

namespace emu::insn::x87_fast {

/// Then nothing is pending either.
[[gnu::always_inline]] inline bool all_masked(const Cpu& c) {
    return (c.regs.x87.control & X87Bits::kExceptions) == X87Bits::kExceptions;
}

[[gnu::always_inline]] inline unsigned physical(const Cpu& c, unsigned n) {
    return (c.regs.x87.top + n) & 7;
}
[[gnu::always_inline]] inline bool is_valid(const Cpu& c, unsigned n) {
    return c.regs.x87.valid >> physical(c, n) & 1;
}
[[gnu::always_inline]] inline mmu::Float80& st(Cpu& c, unsigned n) {
    return c.regs.x87.physical[physical(c, n)];
}

[[gnu::always_inline]] inline bool has_room(const Cpu& c) {
    return !is_valid(c, 7);
}
[[gnu::always_inline]] inline void push(Cpu& c, const mmu::Float80& value) {
    mmu::X87State& s = c.regs.x87;
    s.top = (s.top - 1) & 7;
    s.valid |= static_cast<u8>(1u << s.top);
    s.physical[s.top] = value;
}
[[gnu::always_inline]] inline void pop(Cpu& c) {
    mmu::X87State& s = c.regs.x87;
    s.valid &= static_cast<u8>(~(1u << s.top));
    s.top = (s.top + 1) & 7;
}

[[gnu::always_inline]] inline void clear_c1(Cpu& c) {
    c.regs.x87.status &= static_cast<u16>(~X87Bits::kC1);
}

/// Runs `body`, which does its operation on the host and returns the host's status word, under the guest's
/// control word. Returns the status word with the flags of this operation, and perhaps some that the guest
/// has anyway.
template <class Body>
[[gnu::always_inline]] inline u16 compute(const Cpu& c, Body body) {
    const mmu::X87State& s = c.regs.x87;
    const bool unusual = s.control != X87Bits::kDefaultControl;
    if (unusual) [[unlikely]] {
        asm volatile("fldcw %0" ::"m"(s.control));
    }
    u16 status = body();
    if (status & ~s.status & X87Bits::kExceptions) [[unlikely]] {
        asm volatile("fnclex");
        status = body();
    }
    if (unusual) [[unlikely]] {
        asm volatile("fldcw %0" ::"m"(X87Bits::kDefaultControl));
    }
    return status;
}

/// Adds the exceptions of `status` to the guest's; takes over the condition codes in `conditions`.
[[gnu::always_inline]] inline void commit_status(Cpu& c, u16 status, u16 conditions = X87Bits::kC1) {
    u16& own = c.regs.x87.status;
    own = static_cast<u16>((own & ~conditions) | (status & (conditions | X87Bits::kExceptions)));
}

// --- the handlers (x87_fast.cpp, x87_fast_move.cpp) ---

/// ST(0) = ST(0) op ST(i). `operation` is ModRM.reg: 0 + 1 * 4 - 5 reversed - 6 / 7 reversed /.
template <u8 operation>
Exit arithmetic_top(Cpu& c, const Insn* i);
/// ST(i) = ST(i) op ST(0), by the encodings DC and DE.
template <u8 operation, bool pops>
Exit arithmetic_other(Cpu& c, const Insn* i);
/// ST(0) = ST(0) op memory, of the type that `opcode` has.
template <u8 opcode, u8 operation, u32 bytes>
Exit arithmetic_memory(Cpu& c, const Insn* i);

enum class Compare : u8 { kOrdered, kUnordered };
/// FCOM and FUCOM with ST(i): condition codes. `pops` 0, 1 or 2.
template <Compare kind, unsigned pops>
Exit compare(Cpu& c, const Insn* i);
/// FCOMI and FUCOMI: flags.
template <Compare kind, bool pops>
Exit compare_to_flags(Cpu& c, const Insn* i);
template <u8 opcode, u32 bytes, bool pops>
Exit compare_memory(Cpu& c, const Insn* i);

Exit load_register(Cpu& c, const Insn* i);
template <bool pops>
Exit store_register(Cpu& c, const Insn* i);
Exit exchange(Cpu& c, const Insn* i);
Exit change_sign(Cpu& c, const Insn* i);
Exit absolute(Cpu& c, const Insn* i);
Exit load_one(Cpu& c, const Insn* i);
Exit load_zero(Cpu& c, const Insn* i);

/// FLD m32, m64 and FILD.
template <u8 opcode, u8 extension, u32 bytes>
Exit load_memory(Cpu& c, const Insn* i);
Exit load_extended(Cpu& c, const Insn* i);
/// FST and FIST, FISTTP.
template <u8 opcode, u8 extension, u32 bytes, bool pops>
Exit store_memory(Cpu& c, const Insn* i);
Exit store_extended(Cpu& c, const Insn* i);

}  // namespace emu::insn::x87_fast
