// ADD OR ADC SBB AND SUB XOR CMP TEST INC DEC NEG NOT. SDM Vol. 2.
#include <array>

#include "emu/insn/alu_forms.h"
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {
namespace {

template <Alu... ops>
void add_alu_flags(FlagTable& table) {
    using Effect = FlagTable::Effect;
    (add_flags<RegReg<ops>, QuietReg<ops, false>>(table, Effect::kOverwrites), ...);
    (add_flags<RegImm<ops>, QuietReg<ops, true>>(table, Effect::kOverwrites), ...);
    (add_memory_flags<RegMem<ops>, QuietRegMem<ops>>(table), ...);
}

/// Eb,Gb and Ev,Gv.
template <Alu op>
bool rm_reg(const Fields& f, Insn& out) {
    const unsigned width = width_by_opcode(f);
    out.src = reg_operand(f, width);
    if (f.memory()) {
        out.run = pick_memory<MemAny<op, false>>(width, out);
        add_cost(out, 1, writes(op));
    } else {
        out.dst = rm_operand(f, width);
        out.run = pick<RegReg<op>>(width);
    }
    return true;
}

/// Gb,Eb and Gv,Ev.
template <Alu op>
bool reg_rm(const Fields& f, Insn& out) {
    const unsigned width = width_by_opcode(f);
    out.dst = reg_operand(f, width);
    if (f.memory()) {
        out.run = pick_memory<RegMem<op>>(width, out);
        add_cost(out, 1, 0);
    } else {
        out.src = rm_operand(f, width);
        out.run = pick<RegReg<op>>(width);
    }
    return true;
}

/// AL,Ib and rAX,Iz.
template <Alu op>
bool accumulator_imm(const Fields& f, Insn& out) {
    out.dst = 0;
    out.run = pick<RegImm<op>>(width_by_opcode(f));
    return true;
}

/// Eb,Ib and Ev,Iz and Ev,Ib.
template <Alu op>
bool rm_imm(const Fields& f, Insn& out) {
    const unsigned width = width_by_opcode(f);
    if (f.memory()) {
        out.run = pick_memory<MemAny<op, true>>(width, out);
        add_cost(out, 1, writes(op));
    } else {
        out.dst = rm_operand(f, width);
        out.run = pick<RegImm<op>>(width);
    }
    return true;
}

template <Unary op>
bool rm_only(const Fields& f, Insn& out) {
    const unsigned width = width_by_opcode(f);
    if (f.memory()) {
        out.run = pick_memory<UnaryMem<op>>(width, out);
        add_cost(out, 1, 1);
    } else {
        out.dst = rm_operand(f, width);
        out.run = pick<UnaryReg<op>>(width);
    }
    return true;
}

/// The three immediate-free encodings at opcode number*8 and the three immediate groups of a classic
/// operation.
template <Alu op>
constexpr std::array<OpcodeRow, 5> classic(const char* name, u8 number) {
    const auto opcode = static_cast<u8>(number * 8);
    const auto group = static_cast<i8>(number);
    constexpr bool kLockable = writes(op);
    return {{{name, Map::kOne, opcode, rm_reg<op>, 2, -1, Prefix::kAny, Operand::kAny, kLockable},
             {name, Map::kOne, static_cast<u8>(opcode + 2), reg_rm<op>, 2},
             {name, Map::kOne, static_cast<u8>(opcode + 4), accumulator_imm<op>, 2},
             {name, Map::kOne, 0x80, rm_imm<op>, 2, group, Prefix::kAny, Operand::kAny, kLockable},
             {name, Map::kOne, 0x83, rm_imm<op>, 1, group, Prefix::kAny, Operand::kAny, kLockable}}};
}

}  // namespace

Rows arithmetic() {
    static constexpr auto kRows = concatenate(
        classic<Alu::kAdd>("add", 0), classic<Alu::kOr>("or", 1), classic<Alu::kAdc>("adc", 2),
        classic<Alu::kSbb>("sbb", 3), classic<Alu::kAnd>("and", 4), classic<Alu::kSub>("sub", 5),
        classic<Alu::kXor>("xor", 6), classic<Alu::kCmp>("cmp", 7),
        std::to_array<OpcodeRow>({
            {"test", Map::kOne, 0x84, rm_reg<Alu::kTest>, 2},
            {"test", Map::kOne, 0xa8, accumulator_imm<Alu::kTest>, 2},
            {"test", Map::kOne, 0xf6, rm_imm<Alu::kTest>, 2, 0},
            {"test", Map::kOne, 0xf6, rm_imm<Alu::kTest>, 2, 1},
            {"not", Map::kOne, 0xf6, rm_only<Unary::kNot>, 2, 2, Prefix::kAny, Operand::kAny, true},
            {"neg", Map::kOne, 0xf6, rm_only<Unary::kNeg>, 2, 3, Prefix::kAny, Operand::kAny, true},
            {"inc", Map::kOne, 0xfe, rm_only<Unary::kInc>, 2, 0, Prefix::kAny, Operand::kAny, true},
            {"dec", Map::kOne, 0xfe, rm_only<Unary::kDec>, 2, 1, Prefix::kAny, Operand::kAny, true},
        }));
    return kRows;
}

void add_arithmetic_flags(FlagTable& table) {
    using Effect = FlagTable::Effect;
    add_alu_flags<Alu::kAdd, Alu::kOr, Alu::kAnd, Alu::kSub, Alu::kXor>(table);
    add_flags<RegReg<Alu::kCmp>>(table, Effect::kOverwrites);
    add_flags<RegImm<Alu::kCmp>>(table, Effect::kOverwrites);
    add_flags<RegReg<Alu::kTest>>(table, Effect::kOverwrites);
    add_flags<RegImm<Alu::kTest>>(table, Effect::kOverwrites);
    add_flags<UnaryReg<Unary::kNeg>, QuietUnary<Unary::kNeg>>(table, Effect::kOverwrites);
    // INC and DEC keep CF, NOT keeps all.
    add_flags<UnaryReg<Unary::kInc>, QuietUnary<Unary::kInc>>(table, Effect::kNeutral);
    add_flags<UnaryReg<Unary::kDec>, QuietUnary<Unary::kDec>>(table, Effect::kNeutral);
    add_flags<UnaryReg<Unary::kNot>>(table, Effect::kNeutral);
}

}  // namespace emu::insn
