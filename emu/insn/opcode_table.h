// The opcode table: every instruction is one row (its encoding, its name, the function that picks its
// handler). The rows live with the semantics in emu/insn/<chapter>.cpp; this is what they are made of and how
// one is found.
#pragma once

#include <span>
#include <vector>

#include "emu/cpu/feature.h"
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

/// What a VEX prefix must say; otherwise #UD (SDM Vol. 2A 3.1.1.2, table 2-16). `w` is REX.W's too.
enum class VexLength : u8 { kAny, k128, k256 };
enum class VexW : u8 { kAny, k0, k1 };
struct VexRule {
    VexLength length = VexLength::kAny;  ///< VEX.L
    VexW w = VexW::kAny;
    bool vvvv = false;  ///< it names an operand; otherwise it must be 1111b
};

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
    bool alone = false;                ///< a block of its own: it reads the exact instruction count
    Feature feature = Feature::kBase;  ///< a CPU without it has no such instruction
    VexRule vex{};
    i8 rm = -1;  ///< ModRM.rm (without REX.B) of a register form that is an instruction of its own, or -1
};

/// The row of an instruction that not every CPU has.
constexpr OpcodeRow needs(Feature feature, OpcodeRow row) {
    row.feature = feature;
    return row;
}

/// Every chapter's rows, in the order of the manual's chapters.
std::vector<std::span<const OpcodeRow>> all_chapters();

/// The row that an instruction's fields select on a CPU with these features, or null.
const OpcodeRow* find_row(const Fields& fields, FeatureSet features = FeatureSet::all());

}  // namespace emu
