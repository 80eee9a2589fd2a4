// x87 instructions that compute, move and compare. SDM Vol. 1 chapter 8, Vol. 2. The control instructions are
// in x87_control.cpp.
#include "emu/insn/x87.h"

#include <array>
#include <cstring>

#include "emu/insn/chapters.h"
#include "emu/insn/x87_control.h"
#include "emu/insn/x87_fast.h"

namespace emu::insn {

Exit x87_register(Cpu& c, const Insn* i) {
    if (x87_pending(c.regs.x87)) [[unlikely]]
        return x87_raise(c, i);
    {
        Flags flags = c.flags;
        x87_execute(c.regs.x87, x87_opcode(i), i->src, nullptr, flags);
    }
    x87_note(c, i);
    return next(c, i);
}

Exit x87_register_to_flags(Cpu& c, const Insn* i) {
    if (x87_pending(c.regs.x87)) [[unlikely]]
        return x87_raise(c, i);
    x87_execute(c.regs.x87, x87_opcode(i), i->src, nullptr, c.flags);
    c.regs.x87.status &= static_cast<u16>(~X87Bits::kC1);  // in the manual, though AMD's CPUs leave it
    x87_note(c, i);
    return next(c, i);
}

template <u32 bytes>
Exit x87_load(Cpu& c, const Insn* i) {
    if (x87_pending(c.regs.x87)) [[unlikely]]
        return x87_raise(c, i);
    const u64 address = AnyAddress::address(c, i);
    const u8* p = c.read(address, bytes);
    if (!p) [[unlikely]]
        return fault_exit(c, i, 1, 0);
    {
        u8 operand[16] = {};
        std::memcpy(operand, p, bytes);
        Flags flags = c.flags;
        x87_execute(c.regs.x87, x87_opcode(i), i->src, operand, flags);
    }
    c.regs.x87.operand = address;
    x87_note(c, i);
    return next(c, i);
}

/// An unmasked exception other than an inexact result suppresses the store.
template <u32 bytes>
Exit x87_store(Cpu& c, const Insn* i) {
    if (x87_pending(c.regs.x87)) [[unlikely]]
        return x87_raise(c, i);
    const u64 address = AnyAddress::address(c, i);
    {
        mmu::X87State after = c.regs.x87;
        u8 operand[16] = {};
        Flags flags = c.flags;
        x87_execute(after, x87_opcode(i), i->src, operand, flags);
        const bool suppressed = after.status & ~after.control & X87Bits::kExceptions & ~X87Bits::kPrecision;
        u8* p = c.open_store(address, bytes);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 0, 1);
        if (!suppressed) {
            std::memcpy(p, operand, bytes);
            c.close(p);
        }
        c.regs.x87 = after;
    }
    c.regs.x87.operand = address;
    x87_note(c, i);
    return next(c, i);
}

template Exit x87_load<2>(Cpu&, const Insn*);
template Exit x87_load<4>(Cpu&, const Insn*);
template Exit x87_load<8>(Cpu&, const Insn*);
template Exit x87_load<10>(Cpu&, const Insn*);
template Exit x87_store<2>(Cpu&, const Insn*);
template Exit x87_store<4>(Cpu&, const Insn*);
template Exit x87_store<8>(Cpu&, const Insn*);
template Exit x87_store<10>(Cpu&, const Insn*);

