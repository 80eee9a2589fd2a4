#include "emu/insn/fields.h"

#include <cstring>
#include <initializer_list>

namespace emu {
namespace {

/// The bytes of an instruction and zeros behind them, so that all may be read before it is known whether they
/// were there: no encoding reads beyond 15 prefixes and what follows an opcode.
struct Cursor {
    u8 bytes[32];
    unsigned at = 0;
    unsigned limit;  ///< bytes that are there, 15 at most

    explicit Cursor(std::span<const u8> given)
        : limit(given.size() < Fields::kMaxLength ? static_cast<unsigned>(given.size())
                                                  : Fields::kMaxLength) {
        std::memset(bytes, 0, sizeof bytes);
        if (given.size() >= 16)
            std::memcpy(bytes, given.data(), 16);  // of one size, so no call
        else if (!given.empty())
            std::memcpy(bytes, given.data(), given.size());
    }
    u8 take() { return bytes[at++]; }
    bool beyond() const { return at > limit; }
    Split too_short() const { return limit == Fields::kMaxLength ? Split::kTooLong : Split::kNeedMore; }
};

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
constexpr BeforeTable kBefore;

/// The byte behind the prefixes.
u8 take_prefixes(Cursor& cursor, Fields& f) {
    while (cursor.at <= cursor.limit) {
        const u8 byte = cursor.take();
        const Before kind = kBefore.of[byte];
        if (kind == Before::kOpcode) return byte;
        f.rex = kind == Before::kRex ? byte : u8{0};  // counts only right before the opcode
        if (kind <= Before::kNothing) continue;
        f.lock |= kind == Before::kLock;
        f.operand16 |= kind == Before::kOperand16;
        f.address32 |= kind == Before::kAddress32;
        if (kind == Before::kRepeat) f.repeat = byte;
        if (kind == Before::kSegment) f.segment = byte;
    }
    return 0;
}

/// VEX takes the places of REX, of the mandatory prefix and of the escape bytes.
bool take_vex(Cursor& cursor, Fields& f, u8 first) {
    const u8 p1 = cursor.take();
    u8 p2 = p1;
    if (first == 0xc4) {
        p2 = cursor.take();
        const u8 map = p1 & 31;
        if (map < 1 || map > 3) return false;
        f.map = static_cast<Map>(map);
        f.rex = static_cast<u8>(0x40 | (p2 & 0x80 ? 8 : 0) | (~p1 >> 5 & 7));
    } else {
        f.map = Map::k0F;
        f.rex = static_cast<u8>(0x40 | (p1 & 0x80 ? 0 : 4));
    }
    f.vex = true;
    f.vex_vvvv = (~p2 >> 3) & 15;
    f.vex_l = (p2 >> 2) & 1;
    f.vex_pp = p2 & 3;
    f.opcode = cursor.take();
    return true;
}

void take_escapes(Cursor& cursor, Fields& f, u8 byte) {
    f.map = Map::kOne;
    if (byte == 0x0f) {
        byte = cursor.take();
        f.map = Map::k0F;
        if (byte == 0x38 || byte == 0x3a) {
            f.map = byte == 0x38 ? Map::k0F38 : Map::k0F3A;
            byte = cursor.take();
        }
    }
    f.opcode = byte;
}

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
constexpr Tails kTails;

/// Bytes of the kinds up to kOperand, for operands of 2, 4 and 8 bytes.
constexpr u8 kImmediateSizes[][3] = {{0, 0, 0}, {1, 1, 1}, {2, 2, 2}, {3, 3, 3},
                                     {4, 4, 4}, {2, 4, 4}, {2, 4, 8}};

unsigned size_of(Immediate kind, const Fields& f) {
    const unsigned width = f.rex_w() ? 2 : f.operand16 ? 0 : 1;
    if (kind <= Immediate::kOperand) [[likely]]
        return kImmediateSizes[static_cast<u8>(kind)][width];
    if (kind == Immediate::kAddress) return f.address32 ? 4 : 8;
    if (f.modrm_reg() >= 2) return 0;
    return kind == Immediate::kTestByte ? 1 : width == 0 ? 2 : 4;
}

/// What ModRM says of SIB and displacement: the displacement's size, and kSib.
constexpr u8 kSib = 0x80;
struct ModrmTable {
    u8 of[256] = {};
    constexpr ModrmTable() {
        for (unsigned modrm = 0; modrm < 0xc0; ++modrm) {
            const unsigned mod = modrm >> 6, rm = modrm & 7;
            of[modrm] = static_cast<u8>((mod == 1 ? 1 : mod == 2 || rm == 5 ? 4 : 0) | (rm == 4 ? kSib : 0));
        }
    }
};
constexpr ModrmTable kModrm;

void take_modrm(Cursor& cursor, Fields& f) {
    f.modrm = cursor.take();
    f.mod = f.modrm >> 6;
    f.reg = static_cast<u8>(f.modrm_reg() | (f.rex_r() ? 8 : 0));
    f.rm = static_cast<u8>((f.modrm & 7) | (f.rex_b() ? 8 : 0));
    // Moves to and from control and debug registers take mod for 3, whatever it says.
    if (f.map == Map::k0F && !f.vex && f.opcode >= 0x20 && f.opcode <= 0x23) f.mod = 3;
    if (f.mod == 3) return;
    unsigned size = kModrm.of[f.modrm];
    if (size & kSib) {
        f.has_sib = true;
        f.sib = cursor.take();
        size = f.mod == 0 && (f.sib & 7) == 5 ? 4 : size & ~unsigned{kSib};
    }
    f.displacement_at = static_cast<u8>(cursor.at);
    f.displacement_size = static_cast<u8>(size);
    cursor.at += size;
}

i64 sign_extended(const u8* bytes, unsigned size) {
    u64 value = 0;
    std::memcpy(&value, bytes, size);
    if (size == 0 || size == 8) return static_cast<i64>(value);
    const unsigned unused = 64 - 8 * size;
    return static_cast<i64>(value << unused) >> unused;
}

}  // namespace

i64 Fields::displacement() const {
    return sign_extended(bytes + displacement_at, displacement_size);
}
i64 Fields::signed_immediate() const {
    return sign_extended(bytes + immediate_at, immediate_size);
}
u64 Fields::immediate() const {
    u64 value = 0;
    std::memcpy(&value, bytes + immediate_at, immediate_size);
    return value;
}

Split split_fields(std::span<const u8> bytes, Fields& f) {
    f = Fields{};
    Cursor cursor(bytes);
    const u8 byte = take_prefixes(cursor, f);
    if (cursor.beyond()) return cursor.too_short();
    if (byte == 0x62) return Split::kInvalid;  // EVEX
    if (byte == 0xc4 || byte == 0xc5) {
        if (f.rex || f.operand16 || f.repeat || f.lock) return Split::kInvalid;
        const bool good = take_vex(cursor, f, byte);
        if (cursor.beyond()) return cursor.too_short();
        if (!good) return Split::kInvalid;
    } else {
        take_escapes(cursor, f, byte);
        if (cursor.beyond()) return cursor.too_short();
    }
    f.opcode_at = static_cast<u8>(cursor.at - 1);
    const Tail& tail = kTails.of[f.vex][static_cast<u8>(f.map)][f.opcode];
    if (!tail.valid) return Split::kInvalid;
    f.has_modrm = tail.modrm;
    if (f.has_modrm) take_modrm(cursor, f);
    f.immediate_at = static_cast<u8>(cursor.at);
    f.immediate_size = static_cast<u8>(size_of(tail.immediate, f));
    cursor.at += f.immediate_size;
    if (cursor.beyond()) return cursor.too_short();
    f.length = static_cast<u8>(cursor.at);
    std::memcpy(f.bytes, cursor.bytes, sizeof f.bytes);
    return Split::kComplete;
}

}  // namespace emu
