// A glance at an instruction's first bytes: what it has in common with others, where its operands are, and
// where the next one begins. Whether the bytes are an
// instruction at all is not asked. As few jumps as can be, because nobody can predict them.
#pragma once

#include <cstring>

#include "emu/insn/encoding.h"
#include "emu/insn/modrm_roles.h"

namespace emu {

/// What an instruction with an opcode consists of.
enum class GlanceKind : u8 {
    kRare,   ///< not kept
    kPlain,  ///< no ModRM
    kWithModrm,
    kWithModrmAndByte,  ///< and an immediate that chooses the handler, or is kept where the handler likes
};
struct GlanceOpcode {
    GlanceKind kind = GlanceKind::kRare;
    Immediate immediate = Immediate::kNone;
    u8 rex = 0;  ///< the bits of REX that matter beside register numbers: W, and that there is one
};
/// By escape byte and opcode.
struct GlanceOpcodes {
    GlanceOpcode of[2][256] = {};
    constexpr GlanceOpcodes() {
        for (unsigned escaped = 0; escaped < 2; ++escaped)
            for (unsigned op = 0; op < 256; ++op) {
                const Map map = escaped ? Map::k0F : Map::kOne;
                of[escaped][op] = {kind_of(map, static_cast<u8>(op)),
                                   kTails.of[0][static_cast<u8>(map)][op].immediate,
                                   sees_rex(map, op) ? u8{0x48} : u8{0x08}};
            }
    }

  private:
    /// It tells SPL to DIL from AH to BH; and MMX's registers have no bit of it.
    static constexpr bool sees_rex(Map map, unsigned op) { return map == Map::k0F || op % 2 == 0; }
    static constexpr GlanceKind kind_of(Map map, u8 op) {
        using enum Immediate;
        const Tail& tail = kTails.of[0][static_cast<u8>(map)][op];
        const bool one = map == Map::kOne;
        if (!tail.valid ||
            (one && (kBefore.of[op] != Before::kOpcode || is_one_of(op, {0x0f, 0x62, 0xc4, 0xc5, 0xcd}))))
            return GlanceKind::kRare;
        if (!one && is_one_of(op, {0x38, 0x3a})) return GlanceKind::kRare;  // further escapes
        if (tail.immediate == kWord || tail.immediate == kThree || tail.immediate == kAddress)
            return GlanceKind::kRare;
        if (tail.immediate == kByte && (!one || op == 0xc0 || op == 0xc1))
            return tail.modrm ? GlanceKind::kWithModrmAndByte : GlanceKind::kRare;
        return tail.modrm ? GlanceKind::kWithModrm : GlanceKind::kPlain;
    }
};
inline constexpr GlanceOpcodes kGlanceOpcodes;

inline constexpr u8 kImmediateSizes[][3] = {{0, 0, 0}, {1, 1, 1}, {2, 2, 2}, {3, 3, 3},
                                            {4, 4, 4}, {2, 4, 4}, {2, 4, 8}};

/// ModRM without register numbers and the displacement's size: a register, a memory operand, or one with RIP.
struct CommonModrm {
    u8 of[3][256] = {};  ///< by role
    constexpr CommonModrm() {
        for (unsigned modrm = 0; modrm < 256; ++modrm) {
            const u8 form = modrm >= 0xc0 ? 0xc0 : (modrm & 0xc7) == 5 ? 5 : 0;
            of[0][modrm] = form;
            of[1][modrm] = static_cast<u8>(form | (modrm & 0x38));
            of[2][modrm] = static_cast<u8>(modrm);
        }
    }
};
inline constexpr CommonModrm kCommonModrm;

struct Glance {
    static constexpr usize kReach = 24;  ///< bytes that at() and Shape::make() read, whatever the length

    /// Equal for instructions that differ in registers (not those of VEX), displacement, immediate and place
    /// alone. 0 for what is rare: LOCK, the maps 0F 38 and 0F 3A, more than two prefixes, immediates that
    /// rows look at.
    u64 key = 0;
    u8 reg = 0, rm = 0, base = 0;  ///< with their REX bits
    u8 sib = 0, rex = 0;
    u8 tail = 0;  ///< where displacement and immediate begin
    u8 displacement_size = 0, immediate_size = 0;
    u8 length = 0;

