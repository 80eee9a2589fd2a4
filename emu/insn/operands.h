// Operand forms: how handlers are picked by width and kind of operand, so that an instruction's body is
// written once and touches no memory. A body is a functor (`Add`); a form is a template over it
// (`RegReg<Add>`) with a static member template run<T> or run<T, Address>; pick() and pick_memory() choose
// the instance when a block is decoded.
#pragma once

#include <array>
#include <type_traits>

#include "emu/cpu/cpu.h"
#include "emu/insn/flag_table.h"
#include "emu/insn/opcode_table.h"

namespace emu::insn {

/// Byte offset of a general register operand. Without REX, numbers 4..7 of a byte operand are AH, CH, DH, BH.
inline u8 gpr(u8 number, unsigned width, bool has_rex) {
    const bool high = width == 1 && !has_rex && number >= 4 && number < 8;
    return static_cast<u8>(high ? (number - 4) * 8 + 1 : number * 8);
}
inline u8 reg_operand(const Fields& f, unsigned width) {
    return gpr(f.reg, width, f.rex != 0);
}
inline u8 rm_operand(const Fields& f, unsigned width) {
    return gpr(f.rm, width, f.rex != 0);
}

/// The register in an opcode's low three bits.
inline u8 opcode_register(const Fields& f) {
    return static_cast<u8>((f.opcode & 7) | (f.rex_b() ? 8 : 0));
}

/// 1 for an even opcode, else the operand size: the manual's Eb/Ev pairs.
inline unsigned width_by_opcode(const Fields& f) {
    return f.opcode & 1 ? f.width() : 1;
}

/// Whether the memory operand needs more than base + displacement.
inline bool needs_any_address(const Insn& i) {
    return i.index != Slot::kZero || i.segment != Slot::kZero || i.address32;
}

template <class Form>
Handler pick(unsigned width) {
    switch (width) {
        case 1:
            return &Form::template run<u8>;
        case 2:
            return &Form::template run<u16>;
        case 4:
            return &Form::template run<u32>;
        default:
            return &Form::template run<u64>;
    }
}

template <class Form, class Address>
Handler pick_with(unsigned width) {
    switch (width) {
        case 1:
            return &Form::template run<u8, Address>;
        case 2:
            return &Form::template run<u16, Address>;
        case 4:
            return &Form::template run<u32, Address>;
        default:
            return &Form::template run<u64, Address>;
    }
}

/// For forms with a memory operand.
template <class Form>
Handler pick_memory(unsigned width, const Insn& i) {
    return needs_any_address(i) ? pick_with<Form, AnyAddress>(width) : pick_with<Form, BaseDisp>(width);
}

/// For rarely used forms: one address kind, so that half as many handlers are made.
template <class Form>
Handler pick_any_memory(unsigned width) {
    return pick_with<Form, AnyAddress>(width);
}

/// Tells the flag table of every width of a form and of its quiet twin.
template <class Form, class Quiet = void>
void add_flags(FlagTable& table, FlagTable::Effect effect) {
    for (const unsigned width : {1u, 2u, 4u, 8u}) {
        Handler quiet = nullptr;
        if constexpr (!std::is_void_v<Quiet>) quiet = pick<Quiet>(width);
        table.add(pick<Form>(width), effect, quiet);
    }
}
/// The same for a form with a memory operand, which may fault.
template <class Form, class Quiet>
void add_memory_flags(FlagTable& table) {
    for (const unsigned width : {1u, 2u, 4u, 8u}) {
        table.add(pick_with<Form, BaseDisp>(width), FlagTable::Effect::kSees,
                  pick_with<Quiet, BaseDisp>(width));
        table.add(pick_with<Form, AnyAddress>(width), FlagTable::Effect::kSees,
                  pick_with<Quiet, AnyAddress>(width));
    }
}

/// One table of several.
template <std::size_t... sizes>
constexpr auto concatenate(const std::array<OpcodeRow, sizes>&... tables) {
    std::array<OpcodeRow, (sizes + ...)> all{};
    std::size_t at = 0;
    const auto append = [&](const auto& table) {
        for (const OpcodeRow& row : table) all[at++] = row;
    };
    (append(tables), ...);
    return all;
}

/// Charges the memory references of an instruction.
inline void add_cost(Insn& i, unsigned loads, unsigned stores) {
    i.cost = static_cast<u8>(i.cost + loads * Cost::kLoad + stores * Cost::kStore);
}
inline void end_block(Insn& i) {
    i.cost |= Cost::kEnd;
}

}  // namespace emu::insn
