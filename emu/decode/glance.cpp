#include "emu/decode/glance.h"

namespace emu {

/// The key has the prefix and ModRM whole: a stub is of certain registers (emu/insn/host_stub.h).
Glance Glance::at_vex(const u8* code) {
    Glance g;
    const bool two_bytes = code[0] == 0xc5;
    const u8 first = code[1], last = two_bytes ? first : code[2];
    const unsigned map = two_bytes ? 1 : first & 31;
    if (map < 1 || map > 3) return g;
    unsigned at = two_bytes ? 2 : 3;
    const u8 op = code[at++];
    const Tail& tail = kTails.of[1][map][op];
    if (!tail.modrm) return g;
    g.rex = static_cast<u8>(0x40 | (two_bytes ? ~first >> 5 & 4 : (~first >> 5 & 7) | (last >> 4 & 8)));
    const u8 modrm = code[at++];
    g.key =
        1 | kVex | u64{op} << 8 | u64{modrm} << 16 | u64{code[0]} << 32 | u64{first} << 40 | u64{last} << 48;
    at += g.take_memory(modrm, code[at]);
    g.tail = static_cast<u8>(at);
    if (tail.immediate == Immediate::kByte) {
        g.immediate_size = 1;
        g.key |= u64{code[at + g.displacement_size]} << 24 | kImmediateInKey;
    }
    g.length = static_cast<u8>(at + g.displacement_size + g.immediate_size);
    return g;
}

}  // namespace emu
