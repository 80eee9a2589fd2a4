// The P* family of SSE2 on XMM registers. SDM Vol. 2B. The bodies are the compiler's intrinsics of the same
// instructions.
#include <array>

#include "emu/insn/chapters.h"
#include "emu/insn/vector_forms.h"

namespace emu::insn {
namespace {

/// Shifts by an immediate, groups 12 to 14: r/m is the destination. Counts past the element's width work as
/// the manual says (zero, or copies of the sign), because the intrinsics take the count in a register.
template <auto op>
struct ShiftImmediate {
    static Exit run(Cpu& c, const Insn* i) {
        set_xmm(c, i->dst, op(xmm(c, i->dst), _mm_cvtsi32_si128(i->aux)));
        return next(c, i);
    }
};

template <auto op>
bool shift_immediate(const Fields& f, Insn& out) {
    out.dst = f.rm;
    out.aux = static_cast<u8>(f.immediate());
    out.run = &ShiftImmediate<op>::run;
    return true;
}

/// PSLLDQ and PSRLDQ count bytes, and the host wants its count in the instruction: a handler for each.
template <bool left, int count>
struct ShiftBytes {
    static Exit run(Cpu& c, const Insn* i) {
        const Xmm value = xmm(c, i->dst);
        set_xmm(c, i->dst, left ? _mm_slli_si128(value, count) : _mm_srli_si128(value, count));
        return next(c, i);
    }
};

template <bool left, int... counts>
constexpr std::array<Handler, sizeof...(counts)> byte_shifts(std::integer_sequence<int, counts...>) {
    return {&ShiftBytes<left, counts>::run...};
}

template <bool left>
bool shift_bytes(const Fields& f, Insn& out) {
    static constexpr auto kHandlers = byte_shifts<left>(std::make_integer_sequence<int, 17>());
    out.dst = f.rm;
    out.run = kHandlers[f.immediate() < 16 ? f.immediate() : 16];
    return true;
}

/// PXOR of a register with itself: the usual way to zero one.
struct Zero {
    static Exit run(Cpu& c, const Insn* i) {
        set_xmm(c, i->dst, _mm_setzero_si128());
        return next(c, i);
    }
};

bool pxor(const Fields& f, Insn& out) {
    vector_op<[](Xmm a, Xmm b) { return _mm_xor_si128(a, b); }>(f, out);
    if (!f.memory() && f.reg == f.rm) out.run = &Zero::run;
    return true;
}

constexpr OpcodeRow row66(const char* name, u8 opcode, Build build) {
    return row(name, Prefix::k66, opcode, build);
}
constexpr OpcodeRow shift(const char* name, u8 opcode, i8 extension, Build build) {
    return row(name, Prefix::k66, opcode, build, Operand::kRegister, extension);
}

}  // namespace

Rows sse_integer() {
    static constexpr OpcodeRow kRows[] = {
        row66("punpcklbw", 0x60, vector_op<[](Xmm a, Xmm b) { return _mm_unpacklo_epi8(a, b); }>),
        row66("punpcklwd", 0x61, vector_op<[](Xmm a, Xmm b) { return _mm_unpacklo_epi16(a, b); }>),
        row66("punpckldq", 0x62, vector_op<[](Xmm a, Xmm b) { return _mm_unpacklo_epi32(a, b); }>),
        row66("packsswb", 0x63, vector_op<[](Xmm a, Xmm b) { return _mm_packs_epi16(a, b); }>),
        row66("pcmpgtb", 0x64, vector_op<[](Xmm a, Xmm b) { return _mm_cmpgt_epi8(a, b); }>),
        row66("pcmpgtw", 0x65, vector_op<[](Xmm a, Xmm b) { return _mm_cmpgt_epi16(a, b); }>),
        row66("pcmpgtd", 0x66, vector_op<[](Xmm a, Xmm b) { return _mm_cmpgt_epi32(a, b); }>),
        row66("packuswb", 0x67, vector_op<[](Xmm a, Xmm b) { return _mm_packus_epi16(a, b); }>),
        row66("punpckhbw", 0x68, vector_op<[](Xmm a, Xmm b) { return _mm_unpackhi_epi8(a, b); }>),
        row66("punpckhwd", 0x69, vector_op<[](Xmm a, Xmm b) { return _mm_unpackhi_epi16(a, b); }>),
        row66("punpckhdq", 0x6a, vector_op<[](Xmm a, Xmm b) { return _mm_unpackhi_epi32(a, b); }>),
        row66("packssdw", 0x6b, vector_op<[](Xmm a, Xmm b) { return _mm_packs_epi32(a, b); }>),
        row66("punpcklqdq", 0x6c, vector_op<[](Xmm a, Xmm b) { return _mm_unpacklo_epi64(a, b); }>),
        row66("punpckhqdq", 0x6d, vector_op<[](Xmm a, Xmm b) { return _mm_unpackhi_epi64(a, b); }>),
        shift("psrlw", 0x71, 2, shift_immediate<[](Xmm a, Xmm n) { return _mm_srl_epi16(a, n); }>),
        shift("psraw", 0x71, 4, shift_immediate<[](Xmm a, Xmm n) { return _mm_sra_epi16(a, n); }>),
        shift("psllw", 0x71, 6, shift_immediate<[](Xmm a, Xmm n) { return _mm_sll_epi16(a, n); }>),
        shift("psrld", 0x72, 2, shift_immediate<[](Xmm a, Xmm n) { return _mm_srl_epi32(a, n); }>),
        shift("psrad", 0x72, 4, shift_immediate<[](Xmm a, Xmm n) { return _mm_sra_epi32(a, n); }>),
        shift("pslld", 0x72, 6, shift_immediate<[](Xmm a, Xmm n) { return _mm_sll_epi32(a, n); }>),
        shift("psrlq", 0x73, 2, shift_immediate<[](Xmm a, Xmm n) { return _mm_srl_epi64(a, n); }>),
        shift("psrldq", 0x73, 3, shift_bytes<false>),
        shift("psllq", 0x73, 6, shift_immediate<[](Xmm a, Xmm n) { return _mm_sll_epi64(a, n); }>),
        shift("pslldq", 0x73, 7, shift_bytes<true>),
        row66("pcmpeqb", 0x74, vector_op<[](Xmm a, Xmm b) { return _mm_cmpeq_epi8(a, b); }>),
        row66("pcmpeqw", 0x75, vector_op<[](Xmm a, Xmm b) { return _mm_cmpeq_epi16(a, b); }>),
        row66("pcmpeqd", 0x76, vector_op<[](Xmm a, Xmm b) { return _mm_cmpeq_epi32(a, b); }>),
        row66("psrlw", 0xd1, vector_op<[](Xmm a, Xmm b) { return _mm_srl_epi16(a, b); }>),
        row66("psrld", 0xd2, vector_op<[](Xmm a, Xmm b) { return _mm_srl_epi32(a, b); }>),
        row66("psrlq", 0xd3, vector_op<[](Xmm a, Xmm b) { return _mm_srl_epi64(a, b); }>),
        row66("paddq", 0xd4, vector_op<[](Xmm a, Xmm b) { return _mm_add_epi64(a, b); }>),
        row66("pmullw", 0xd5, vector_op<[](Xmm a, Xmm b) { return _mm_mullo_epi16(a, b); }>),
        row66("psubusb", 0xd8, vector_op<[](Xmm a, Xmm b) { return _mm_subs_epu8(a, b); }>),
        row66("psubusw", 0xd9, vector_op<[](Xmm a, Xmm b) { return _mm_subs_epu16(a, b); }>),
        row66("pminub", 0xda, vector_op<[](Xmm a, Xmm b) { return _mm_min_epu8(a, b); }>),
        row66("pand", 0xdb, vector_op<[](Xmm a, Xmm b) { return _mm_and_si128(a, b); }>),
        row66("paddusb", 0xdc, vector_op<[](Xmm a, Xmm b) { return _mm_adds_epu8(a, b); }>),
        row66("paddusw", 0xdd, vector_op<[](Xmm a, Xmm b) { return _mm_adds_epu16(a, b); }>),
        row66("pmaxub", 0xde, vector_op<[](Xmm a, Xmm b) { return _mm_max_epu8(a, b); }>),
        row66("pandn", 0xdf, vector_op<[](Xmm a, Xmm b) { return _mm_andnot_si128(a, b); }>),
        row66("pavgb", 0xe0, vector_op<[](Xmm a, Xmm b) { return _mm_avg_epu8(a, b); }>),
        row66("psraw", 0xe1, vector_op<[](Xmm a, Xmm b) { return _mm_sra_epi16(a, b); }>),
        row66("psrad", 0xe2, vector_op<[](Xmm a, Xmm b) { return _mm_sra_epi32(a, b); }>),
        row66("pavgw", 0xe3, vector_op<[](Xmm a, Xmm b) { return _mm_avg_epu16(a, b); }>),
        row66("pmulhuw", 0xe4, vector_op<[](Xmm a, Xmm b) { return _mm_mulhi_epu16(a, b); }>),
        row66("pmulhw", 0xe5, vector_op<[](Xmm a, Xmm b) { return _mm_mulhi_epi16(a, b); }>),
        row66("psubsb", 0xe8, vector_op<[](Xmm a, Xmm b) { return _mm_subs_epi8(a, b); }>),
        row66("psubsw", 0xe9, vector_op<[](Xmm a, Xmm b) { return _mm_subs_epi16(a, b); }>),
        row66("pminsw", 0xea, vector_op<[](Xmm a, Xmm b) { return _mm_min_epi16(a, b); }>),
        row66("por", 0xeb, vector_op<[](Xmm a, Xmm b) { return _mm_or_si128(a, b); }>),
        row66("paddsb", 0xec, vector_op<[](Xmm a, Xmm b) { return _mm_adds_epi8(a, b); }>),
        row66("paddsw", 0xed, vector_op<[](Xmm a, Xmm b) { return _mm_adds_epi16(a, b); }>),
        row66("pmaxsw", 0xee, vector_op<[](Xmm a, Xmm b) { return _mm_max_epi16(a, b); }>),
        row66("pxor", 0xef, pxor),
        row66("psllw", 0xf1, vector_op<[](Xmm a, Xmm b) { return _mm_sll_epi16(a, b); }>),
        row66("pslld", 0xf2, vector_op<[](Xmm a, Xmm b) { return _mm_sll_epi32(a, b); }>),
        row66("psllq", 0xf3, vector_op<[](Xmm a, Xmm b) { return _mm_sll_epi64(a, b); }>),
        row66("pmuludq", 0xf4, vector_op<[](Xmm a, Xmm b) { return _mm_mul_epu32(a, b); }>),
        row66("pmaddwd", 0xf5, vector_op<[](Xmm a, Xmm b) { return _mm_madd_epi16(a, b); }>),
        row66("psadbw", 0xf6, vector_op<[](Xmm a, Xmm b) { return _mm_sad_epu8(a, b); }>),
        row66("psubb", 0xf8, vector_op<[](Xmm a, Xmm b) { return _mm_sub_epi8(a, b); }>),
        row66("psubw", 0xf9, vector_op<[](Xmm a, Xmm b) { return _mm_sub_epi16(a, b); }>),
        row66("psubd", 0xfa, vector_op<[](Xmm a, Xmm b) { return _mm_sub_epi32(a, b); }>),
        row66("psubq", 0xfb, vector_op<[](Xmm a, Xmm b) { return _mm_sub_epi64(a, b); }>),
        row66("paddb", 0xfc, vector_op<[](Xmm a, Xmm b) { return _mm_add_epi8(a, b); }>),
        row66("paddw", 0xfd, vector_op<[](Xmm a, Xmm b) { return _mm_add_epi16(a, b); }>),
        row66("paddd", 0xfe, vector_op<[](Xmm a, Xmm b) { return _mm_add_epi32(a, b); }>),
    };
    return kRows;
}

}  // namespace emu::insn
