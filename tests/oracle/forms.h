// The forms of a row: its opcode with its operand width (or VEX.L and W), LOCK or REP, and its operand in
// memory or a register. They are enumerated from the table, so that one which the generator never draws is
// missed.
#pragma once

#include <set>
#include <string>

#include "emu/insn/opcode_table.h"

namespace tests {

/// MOVS, CMPS, STOS, LODS, SCAS: F2 and F3 repeat them.
bool is_string(const emu::OpcodeRow& row);

/// "mem 64", "reg VEX.256.W1", "86 mem 8 lock".
std::string form_of(const emu::OpcodeRow& row, const emu::Fields& fields);

/// Whether the table takes the encoding for an instruction.
bool builds(const emu::OpcodeRow& row, const emu::Fields& fields);

/// All that a decoder accepts, but for prefixes that the instruction does not look at.
std::set<std::string> forms_of(const emu::OpcodeRow& row);

/// Why the generator does not draw a form of forms_of(), or null: where CPU makers differ, for instance.
const char* reason_not_drawn(const emu::OpcodeRow& row, const std::string& form);

}  // namespace tests
