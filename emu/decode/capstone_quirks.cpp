#include "emu/decode/capstone_quirks.h"

#include <cstring>

#include "emu/insn/encoding.h"

namespace emu {
namespace {

bool is_near_branch(const Fields& f) {
    if (f.map != Map::kOne) return is_relative_branch(f);
    return is_relative_branch(f) || f.opcode == 0xc2 || f.opcode == 0xc3 ||
           (f.opcode == 0xff && (f.modrm_reg() == 2 || f.modrm_reg() == 4));
}

/// BMI1 and BMI2: the VEX encodings that work on general registers.
bool is_vex_general(const Fields& f) {
    return (f.map == Map::k0F38 && f.opcode >= 0xf2 && f.opcode <= 0xf7) ||
           (f.map == Map::k0F3A && f.opcode == 0xf0);
}

}  // namespace

unsigned canonical_form(const Fields& f, std::array<u8, 16>& out) {
    unsigned n = 0;
    const bool address_matters = f.map == Map::kOne && f.opcode >= 0xa0 && f.opcode <= 0xa3;
    if (!f.vex) {
        // The 66 of a near branch does nothing in 64-bit mode; Capstone would read a 16-bit displacement.
        if (f.address32 && address_matters) out[n++] = 0x67;
        if (f.operand16 && !is_near_branch(f)) out[n++] = 0x66;
        if (f.repeat && f.map != Map::kOne) out[n++] = f.repeat;
        if (f.rex) out[n++] = f.rex;
    }
    unsigned from = f.opcode_at - (f.map == Map::kOne ? 0 : f.map == Map::k0F ? 1 : 2);
    if (f.vex) {
        // The VEX prefix itself: C5 + 1 byte or C4 + 2 bytes before the opcode.
        from = f.bytes[f.opcode_at - 2] == 0xc5 && f.map == Map::k0F ? f.opcode_at - 2u : f.opcode_at - 3u;
    }
    std::memcpy(out.data() + n, f.bytes + from, f.length - from);
    return n + f.length - from;
}

bool refused_by_capstone(const Fields& f) {
    if (f.map == Map::kOne)
        return (f.opcode == 0x8c || f.opcode == 0x8e) && f.rex_r();  // MOV Sreg: REX.R is ignored
    // Vector rows look at VEX.L, W and vvvv themselves; Capstone is wrong about what is ignored.
    if (f.vex) return !is_vex_general(f);
    if (f.map != Map::k0F) return false;
    if (f.opcode == 0x01 && f.mod == 3 && f.modrm_reg() == 5) return true;  // RDPKRU, WRPKRU
    if (f.opcode >= 0x18 && f.opcode <= 0x1f) return true;  // hint NOPs in register form, RDSSPD/Q
    if (f.opcode == 0x0d) return true;                      // PREFETCHW and its reserved neighbours
    if (f.opcode == 0xff || f.opcode == 0xb9) return true;  // UD0, UD1 with ModRM
    // LFENCE, MFENCE, SFENCE with any r/m.
    return f.opcode == 0xae && f.mod == 3 && f.modrm_reg() >= 5 && !f.repeat && !f.operand16;
}

bool capstone_decides(const Fields& f) {
    if (f.vex) return false;  // rows of vectors look themselves; those of BMI1 and BMI2 agree
    if (f.map == Map::kOne) {
        const bool x87 = f.opcode >= 0xd8 && f.opcode <= 0xdf;
        const bool segment_register = f.opcode == 0x8c || f.opcode == 0x8e;
        return x87 || (segment_register && !f.rex_r());
    }
    return f.map == Map::k0F38 && f.opcode == 0x82;  // INVPCID
}

}  // namespace emu
