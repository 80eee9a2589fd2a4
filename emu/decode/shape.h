// Instructions that differ in registers, displacement, immediate and place alone are built once: the Insn of
// the first is kept, with where its operands come from, and the others are copies with their own. Nineteen
// instructions in twenty that a program brings are made so, without a question to the decoder.
#pragma once

#include "emu/cpu/cpu.h"
#include "emu/decode/glance.h"
#include "emu/decode/traits.h"
#include "emu/insn/opcode_table.h"

namespace emu {

/// One cache line; zeros are none.
struct alignas(64) Shape {
    /// What a register operand of an Insn is. kLow: of a byte operand without REX.
    enum class From : u8 { kNothing, kReg, kRegNumber, kLowReg, kRm, kRmNumber, kLowRm };

    u64 key;
    Insn insn;  ///< with what all have in common
    Traits traits;
    From dst, src;
    bool base, index;
    bool displacement_from_next, immediate, immediate_from_next;

    /// The instruction at `code`, `offset` bytes behind its block's beginning. False when the displacement is
    /// out of an Insn's reach.
    bool make(const Glance& glance, const u8* code, u32 offset, Insn& out) const;

    /// How `row` made `built` of `bare` (its memory operand, immediate and place), if others can be made so:
    /// it is asked once more for other registers, and the copy must be the same as `built`. Otherwise no key.
    static Shape of(const Glance& glance, const u8* code, const Fields& fields, const OpcodeRow& row,
                    ModrmRole role, const Insn& bare, const Insn& built);
};
static_assert(sizeof(Shape) == 64);

/// What an operand may be of a register number, by that number: a slot, the number, or the slot of a byte
/// operand without REX, for which numbers 4 to 7 are AH to BH. From's order.
struct RegisterOperands {
    u32 of[16] = {};
    constexpr RegisterOperands() {
        for (u32 number = 0; number < 16; ++number) {
            const u32 slot = Slot::of(static_cast<u8>(number));
            const u32 low = (slot - 31 * (number >> 2 & 1)) & 255;
            of[number] = slot | number << 8 | low << 16;
        }
    }
};
inline constexpr RegisterOperands kRegisterOperands;

/// The operands that an instruction at hand may have, by Shape::From, but for kNothing.
[[gnu::always_inline]] inline u64 operands(const Glance& g) {
    return u64{kRegisterOperands.of[g.reg]} << 8 | u64{kRegisterOperands.of[g.rm]} << 32;
}
/// Without a jump: which kind comes next is what the host's branch predictor cannot know.
[[gnu::always_inline]] inline u8 operand(Shape::From from, u64 operands, u8 otherwise) {
    return static_cast<u8>((operands | otherwise) >> 8 * static_cast<u8>(from));
}

/// Of `size` bytes, 8 at most; 8 are read.
[[gnu::always_inline]] inline i64 number(const u8* from, unsigned size) {
    u64 value;
    std::memcpy(&value, from, 8);
    const unsigned unused = (64 - 8 * size) & 63;
    return (static_cast<i64>(value << unused) >> unused) & -i64{size != 0};
}

[[gnu::always_inline]] inline bool Shape::make(const Glance& g, const u8* code, u32 offset, Insn& out) const {
    const i64 next = i64{offset} + g.length;
    const u8* const tail = code + g.tail;
    const i64 displacement = number(tail, g.displacement_size) + (displacement_from_next ? next : 0);
    out = insn;
    out.offset = static_cast<u16>(offset);
    out.length = g.length;
    const u64 all = operands(g);
    out.dst = operand(dst, all, insn.dst);
    out.src = operand(src, all, insn.src);
    if (base) out.base = Slot::of(g.base);
    if (index) {
        out.index = Slot::of(static_cast<u8>((g.sib >> 3 & 7) | (g.rex & 2) << 2));
        out.scale = g.sib >> 6;
    }
    out.disp = static_cast<i32>(displacement);
    if (immediate)
        out.imm = static_cast<u64>(number(tail + g.displacement_size, g.immediate_size) +
                                   (immediate_from_next ? next : 0));
    return out.disp == displacement;
}

}  // namespace emu
