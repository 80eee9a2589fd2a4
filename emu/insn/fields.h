// The fields of one instruction, found by their lengths alone: prefixes, opcode map and byte, ModRM, SIB,
// displacement and immediate. SDM Vol. 2A chapter 2 and appendix A. It says where things are, not what they
// mean; whether the bytes are an instruction at all is Capstone's word (decoder.h).
#pragma once

#include <span>

#include "emu/cpu/insn.h"

namespace emu {

/// Opcode maps: one byte, 0F, 0F 38, 0F 3A.
enum class Map : u8 { kOne = 0, k0F = 1, k0F38 = 2, k0F3A = 3 };

struct Fields {
    static constexpr unsigned kMaxLength = 15;

    u8 bytes[16] = {};  ///< behind `length` whatever
    u8 length = 0;

    bool lock = false;
    u8 repeat = 0;  ///< 0xF2, 0xF3 or 0: the last one given
    bool operand16 = false;
    bool address32 = false;
    u8 segment = 0;  ///< 0x64 or 0x65, or 0 (the others do nothing in 64-bit mode)
    u8 rex = 0;      ///< 0 when absent; for VEX the equivalent W, R, X, B bits under 0x40
    bool vex = false;
    u8 vex_vvvv = 0, vex_l = 0;
    u8 vex_pp = 0;  ///< 0 none, 1 66, 2 F3, 3 F2

    Map map = Map::kOne;
    u8 opcode = 0;
    u8 opcode_at = 0;  ///< index of the opcode byte in `bytes`

    bool has_modrm = false;
    u8 modrm = 0;
    u8 mod = 0, reg = 0, rm = 0;  ///< reg and rm with their REX bits
    bool has_sib = false;
    u8 sib = 0;

    u8 displacement_at = 0, displacement_size = 0;
    u8 immediate_at = 0, immediate_size = 0;  ///< ENTER's two immediates count as one of 3 bytes

    bool rex_w() const { return rex & 8; }
    bool rex_r() const { return rex & 4; }
    bool rex_x() const { return rex & 2; }
    bool rex_b() const { return rex & 1; }
    bool memory() const { return has_modrm && mod != 3; }
    bool rip_relative() const { return memory() && mod == 0 && (modrm & 7) == 5; }
    u8 modrm_reg() const { return (modrm >> 3) & 7; }  ///< without REX: an opcode extension

    /// Bytes of a general operand of this instruction whose opcode has no byte form: 8, 4 or 2.
    unsigned width() const { return rex_w() ? 8 : operand16 ? 2 : 4; }

    i64 displacement() const;
    u64 immediate() const;         ///< zero-extended
    i64 signed_immediate() const;  ///< sign-extended
};

enum class Split : u8 {
    kComplete,
    kNeedMore,  ///< the instruction goes on after the bytes that were given
    kTooLong,   ///< more than 15 bytes: #GP
    kInvalid,   ///< no instruction begins so (opcodes that 64-bit mode has not, EVEX)
};

Split split_fields(std::span<const u8> bytes, Fields& fields);

}  // namespace emu
