// SSSE3 on XMM and MMX registers (PALIGNR of XMM registers is in sse_shuffle.cpp). SDM Vol. 2B. The bodies
// are the host's instructions: a host without SSSE3 does not offer it (feature.h).
#include "emu/insn/chapters.h"
#include "emu/insn/mmx.h"

namespace emu::insn {
namespace {

constexpr auto kPshufb = [](Xmm a, Xmm b) {
    asm("pshufb %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPhaddw = [](Xmm a, Xmm b) {
    asm("phaddw %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPhaddd = [](Xmm a, Xmm b) {
    asm("phaddd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPhaddsw = [](Xmm a, Xmm b) {
    asm("phaddsw %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPmaddubsw = [](Xmm a, Xmm b) {
    asm("pmaddubsw %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPhsubw = [](Xmm a, Xmm b) {
    asm("phsubw %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPhsubd = [](Xmm a, Xmm b) {
    asm("phsubd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPhsubsw = [](Xmm a, Xmm b) {
    asm("phsubsw %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPsignb = [](Xmm a, Xmm b) {
    asm("psignb %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPsignw = [](Xmm a, Xmm b) {
    asm("psignw %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPsignd = [](Xmm a, Xmm b) {
    asm("psignd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPmulhrsw = [](Xmm a, Xmm b) {
    asm("pmulhrsw %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPabsb = [](Xmm b) {
    asm("pabsb %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPabsw = [](Xmm b) {
    asm("pabsw %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPabsd = [](Xmm b) {
    asm("pabsd %0, %0" : "+x"(b));
    return b;
};

// On MMX registers: indices have three bits, and pairs come from 64 bits each.

constexpr auto kPshufbMm = [](Xmm a, Xmm b) { return kPshufb(a, _mm_and_si128(b, _mm_set1_epi8(-0x79))); };
template <auto op>
constexpr auto kPairsMm = [](Xmm a, Xmm b) { return op(_mm_unpacklo_epi64(a, b), a); };

/// Bytes n .. n + 7 of `a` above `b`.
constexpr auto kPalignrMm = [](Xmm low_a, Xmm low_b, u8 n) {
    const u64 a = static_cast<u64>(_mm_cvtsi128_si64(low_a)), b = static_cast<u64>(_mm_cvtsi128_si64(low_b));
    const unsigned bits = 8u * n;
    const u64 bytes = bits == 0    ? b
                      : bits < 64  ? b >> bits | a << (64 - bits)
                      : bits < 128 ? a >> (bits - 64)
                                   : 0;
    return _mm_cvtsi64_si128(static_cast<i64>(bytes));
};

constexpr OpcodeRow xmm_row(const char* name, u8 opcode, Build build) {
    return row38(Feature::kSsse3, name, Prefix::k66, opcode, build);
}
constexpr OpcodeRow mm_row(const char* name, u8 opcode, Build build) {
    return row38(Feature::kSsse3, name, Prefix::kNone, opcode, build);
}

}  // namespace

Rows ssse3() {
    static constexpr OpcodeRow kRows[] = {
        xmm_row("pshufb", 0x00, vector_op<kPshufb>),
        xmm_row("phaddw", 0x01, vector_op<kPhaddw>),
        xmm_row("phaddd", 0x02, vector_op<kPhaddd>),
        xmm_row("phaddsw", 0x03, vector_op<kPhaddsw>),
        xmm_row("pmaddubsw", 0x04, vector_op<kPmaddubsw>),
        xmm_row("phsubw", 0x05, vector_op<kPhsubw>),
        xmm_row("phsubd", 0x06, vector_op<kPhsubd>),
        xmm_row("phsubsw", 0x07, vector_op<kPhsubsw>),
        xmm_row("psignb", 0x08, vector_op<kPsignb>),
        xmm_row("psignw", 0x09, vector_op<kPsignw>),
        xmm_row("psignd", 0x0a, vector_op<kPsignd>),
        xmm_row("pmulhrsw", 0x0b, vector_op<kPmulhrsw>),
        xmm_row("pabsb", 0x1c, vector_op<kPabsb>),
        xmm_row("pabsw", 0x1d, vector_op<kPabsw>),
        xmm_row("pabsd", 0x1e, vector_op<kPabsd>),
        mm_row("pshufb", 0x00, mmx_op<kPshufbMm>),
        mm_row("phaddw", 0x01, mmx_op<kPairsMm<kPhaddw>>),
        mm_row("phaddd", 0x02, mmx_op<kPairsMm<kPhaddd>>),
        mm_row("phaddsw", 0x03, mmx_op<kPairsMm<kPhaddsw>>),
        mm_row("pmaddubsw", 0x04, mmx_op<kPmaddubsw>),
        mm_row("phsubw", 0x05, mmx_op<kPairsMm<kPhsubw>>),
        mm_row("phsubd", 0x06, mmx_op<kPairsMm<kPhsubd>>),
        mm_row("phsubsw", 0x07, mmx_op<kPairsMm<kPhsubsw>>),
        mm_row("psignb", 0x08, mmx_op<kPsignb>),
        mm_row("psignw", 0x09, mmx_op<kPsignw>),
        mm_row("psignd", 0x0a, mmx_op<kPsignd>),
        mm_row("pmulhrsw", 0x0b, mmx_op<kPmulhrsw>),
        mm_row("pabsb", 0x1c, mmx_op<kPabsb>),
        mm_row("pabsw", 0x1d, mmx_op<kPabsw>),
        mm_row("pabsd", 0x1e, mmx_op<kPabsd>),
        row3a(Feature::kSsse3, "palignr", Prefix::kNone, 0x0f, mmx_op<kPalignrMm>),
    };
    return kRows;
}

}  // namespace emu::insn
