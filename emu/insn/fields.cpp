#include "emu/insn/fields.h"

#include <cstring>

namespace emu {
namespace {

/// Reads bytes one by one and remembers why it could not.
class Cursor {
  public:
    explicit Cursor(std::span<const u8> bytes)
        : bytes_(bytes.data()),
          limit_(bytes.size() < Fields::kMaxLength ? static_cast<unsigned>(bytes.size())
                                                   : Fields::kMaxLength) {}

    /// How many were read or skipped.
    u8 at() const { return static_cast<u8>(at_); }
    bool take(u8& out) {
        if (at_ >= limit_) return fail_short();
        out = bytes_[at_++];
        return true;
    }
    bool skip(unsigned count) {
        if (at_ + count > limit_) return fail_short();
        at_ += count;
        return true;
    }
    bool fail(Split why) {
        why_ = why;
        return false;
    }
    Split why() const { return why_; }

  private:
    bool fail_short() { return fail(limit_ == Fields::kMaxLength ? Split::kTooLong : Split::kNeedMore); }

    const u8* bytes_;
    unsigned at_ = 0, limit_;
    Split why_ = Split::kComplete;
};

bool take_prefixes(Cursor& cursor, Fields& f, u8& byte) {
    for (;;) {
        if (!cursor.take(byte)) return false;
        switch (byte) {
            case 0xf0:
                f.lock = true;
                break;
            case 0xf2:
            case 0xf3:
                f.repeat = byte;
                break;
            case 0x66:
                f.operand16 = true;
                break;
            case 0x67:
                f.address32 = true;
                break;
            case 0x64:
            case 0x65:
                f.segment = byte;
                break;
            case 0x26:
            case 0x2e:
            case 0x36:
            case 0x3e:
                break;  // no effect on addresses in 64-bit mode, and they do not undo FS or GS
            default:
                if ((byte & 0xf0) != 0x40) return true;
                f.rex = byte;  // counts only right before the opcode
                continue;
        }
        f.rex = 0;
    }
}

/// VEX takes the places of REX, of the mandatory prefix and of the escape bytes.
bool take_vex(Cursor& cursor, Fields& f, u8 first) {
    u8 p1 = 0, p2 = 0;
    if (f.rex || f.operand16 || f.repeat || f.lock) return cursor.fail(Split::kInvalid);
    if (!cursor.take(p1)) return false;
    if (first == 0xc4) {
        if (!cursor.take(p2)) return false;
        const u8 map = p1 & 31;
        if (map < 1 || map > 3) return cursor.fail(Split::kInvalid);
        f.map = static_cast<Map>(map);
        f.rex = static_cast<u8>(0x40 | (p2 & 0x80 ? 8 : 0) | (~p1 >> 5 & 7));
    } else {
        p2 = p1;
        f.map = Map::k0F;
        f.rex = static_cast<u8>(0x40 | (p1 & 0x80 ? 0 : 4));
    }
    f.vex = true;
    f.vex_vvvv = (~p2 >> 3) & 15;
    f.vex_l = (p2 >> 2) & 1;
    f.vex_pp = p2 & 3;
    f.opcode_at = cursor.at();
    return cursor.take(f.opcode);
}

bool take_opcode(Cursor& cursor, Fields& f, u8 byte) {
    if (byte == 0xc4 || byte == 0xc5) return take_vex(cursor, f, byte);
    if (byte == 0x62) return cursor.fail(Split::kInvalid);  // EVEX
    f.map = Map::kOne;
    if (byte == 0x0f) {
        if (!cursor.take(byte)) return false;
        f.map = Map::k0F;
        if (byte == 0x38 || byte == 0x3a) {
            f.map = byte == 0x38 ? Map::k0F38 : Map::k0F3A;
            if (!cursor.take(byte)) return false;
        }
    }
    f.opcode = byte;
    f.opcode_at = static_cast<u8>(cursor.at() - 1);
    return true;
}

bool invalid_in_64_bit_mode(u8 op) {
    if (op < 0x40) return (op & 7) == 6 || (op & 7) == 7;
    return op == 0x60 || op == 0x61 || op == 0x82 || op == 0x9a || op == 0xce || op == 0xd4 || op == 0xd5 ||
           op == 0xd6 || op == 0xea;
}

bool has_modrm(Map map, u8 op) {
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

unsigned immediate_size(const Fields& f) {
    const u8 op = f.opcode;
    const unsigned z = f.width() == 2 ? 2 : 4;
    switch (f.map) {
        case Map::kOne:
            if (op < 0x40) return (op & 7) == 4 ? 1 : (op & 7) == 5 ? z : 0;
            if (op >= 0x70 && op <= 0x7f) return 1;
            if (op >= 0xa0 && op <= 0xa3) return f.address32 ? 4 : 8;
            if (op >= 0xb0 && op <= 0xb7) return 1;
            if (op >= 0xb8 && op <= 0xbf) return f.width();
            if (op >= 0xe0 && op <= 0xe7) return 1;
            switch (op) {
                case 0x68:
                case 0x69:
                case 0x81:
                case 0xa9:
                case 0xc7:
                    return z;
                case 0x6a:
                case 0x6b:
                case 0x80:
                case 0x83:
                case 0xa8:
                case 0xc0:
                case 0xc1:
                case 0xc6:
                case 0xcd:
                case 0xeb:
                    return 1;
                case 0xc2:
                case 0xca:
                    return 2;
                case 0xc8:
                    return 3;
                case 0xe8:
                case 0xe9:
                    return 4;  // 66h does not shorten near branches in 64-bit mode (Intel)
                case 0xf6:
                    return f.modrm_reg() < 2 ? 1 : 0;
                case 0xf7:
                    return f.modrm_reg() < 2 ? z : 0;
                default:
                    return 0;
            }
        case Map::k0F:
            if (!f.vex && op >= 0x80 && op <= 0x8f) return 4;
            if ((op >= 0x70 && op <= 0x73) || op == 0xc2 || op == 0xc4 || op == 0xc5 || op == 0xc6) return 1;
            return !f.vex && (op == 0xa4 || op == 0xac || op == 0xba || op == 0x0f) ? 1 : 0;
        case Map::k0F3A:
            return 1;
        default:
            return 0;
    }
}

bool take_modrm(Cursor& cursor, Fields& f) {
    if (!cursor.take(f.modrm)) return false;
    f.mod = f.modrm >> 6;
    f.reg = static_cast<u8>(f.modrm_reg() | (f.rex_r() ? 8 : 0));
    f.rm = static_cast<u8>((f.modrm & 7) | (f.rex_b() ? 8 : 0));
    // Moves to and from control and debug registers take mod for 3, whatever it says.
    if (f.map == Map::k0F && !f.vex && f.opcode >= 0x20 && f.opcode <= 0x23) f.mod = 3;
    if (f.mod == 3) return true;
    unsigned size = f.mod == 1 ? 1 : f.mod == 2 ? 4 : 0;
    if ((f.modrm & 7) == 4) {
        f.has_sib = true;
        if (!cursor.take(f.sib)) return false;
        if (f.mod == 0 && (f.sib & 7) == 5) size = 4;
    } else if (f.mod == 0 && (f.modrm & 7) == 5) {
        size = 4;
    }
    f.displacement_at = cursor.at();
    f.displacement_size = static_cast<u8>(size);
    return cursor.skip(size);
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
    u8 byte = 0;
    if (!take_prefixes(cursor, f, byte) || !take_opcode(cursor, f, byte)) return cursor.why();
    if (f.map == Map::kOne && invalid_in_64_bit_mode(f.opcode)) return Split::kInvalid;
    f.has_modrm = f.vex ? !(f.map == Map::k0F && f.opcode == 0x77) : has_modrm(f.map, f.opcode);
    if (f.has_modrm && !take_modrm(cursor, f)) return cursor.why();
    f.immediate_at = cursor.at();
    f.immediate_size = static_cast<u8>(immediate_size(f));
    if (!cursor.skip(f.immediate_size)) return cursor.why();
    f.length = cursor.at();
    if (bytes.size() >= sizeof f.bytes)
        std::memcpy(f.bytes, bytes.data(), sizeof f.bytes);  // of one size, so no call
    else
        std::memcpy(f.bytes, bytes.data(), f.length);
    return Split::kComplete;
}

}  // namespace emu
