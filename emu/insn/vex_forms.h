// Operand forms of the VEX-encoded vector instructions: what a row says of its operands, so that a stub can
// be made of it (host_stub.h). SDM Vol. 2A 2.3 and the "Instruction Operand Encoding" of each.
//
// A result clears what is above it up to bit 255 (SDM Vol. 1 14.8). Only the aligned moves want their operand
// aligned (SDM Vol. 2A 2.4).
#pragma once

#include "emu/insn/chapters.h"
#include "emu/insn/vector_forms.h"

namespace emu::insn {

/// What ModRM.reg is.
enum class VexReg : u8 {
    kWritten,
    kUpdated,  ///< read and written
    kRead,
    kGeneral,    ///< a general register, written
    kFlags,      ///< read, and the result goes to the flags
    kExtension,  ///< a part of the opcode; VEX.vvvv is written
};
/// What ModRM.r/m is.
enum class VexRm : u8 {
    kVector,         ///< a vector register or memory
    kOnlyRegister,   ///< as kVector, but the instruction has another meaning or none with memory
    kGeneral,        ///< a general register or memory
    kStored,         ///< a vector register or memory, written
    kStoredGeneral,  ///< a general register or memory, written
};
enum class VexImmediate : u8 { kNone, kByte, kRegister };

/// Bytes of the memory operand; the named ones are shares of the vector.
struct VexSize {
    static constexpr u8 kWhole = 0x80, kHalf = 0x81, kQuarter = 0x82, kEighth = 0x83;
    static constexpr u8 kByW = 0x84;        ///< 4, or 8 with VEX.W
    static constexpr u8 kHalfOfXmm = 0x85;  ///< 8 of an XMM register, but a whole YMM one (MOVDDUP)
};

struct VexForm {
    VexLength length = VexLength::kAny;
    bool scalar = false;  ///< VEX.L is ignored
    VexW w = VexW::kAny;
    bool w_selects = false;  ///< either W will do, and they are different instructions
    bool vvvv = false;       ///< names a source
    VexReg reg = VexReg::kWritten;
    VexRm rm = VexRm::kVector;
    u8 size = VexSize::kWhole;
    VexImmediate immediate = VexImmediate::kNone;
    Traps traps = Traps::kNone;
    bool aligned = false;
    bool string = false;  ///< PCMPISTR* and PCMPESTR*: lengths in EAX and EDX, an index in ECX

    /// Before its users: their results are wanted in constants of this header.
    template <class T>
    constexpr VexForm with(T VexForm::*member, T value) const {
        VexForm copy = *this;
        copy.*member = value;
        return copy;
    }

    constexpr VexForm with_vvvv() const { return with(&VexForm::vvvv, true); }
    constexpr VexForm with_imm8() const { return with(&VexForm::immediate, VexImmediate::kByte); }
    constexpr VexForm with_traps(Traps kind) const { return with(&VexForm::traps, kind); }
    constexpr VexForm of_length(VexLength l) const { return with(&VexForm::length, l); }
    constexpr VexForm of_scalars() const { return with(&VexForm::scalar, true); }
    constexpr VexForm of_w(VexW value) const { return with(&VexForm::w, value); }
    constexpr VexForm of_either_w() const { return with(&VexForm::w_selects, true); }
    constexpr VexForm of_size(u8 value) const { return with(&VexForm::size, value); }
    constexpr VexForm of_reg(VexReg value) const { return with(&VexForm::reg, value); }
    constexpr VexForm of_rm(VexRm value) const { return with(&VexForm::rm, value); }
    constexpr VexForm when_aligned() const { return with(&VexForm::aligned, true); }
    constexpr VexForm of_strings() const { return with(&VexForm::string, true); }
};

bool build_vex(const VexForm& form, const Fields& fields, Insn& out);

template <VexForm form>
bool vex(const Fields& fields, Insn& out) {
    return build_vex(form, fields, out);
}

/// dst, vvvv, r/m.
constexpr VexForm kThreeOperands = VexForm{}.with_vvvv();
constexpr VexForm kTwoOperands = VexForm{};

/// A row whose handlers are made by `build`.
constexpr OpcodeRow vex_row(const char* name, Map map, Prefix prefix, u8 opcode, const VexForm& form,
                            Build build, Operand operand = Operand::kAny, i8 extension = -1) {
    OpcodeRow made{name, map, opcode, build, 1, extension, prefix, operand};
    made.encoding = Encoding::kVex;
    made.vex = {form.length, form.w, form.vvvv || form.reg == VexReg::kExtension};
    return made;
}
template <VexForm form>
constexpr OpcodeRow vex_row(const char* name, Map map, Prefix prefix, u8 opcode,
                            Operand operand = Operand::kAny, i8 extension = -1) {
    return vex_row(name, map, prefix, opcode, form, vex<form>, operand, extension);
}
template <VexForm form>
constexpr OpcodeRow vex_0f(const char* name, Prefix prefix, u8 opcode, Operand operand = Operand::kAny,
                           i8 extension = -1) {
    return vex_row<form>(name, Map::k0F, prefix, opcode, operand, extension);
}
/// Most of these maps have the prefix 66.
template <VexForm form>
constexpr OpcodeRow vex_38(const char* name, u8 opcode, Operand operand = Operand::kAny) {
    return vex_row<form>(name, Map::k0F38, Prefix::k66, opcode, operand);
}
template <VexForm form>
constexpr OpcodeRow vex_3a(const char* name, u8 opcode, Operand operand = Operand::kAny) {
    return vex_row<form>(name, Map::k0F3A, Prefix::k66, opcode, operand);
}

/// All of one table need a feature.
template <std::size_t size>
constexpr std::array<OpcodeRow, size> need(Feature feature, std::array<OpcodeRow, size> rows) {
    for (OpcodeRow& row : rows) row.feature = feature;
    return rows;
}

}  // namespace emu::insn
