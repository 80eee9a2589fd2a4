// What the bytes of an instruction say of its length, as tables: prefixes, ModRM and immediate by opcode.
// SDM Vol. 2A chapter 2 and appendix A.
#pragma once

#include <initializer_list>

#include "emu/insn/fields.h"

namespace emu {

/// Bytes before an opcode, by what they do. Tables instead of jumps: which byte comes next is what the host's
/// branch predictor cannot know.
enum class Before : u8 {
    kOpcode,
    kRex,
    kNothing,  ///< no effect on addresses in 64-bit mode, and they do not undo FS or GS
    kLock,
    kRepeat,
    kOperand16,
    kAddress32,
    kSegment,
};

struct BeforeTable {
    Before of[256] = {};
    constexpr BeforeTable() {
        for (unsigned byte = 0x40; byte < 0x50; ++byte) of[byte] = Before::kRex;
        for (const u8 byte : {0x26, 0x2e, 0x36, 0x3e}) of[byte] = Before::kNothing;
        of[0xf0] = Before::kLock;
        of[0xf2] = of[0xf3] = Before::kRepeat;
        of[0x66] = Before::kOperand16;
        of[0x67] = Before::kAddress32;
        of[0x64] = of[0x65] = Before::kSegment;
    }
};
inline constexpr BeforeTable kBefore;

constexpr bool invalid_in_64_bit_mode(u8 op) {
    if (op < 0x40) return (op & 7) == 6 || (op & 7) == 7;
    return op == 0x60 || op == 0x61 || op == 0x82 || op == 0x9a || op == 0xce || op == 0xd4 || op == 0xd5 ||
           op == 0xd6 || op == 0xea;
}

constexpr bool has_modrm(Map map, u8 op) {
    switch (map) {
        case Map::kOne:
            if (op < 0x40) return (op & 7) < 4;
            return op == 0x63 || op == 0x69 || op == 0x6b || (op >= 0x80 && op <= 0x8f) || op == 0xc0 ||
                   op == 0xc1 || op == 0xc6 || op == 0xc7 || (op >= 0xd0 && op <= 0xd3) ||
                   (op >= 0xd8 && op <= 0xdf) || op == 0xf6 || op == 0xf7 || op == 0xfe || op == 0xff;
        case Map::k0F:
            return !((op >= 0x04 && op <= 0x0c && op != 0x0a) || op == 0x0e || (op >= 0x30 && op <= 0x37) ||
                     op == 0x77 || (op >= 0x80 && op <= 0x8f) || (op >= 0xa0 && op <= 0xa2) ||
                     (op >= 0xa8 && op <= 0xaa) || (op >= 0xc8 && op <= 0xcf) || op == 0x0a);
        default:
            return true;
    }
}

/// Bytes of an immediate, and how prefixes and ModRM change them.
enum class Immediate : u8 {
    kNone,
    kByte,
    kWord,
    kThree,     ///< ENTER
    kDword,     ///< 66h does not shorten near branches in 64-bit mode (Intel)
    kZ,         ///< 2 or 4, by operand size
    kOperand,   ///< 2, 4 or 8
    kAddress,   ///< 8, or 4 with 67h
    kTestByte,  ///< 1 for /0 and /1
    kTestZ,     ///< as kZ for /0 and /1
};

constexpr bool is_one_of(u8 op, std::initializer_list<u8> list) {
    for (const u8 each : list)
        if (each == op) return true;
    return false;
}

constexpr Immediate immediate_of_one_byte_map(u8 op) {
    using enum Immediate;
    if (op < 0x40) return (op & 7) == 4 ? kByte : (op & 7) == 5 ? kZ : kNone;
    if (op >= 0xa0 && op <= 0xa3) return kAddress;
    if (op >= 0xb8 && op <= 0xbf) return kOperand;
    if ((op >= 0x70 && op <= 0x7f) || (op >= 0xb0 && op <= 0xb7) || (op >= 0xe0 && op <= 0xe7)) return kByte;
    if (is_one_of(op, {0x6a, 0x6b, 0x80, 0x83, 0xa8, 0xc0, 0xc1, 0xc6, 0xcd, 0xeb})) return kByte;
    if (is_one_of(op, {0x68, 0x69, 0x81, 0xa9, 0xc7})) return kZ;
    if (is_one_of(op, {0xc2, 0xca})) return kWord;
    if (is_one_of(op, {0xe8, 0xe9})) return kDword;
    return op == 0xc8 ? kThree : op == 0xf6 ? kTestByte : op == 0xf7 ? kTestZ : kNone;
}

constexpr Immediate immediate_of(Map map, bool vex, u8 op) {
    using enum Immediate;
    if (map == Map::kOne) return immediate_of_one_byte_map(op);
    if (map == Map::k0F3A) return kByte;
    if (map == Map::k0F38) return kNone;
    if ((op >= 0x70 && op <= 0x73) || is_one_of(op, {0xc2, 0xc4, 0xc5, 0xc6})) return kByte;
    if (vex) return kNone;
    if (op >= 0x80 && op <= 0x8f) return kDword;
    return is_one_of(op, {0xa4, 0xac, 0xba, 0x0f}) ? kByte : kNone;
}

/// What follows an opcode.
struct Tail {
    bool valid, modrm;
    Immediate immediate;
};
struct Tails {
    Tail of[2][4][256] = {};  ///< with VEX or without, by map and opcode
    constexpr Tails() {
        for (unsigned vex = 0; vex < 2; ++vex)
            for (unsigned m = 0; m < 4; ++m)
                for (unsigned op = 0; op < 256; ++op) {
                    const Map map = static_cast<Map>(m);
                    const u8 byte = static_cast<u8>(op);
                    of[vex][m][op] = {map != Map::kOne || !invalid_in_64_bit_mode(byte),
                                      vex ? !(map == Map::k0F && byte == 0x77) : has_modrm(map, byte),
                                      immediate_of(map, vex != 0, byte)};
                }
    }
};
inline constexpr Tails kTails;

/// What ModRM says of SIB and displacement: the displacement's size, and kSib.
inline constexpr u8 kSib = 0x80;
struct ModrmTable {
    u8 of[256] = {};
    constexpr ModrmTable() {
        for (unsigned modrm = 0; modrm < 0xc0; ++modrm) {
            const unsigned mod = modrm >> 6, rm = modrm & 7;
            of[modrm] = static_cast<u8>((mod == 1 ? 1 : mod == 2 || rm == 5 ? 4 : 0) | (rm == 4 ? kSib : 0));
        }
    }
};
inline constexpr ModrmTable kModrm;

/// Whether the immediate is a distance from the next instruction.
inline bool is_relative_branch(const Fields& f) {
    if (f.map == Map::k0F) return f.opcode >= 0x80 && f.opcode <= 0x8f;
    if (f.map != Map::kOne) return false;
    return (f.opcode >= 0x70 && f.opcode <= 0x7f) || (f.opcode >= 0xe0 && f.opcode <= 0xe3) ||
           is_one_of(f.opcode, {0xe8, 0xe9, 0xeb});
}

}  // namespace emu
