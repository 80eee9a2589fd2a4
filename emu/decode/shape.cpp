#include "emu/decode/shape.h"

#include <cstring>

#include "emu/cpu/cpu.h"
#include "emu/insn/encoding.h"

namespace emu {
namespace {

/// What `value` is of the probe's registers, of which only some are there.
Shape::From recognise(u8 value, const Glance& probe, bool has_reg, bool has_rm, bool has_rex) {
    using enum Shape::From;
    const u64 all = operands(probe);
    for (const Shape::From from : {kReg, kRegNumber, kLowReg})
        if (has_reg && !(has_rex && from == kLowReg) && value == operand(from, all, 0)) return from;
    for (const Shape::From from : {kRm, kRmNumber, kLowRm})
        if (has_rm && !(has_rex && from == kLowRm) && value == operand(from, all, 0)) return from;
    return kNothing;
}

}  // namespace

Shape Shape::of(const Glance& g, const u8* code, const Fields& f, const OpcodeRow& row, ModrmRole role,
                const Insn& bare, const Insn& built) {
    Shape shape{};
    if (g.length != f.length) return shape;
    shape.insn = built;
    shape.immediate = f.immediate_size != 0 && !(g.key & Glance::kImmediateInKey);
    shape.immediate_from_next = is_relative_branch(f);
    shape.displacement_from_next = f.rip_relative();
    shape.base = f.memory() && !f.rip_relative() && !(g.key & Glance::kNoBase);
    shape.index = g.key & Glance::kIndex;
    if (f.has_modrm && role != ModrmRole::kAll) {
        // The same instruction with other registers tells which operands they are. Others in their low bits
        // too, and such that no two ways to write one down are the same number.
        Fields other = f;
        const u8 high = f.rex ? 8 : 0;
        if (role == ModrmRole::kForm) {
            const u8 reg = (f.reg & 7) == 5 ? 7 : 5;
            other.reg = reg | high;
            other.modrm = static_cast<u8>((other.modrm & 0xc7) | reg << 3);
            other.rex |= high >> 1;
        }
        if (!f.memory()) {
            const bool same = role == ModrmRole::kForm && f.reg == f.rm;
            const u8 rm = same ? other.reg & 7 : (f.rm & 7) == 6 ? 4 : 6;
            other.rm = rm | high;
            other.modrm = static_cast<u8>((other.modrm & 0xf8) | rm);
            other.rex |= high >> 3;
        }
        Insn again = bare;
        if (!row.build(other, again)) return shape;
        Glance probe = g;
        probe.reg = other.reg;
        probe.rm = other.rm;
        const auto recognised = [&](u8 value) {
            return recognise(value, probe, role == ModrmRole::kForm, !f.memory(), f.rex != 0);
        };
        shape.dst = recognised(again.dst);
        shape.src = recognised(again.src);
        if (shape.dst != From::kNothing) again.dst = built.dst;
        if (shape.src != From::kNothing) again.src = built.src;
        if (std::memcmp(&again, &built, sizeof again) != 0) return shape;
    }
    Insn remade;
    if (shape.make(g, code, built.offset, remade) && std::memcmp(&remade, &built, sizeof remade) == 0)
        shape.key = g.key;
    return shape;
}

}  // namespace emu
