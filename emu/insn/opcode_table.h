// The opcode table: every instruction is one row (its encoding, its name, the function that picks its
// handler). The rows live with the semantics in emu/insn/<chapter>.cpp; this is what they are made of and how
// one is found.
#pragma once

#include <span>
#include <vector>

#include "emu/insn/fields.h"

namespace emu {

/// Fills `out.run` and the operands that are not the memory one (that is filled already); false: #UD.
/// `out.aux` of an instruction that ends its block belongs to the block builder.
using Build = bool (*)(const Fields& fields, Insn& out);

/// A mandatory prefix of a row. kNone rows of the 0F maps' vector opcodes want neither 66, F2 nor F3; kAny do
/// not look.
enum class Prefix : u8 { kAny, kNone, k66, kF3, kF2 };
enum class Operand : u8 { kAny, kMemory, kRegister };  ///< what ModRM's r/m must be
enum class Encoding : u8 { kLegacy, kVex };

struct OpcodeRow {
    const char* name;  ///< lower-case mnemonic
    Map map;
    u8 opcode;
    Build build;
    u8 count = 1;       ///< this many opcodes in a row (8 for +r, 16 for condition codes)
    i8 extension = -1;  ///< ModRM.reg, or -1
    Prefix prefix = Prefix::kAny;
    Operand operand = Operand::kAny;
    bool lockable = false;  ///< a LOCK prefix is allowed (with a memory destination)
    Encoding encoding = Encoding::kLegacy;
    bool alone = false;  ///< a block of its own: it reads the exact instruction count
};

/// Every chapter's rows, in the order of the manual's chapters.
std::vector<std::span<const OpcodeRow>> all_chapters();

/// The row that an instruction's fields select, or null.
const OpcodeRow* find_row(const Fields& fields);

}  // namespace emu