    static constexpr u64 kNoBase = 4, kIndex = 8;
    static constexpr u64 kImmediateInKey = 16;  ///< the immediate chooses the handler, or is kept elsewhere
    static constexpr u64 kVex = 32;

    static Glance at(const u8* code, const ModrmRoles& roles);

  private:
    static Glance at_vex(const u8* code);

    /// The bytes of SIB, if there is one. Adds to the key what SIB alone can say: no base, or an index.
    unsigned take_memory(u8 modrm, u8 sib_byte) {
        const unsigned says = kModrm.of[modrm];
        const unsigned has_sib = says >> 7;
        const unsigned of_sib = 0 - has_sib;  // a mask
        rm = static_cast<u8>((modrm & 7) | (rex & 1) << 3);
        sib = sib_byte;
        base = static_cast<u8>((((sib ^ modrm) & of_sib & 7) ^ (modrm & 7)) | (rex & 1) << 3);
        const unsigned no_base = has_sib & (modrm < 0x40) & ((sib & 7) == 5);
        const unsigned index = has_sib & (((sib & 0x38) != 0x20) | (rex >> 1));
        displacement_size = static_cast<u8>((says & 7) | no_base << 2);
        key |= no_base * kNoBase | index * kIndex;
        return has_sib;
    }
};

[[gnu::always_inline]] inline Glance Glance::at(const u8* code, const ModrmRoles& roles) {
    u64 rest;
    std::memcpy(&rest, code, 8);
    Glance g;
    unsigned at = 0, width = 1;
    u64 prefixes = 0;
    const auto skip = [&](bool there) {
        rest >>= 8 * there;
        at += there;
    };
    while (kBefore.of[rest & 255] > Before::kRex) {
        if (at == 2 || (rest & 255) == 0xf0) [[unlikely]]
            return g;
        prefixes = prefixes << 8 | (rest & 255);
        width &= (rest & 255) != 0x66;
        skip(true);
    }
    const bool has_rex = (rest & 0xf0) == 0x40;
    g.rex = has_rex ? rest & 255 : 0;
    width = g.rex & 8 ? 2 : width;
    skip(has_rex);
    const bool escaped = (rest & 255) == 0x0f;
    skip(escaped);
    const u8 op = rest & 255;
    const GlanceOpcode opcode = kGlanceOpcodes.of[escaped][op];
    skip(true);
    if (opcode.kind == GlanceKind::kRare) [[unlikely]]
        return at == 1 && (op == 0xc4 || op == 0xc5) ? at_vex(code) : g;
    u64 key = 1 | u64{escaped} << 1 | u64{op} << 8 | prefixes << 48;
    g.immediate_size = opcode.immediate <= Immediate::kOperand
                           ? kImmediateSizes[static_cast<u8>(opcode.immediate)][width]
                           : 0;
    if (opcode.kind == GlanceKind::kPlain) {
        g.rm = static_cast<u8>((op & 7) | (g.rex & 1) << 3);
        key |= u64{g.rex} << 40;
    } else {
        const u8 modrm = rest & 255;
        const ModrmRole role = roles.of(escaped ? Map::k0F : Map::kOne, op);
        key |= u64{kCommonModrm.of[static_cast<u8>(role)][modrm]} << 16;
        key |= u64{role == ModrmRole::kAll ? g.rex : static_cast<u8>(g.rex & opcode.rex)} << 40;
        g.reg = static_cast<u8>((modrm >> 3 & 7) | (g.rex & 4) << 1);
        at += 1 + g.take_memory(modrm, rest >> 8 & 255);
        key |= g.key;
        key |= u64{modrm >= 0xc0 && g.reg == g.rm} << 6;  // some do nothing but clear their register
        if (opcode.immediate > Immediate::kOperand && (modrm & 0x30) == 0)  // TEST of group 3
            g.immediate_size = opcode.immediate == Immediate::kTestByte ? 1 : width == 0 ? 2 : 4;
        if (opcode.kind == GlanceKind::kWithModrmAndByte)
            key |= u64{code[at + g.displacement_size]} << 24 | kImmediateInKey;
    }
    g.tail = static_cast<u8>(at);
    g.length = static_cast<u8>(at + g.displacement_size + g.immediate_size);
    g.key = key;
    return g;
}

}  // namespace emu