namespace {

template <Handler handler, u8 allowed = 0xff>
bool reg(const Fields& f, Insn& out) {
    if (!(allowed >> (f.modrm & 7) & 1)) return false;
    x87_operands(f, out);
    out.run = handler;
    return true;
}

template <Handler handler>
bool load(const Fields& f, Insn& out) {
    x87_operands(f, out);
    out.run = handler;
    add_cost(out, 1, 0);
    return true;
}

template <Handler handler>
bool store(const Fields& f, Insn& out) {
    x87_operands(f, out);
    out.run = handler;
    add_cost(out, 0, 1);
    return true;
}

constexpr OpcodeRow memory(const char* name, u8 opcode, i8 extension, Build build) {
    return {name, Map::kOne, opcode, build, 1, extension, Prefix::kAny, Operand::kMemory};
}
constexpr OpcodeRow registers(const char* name, u8 opcode, i8 extension, Build build) {
    return {name, Map::kOne, opcode, build, 1, extension, Prefix::kAny, Operand::kRegister};
}

using namespace x87_fast;

/// The six operations and two compares with a memory operand.
template <u8 opcode, u32 bytes>
constexpr std::array<OpcodeRow, 8> arithmetic_float() {
    return {memory("fadd", opcode, 0, load<arithmetic_memory<opcode, 0, bytes>>),
            memory("fmul", opcode, 1, load<arithmetic_memory<opcode, 1, bytes>>),
            memory("fcom", opcode, 2, load<compare_memory<opcode, bytes, false>>),
            memory("fcomp", opcode, 3, load<compare_memory<opcode, bytes, true>>),
            memory("fsub", opcode, 4, load<arithmetic_memory<opcode, 4, bytes>>),
            memory("fsubr", opcode, 5, load<arithmetic_memory<opcode, 5, bytes>>),
            memory("fdiv", opcode, 6, load<arithmetic_memory<opcode, 6, bytes>>),
            memory("fdivr", opcode, 7, load<arithmetic_memory<opcode, 7, bytes>>)};
}
template <u8 opcode, u32 bytes>
constexpr std::array<OpcodeRow, 8> arithmetic_integer() {
    constexpr Build kBuild = load<x87_load<bytes>>;
    return {memory("fiadd", opcode, 0, kBuild), memory("fimul", opcode, 1, kBuild),
            memory("ficom", opcode, 2, kBuild), memory("ficomp", opcode, 3, kBuild),
            memory("fisub", opcode, 4, kBuild), memory("fisubr", opcode, 5, kBuild),
            memory("fidiv", opcode, 6, kBuild), memory("fidivr", opcode, 7, kBuild)};
}

/// FCHS FABS - - FTST FXAM.
bool sign_group(const Fields& f, Insn& out) {
    switch (f.modrm & 7) {
        case 0:
            return reg<change_sign>(f, out);
        case 1:
            return reg<absolute>(f, out);
        default:
            return reg<x87_register, 0x30>(f, out);
    }
}

/// The constants but 1 and 0 are rounded as the control word says.
bool constant_group(const Fields& f, Insn& out) {
    switch (f.modrm & 7) {
        case 0:
            return reg<load_one>(f, out);
        case 6:
            return reg<load_zero>(f, out);
        default:
            return reg<x87_register, 0x7f>(f, out);
    }
}

constexpr auto kMoves = std::to_array<OpcodeRow>({
    memory("fld", 0xd9, 0, load<load_memory<0xd9, 0, 4>>),
    memory("fst", 0xd9, 2, store<store_memory<0xd9, 3, 4, false>>),
    memory("fstp", 0xd9, 3, store<store_memory<0xd9, 3, 4, true>>),
    memory("fild", 0xdb, 0, load<load_memory<0xdb, 0, 4>>),
    needs(Feature::kSse3, memory("fisttp", 0xdb, 1, store<store_memory<0xdb, 1, 4, true>>)),
    memory("fist", 0xdb, 2, store<store_memory<0xdb, 3, 4, false>>),
    memory("fistp", 0xdb, 3, store<store_memory<0xdb, 3, 4, true>>),
    memory("fld", 0xdb, 5, load<load_extended>),
    memory("fstp", 0xdb, 7, store<store_extended>),
    memory("fld", 0xdd, 0, load<load_memory<0xdd, 0, 8>>),
    needs(Feature::kSse3, memory("fisttp", 0xdd, 1, store<store_memory<0xdd, 1, 8, true>>)),
    memory("fst", 0xdd, 2, store<store_memory<0xdd, 3, 8, false>>),
    memory("fstp", 0xdd, 3, store<store_memory<0xdd, 3, 8, true>>),
    memory("fild", 0xdf, 0, load<load_memory<0xdf, 0, 2>>),
    needs(Feature::kSse3, memory("fisttp", 0xdf, 1, store<store_memory<0xdf, 1, 2, true>>)),
    memory("fist", 0xdf, 2, store<store_memory<0xdf, 3, 2, false>>),
    memory("fistp", 0xdf, 3, store<store_memory<0xdf, 3, 2, true>>),
    memory("fbld", 0xdf, 4, load<x87_load<10>>),
    memory("fild", 0xdf, 5, load<load_memory<0xdf, 5, 8>>),
    memory("fbstp", 0xdf, 6, store<x87_store<10>>),
    memory("fistp", 0xdf, 7, store<store_memory<0xdf, 7, 8, true>>),
});

/// Aliases that the manual does not list but every CPU executes are rows like the others (AMD64 APM Vol. 5
/// appendix A has them as reserved; x87 emulators and disassemblers know them as fcom2, fcomp3, fcomp5,
/// fxch4, fxch7, fstp1, fstp8, fstp9).
constexpr auto kRegisterForms = std::to_array<OpcodeRow>({
    registers("fadd", 0xd8, 0, reg<arithmetic_top<0>>),
    registers("fmul", 0xd8, 1, reg<arithmetic_top<1>>),
    registers("fcom", 0xd8, 2, reg<compare<Compare::kOrdered, 0>>),
    registers("fcomp", 0xd8, 3, reg<compare<Compare::kOrdered, 1>>),
    registers("fsub", 0xd8, 4, reg<arithmetic_top<4>>),
    registers("fsubr", 0xd8, 5, reg<arithmetic_top<5>>),
    registers("fdiv", 0xd8, 6, reg<arithmetic_top<6>>),
    registers("fdivr", 0xd8, 7, reg<arithmetic_top<7>>),
    registers("fld", 0xd9, 0, reg<load_register>),
    registers("fxch", 0xd9, 1, reg<exchange>),
    registers("fnop", 0xd9, 2, reg<x87_register, 0x01>),
    registers("fstp1", 0xd9, 3, reg<x87_register>),
    registers("fchs fabs ftst fxam", 0xd9, 4, sign_group),
    registers("fld1 fldl2t fldl2e fldpi fldlg2 fldln2 fldz", 0xd9, 5, constant_group),
    registers("f2xm1 fyl2x fptan fpatan fxtract fprem1 fdecstp fincstp", 0xd9, 6, reg<x87_register>),
    registers("fprem fyl2xp1 fsqrt fsincos frndint fscale fsin fcos", 0xd9, 7, reg<x87_register>),
    registers("fcmovb", 0xda, 0, reg<x87_register>),
    registers("fcmove", 0xda, 1, reg<x87_register>),
    registers("fcmovbe", 0xda, 2, reg<x87_register>),
    registers("fcmovu", 0xda, 3, reg<x87_register>),
    registers("fucompp", 0xda, 5, reg<compare<Compare::kUnordered, 2>, 0x02>),
    registers("fcmovnb", 0xdb, 0, reg<x87_register>),
    registers("fcmovne", 0xdb, 1, reg<x87_register>),
    registers("fcmovnbe", 0xdb, 2, reg<x87_register>),
    registers("fcmovnu", 0xdb, 3, reg<x87_register>),
    registers("fucomi", 0xdb, 5, reg<compare_to_flags<Compare::kUnordered, false>>),
    registers("fcomi", 0xdb, 6, reg<compare_to_flags<Compare::kOrdered, false>>),
    registers("fadd", 0xdc, 0, reg<arithmetic_other<0, false>>),
    registers("fmul", 0xdc, 1, reg<arithmetic_other<1, false>>),
    registers("fcom2", 0xdc, 2, reg<x87_register>),
    registers("fcomp3", 0xdc, 3, reg<x87_register>),
    registers("fsubr", 0xdc, 4, reg<arithmetic_other<4, false>>),
    registers("fsub", 0xdc, 5, reg<arithmetic_other<5, false>>),
    registers("fdivr", 0xdc, 6, reg<arithmetic_other<6, false>>),
    registers("fdiv", 0xdc, 7, reg<arithmetic_other<7, false>>),
    registers("ffree", 0xdd, 0, reg<x87_register>),
    registers("fxch4", 0xdd, 1, reg<x87_register>),
    registers("fst", 0xdd, 2, reg<store_register<false>>),
    registers("fstp", 0xdd, 3, reg<store_register<true>>),
    registers("fucom", 0xdd, 4, reg<compare<Compare::kUnordered, 0>>),
    registers("fucomp", 0xdd, 5, reg<compare<Compare::kUnordered, 1>>),
    registers("faddp", 0xde, 0, reg<arithmetic_other<0, true>>),
    registers("fmulp", 0xde, 1, reg<arithmetic_other<1, true>>),
    registers("fcomp5", 0xde, 2, reg<x87_register>),
    registers("fcompp", 0xde, 3, reg<compare<Compare::kOrdered, 2>, 0x02>),
    registers("fsubrp", 0xde, 4, reg<arithmetic_other<4, true>>),
    registers("fsubp", 0xde, 5, reg<arithmetic_other<5, true>>),
    registers("fdivrp", 0xde, 6, reg<arithmetic_other<6, true>>),
    registers("fdivp", 0xde, 7, reg<arithmetic_other<7, true>>),
    registers("ffreep", 0xdf, 0, reg<x87_register>),
    registers("fxch7", 0xdf, 1, reg<x87_register>),
    registers("fstp8", 0xdf, 2, reg<x87_register>),
    registers("fstp9", 0xdf, 3, reg<x87_register>),
    registers("fucomip", 0xdf, 5, reg<compare_to_flags<Compare::kUnordered, true>>),
    registers("fcomip", 0xdf, 6, reg<compare_to_flags<Compare::kOrdered, true>>),
});

}  // namespace

Rows x87() {
    static constexpr auto kRows =
        concatenate(arithmetic_float<0xd8, 4>(), arithmetic_float<0xdc, 8>(), arithmetic_integer<0xda, 4>(),
                    arithmetic_integer<0xde, 2>(), kMoves, kRegisterForms, kX87Control);
    return kRows;
}

}  // namespace emu::insn
