#include "emu/insn/fields.h"

#include <cstring>

#include "emu/insn/encoding.h"

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
