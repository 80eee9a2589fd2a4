// The x87 control instructions' rows.
#pragma once

#include <array>

#include "emu/insn/opcode_table.h"

namespace emu::insn {

// One function a row (x87_control.cpp).
bool fldcw(const Fields& f, Insn& out);
bool fnstcw(const Fields& f, Insn& out);
bool fnstsw(const Fields& f, Insn& out);
bool fnstsw_ax(const Fields& f, Insn& out);
bool fldenv(const Fields& f, Insn& out);
bool fnstenv(const Fields& f, Insn& out);
bool frstor(const Fields& f, Insn& out);
bool fnsave(const Fields& f, Insn& out);
bool fnclex_fninit(const Fields& f, Insn& out);
bool fwait(const Fields& f, Insn& out);

inline constexpr auto kX87Control = std::to_array<OpcodeRow>({
    {"fldenv", Map::kOne, 0xd9, fldenv, 1, 4, Prefix::kAny, Operand::kMemory},
    {"fldcw", Map::kOne, 0xd9, fldcw, 1, 5, Prefix::kAny, Operand::kMemory},
    {"fnstenv", Map::kOne, 0xd9, fnstenv, 1, 6, Prefix::kAny, Operand::kMemory},
    {"fnstcw", Map::kOne, 0xd9, fnstcw, 1, 7, Prefix::kAny, Operand::kMemory},
    {"frstor", Map::kOne, 0xdd, frstor, 1, 4, Prefix::kAny, Operand::kMemory},
    {"fnsave", Map::kOne, 0xdd, fnsave, 1, 6, Prefix::kAny, Operand::kMemory},
    {"fnstsw", Map::kOne, 0xdd, fnstsw, 1, 7, Prefix::kAny, Operand::kMemory},
    {"fnclex fninit", Map::kOne, 0xdb, fnclex_fninit, 1, 4, Prefix::kAny, Operand::kRegister},
    {"fnstsw", Map::kOne, 0xdf, fnstsw_ax, 1, 4, Prefix::kAny, Operand::kRegister},
    {"fwait", Map::kOne, 0x9b, fwait},
});

}  // namespace emu::insn
