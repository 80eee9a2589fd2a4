// MMX: the P* family on MMX registers, those that SSE and SSE2 added included. SDM Vol. 2. Moves and
// conversions are in mmx_move.cpp.
#include "emu/insn/mmx.h"

#include "emu/insn/chapters.h"

namespace emu::insn {
namespace {

/// Shifts by an immediate, groups 12 to 14: r/m is the destination.
template <auto op>
struct ShiftImmediate {
    static Exit run(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        enter_mmx(c);
        set_mm(c, i->dst, op(mm(c, i->dst), _mm_cvtsi32_si128(i->aux)));
        return next(c, i);
    }
};

template <auto op>
bool shift_immediate(const Fields& f, Insn& out) {
    out.dst = mmx_number(f.rm);
    out.aux = static_cast<u8>(f.immediate());
    out.run = &ShiftImmediate<op>::run;
    return true;
}

/// Both halves of a packed result come from 64 bits each.
constexpr auto kPacksswb = [](Xmm a, Xmm b) { return _mm_packs_epi16(_mm_unpacklo_epi64(a, b), a); };
constexpr auto kPackssdw = [](Xmm a, Xmm b) { return _mm_packs_epi32(_mm_unpacklo_epi64(a, b), a); };
constexpr auto kPackuswb = [](Xmm a, Xmm b) { return _mm_packus_epi16(_mm_unpacklo_epi64(a, b), a); };

/// The high half of what the low halves give when interleaved.
constexpr auto kPunpckhbw = [](Xmm a, Xmm b) { return _mm_srli_si128(_mm_unpacklo_epi8(a, b), 8); };
constexpr auto kPunpckhwd = [](Xmm a, Xmm b) { return _mm_srli_si128(_mm_unpacklo_epi16(a, b), 8); };
constexpr auto kPunpckhdq = [](Xmm a, Xmm b) { return _mm_srli_si128(_mm_unpacklo_epi32(a, b), 8); };

constexpr OpcodeRow plain(const char* name, u8 opcode, Build build, Operand operand = Operand::kAny) {
    return row(name, Prefix::kNone, opcode, build, operand);
}
constexpr OpcodeRow shift(const char* name, u8 opcode, i8 extension, Build build) {
    return row(name, Prefix::kNone, opcode, build, Operand::kRegister, extension);
}

}  // namespace

Rows mmx() {
    constexpr auto k66 = Prefix::k66, kF3 = Prefix::kF3, kF2 = Prefix::kF2;
    constexpr auto kMemory = Operand::kMemory, kRegister = Operand::kRegister;
    static constexpr OpcodeRow kRows[] = {
        plain("cvtpi2ps", 0x2a, cvtpi2ps),
        row("cvtpi2pd", k66, 0x2a, cvtpi2pd),
        plain("cvttps2pi", 0x2c, cvttps2pi),
        row("cvttpd2pi", k66, 0x2c, cvttpd2pi),
        plain("cvtps2pi", 0x2d, cvtps2pi),
        row("cvtpd2pi", k66, 0x2d, cvtpd2pi),
        plain("punpcklbw", 0x60, mmx_op<[](Xmm a, Xmm b) { return _mm_unpacklo_epi8(a, b); }, 4>),
        plain("punpcklwd", 0x61, mmx_op<[](Xmm a, Xmm b) { return _mm_unpacklo_epi16(a, b); }, 4>),
        plain("punpckldq", 0x62, mmx_op<[](Xmm a, Xmm b) { return _mm_unpacklo_epi32(a, b); }, 4>),
        plain("packsswb", 0x63, mmx_op<kPacksswb>),
        plain("pcmpgtb", 0x64, mmx_op<[](Xmm a, Xmm b) { return _mm_cmpgt_epi8(a, b); }>),
        plain("pcmpgtw", 0x65, mmx_op<[](Xmm a, Xmm b) { return _mm_cmpgt_epi16(a, b); }>),
        plain("pcmpgtd", 0x66, mmx_op<[](Xmm a, Xmm b) { return _mm_cmpgt_epi32(a, b); }>),
        plain("packuswb", 0x67, mmx_op<kPackuswb>),
        plain("punpckhbw", 0x68, mmx_op<kPunpckhbw>),
        plain("punpckhwd", 0x69, mmx_op<kPunpckhwd>),
        plain("punpckhdq", 0x6a, mmx_op<kPunpckhdq>),
        plain("packssdw", 0x6b, mmx_op<kPackssdw>),
        plain("movd", 0x6e, movd_to_mm),
        plain("movq", 0x6f, mmx_op<[](Xmm b) { return b; }>),
        plain("pshufw", 0x70, pshufw),
        shift("psrlw", 0x71, 2, shift_immediate<[](Xmm a, Xmm n) { return _mm_srl_epi16(a, n); }>),
        shift("psraw", 0x71, 4, shift_immediate<[](Xmm a, Xmm n) { return _mm_sra_epi16(a, n); }>),
        shift("psllw", 0x71, 6, shift_immediate<[](Xmm a, Xmm n) { return _mm_sll_epi16(a, n); }>),
        shift("psrld", 0x72, 2, shift_immediate<[](Xmm a, Xmm n) { return _mm_srl_epi32(a, n); }>),
        shift("psrad", 0x72, 4, shift_immediate<[](Xmm a, Xmm n) { return _mm_sra_epi32(a, n); }>),
        shift("pslld", 0x72, 6, shift_immediate<[](Xmm a, Xmm n) { return _mm_sll_epi32(a, n); }>),
        shift("psrlq", 0x73, 2, shift_immediate<[](Xmm a, Xmm n) { return _mm_srl_epi64(a, n); }>),
        shift("psllq", 0x73, 6, shift_immediate<[](Xmm a, Xmm n) { return _mm_sll_epi64(a, n); }>),
        plain("pcmpeqb", 0x74, mmx_op<[](Xmm a, Xmm b) { return _mm_cmpeq_epi8(a, b); }>),
        plain("pcmpeqw", 0x75, mmx_op<[](Xmm a, Xmm b) { return _mm_cmpeq_epi16(a, b); }>),
        plain("pcmpeqd", 0x76, mmx_op<[](Xmm a, Xmm b) { return _mm_cmpeq_epi32(a, b); }>),
        plain("emms", 0x77, emms),
        plain("movd", 0x7e, movd_from_mm),
        plain("movq", 0x7f, movq_from_mm),
        plain("pinsrw", 0xc4, pinsrw_mm),
        plain("pextrw", 0xc5, pextrw_mm, kRegister),
        plain("psrlw", 0xd1, mmx_op<[](Xmm a, Xmm b) { return _mm_srl_epi16(a, b); }>),
        plain("psrld", 0xd2, mmx_op<[](Xmm a, Xmm b) { return _mm_srl_epi32(a, b); }>),
        plain("psrlq", 0xd3, mmx_op<[](Xmm a, Xmm b) { return _mm_srl_epi64(a, b); }>),
        plain("paddq", 0xd4, mmx_op<[](Xmm a, Xmm b) { return _mm_add_epi64(a, b); }>),
        plain("pmullw", 0xd5, mmx_op<[](Xmm a, Xmm b) { return _mm_mullo_epi16(a, b); }>),
        row("movq2dq", kF3, 0xd6, movq2dq, kRegister),
        row("movdq2q", kF2, 0xd6, movdq2q, kRegister),
        plain("pmovmskb", 0xd7, pmovmskb_mm, kRegister),
        plain("psubusb", 0xd8, mmx_op<[](Xmm a, Xmm b) { return _mm_subs_epu8(a, b); }>),
        plain("psubusw", 0xd9, mmx_op<[](Xmm a, Xmm b) { return _mm_subs_epu16(a, b); }>),
        plain("pminub", 0xda, mmx_op<[](Xmm a, Xmm b) { return _mm_min_epu8(a, b); }>),
        plain("pand", 0xdb, mmx_op<[](Xmm a, Xmm b) { return _mm_and_si128(a, b); }>),
        plain("paddusb", 0xdc, mmx_op<[](Xmm a, Xmm b) { return _mm_adds_epu8(a, b); }>),
        plain("paddusw", 0xdd, mmx_op<[](Xmm a, Xmm b) { return _mm_adds_epu16(a, b); }>),
        plain("pmaxub", 0xde, mmx_op<[](Xmm a, Xmm b) { return _mm_max_epu8(a, b); }>),
        plain("pandn", 0xdf, mmx_op<[](Xmm a, Xmm b) { return _mm_andnot_si128(a, b); }>),
        plain("pavgb", 0xe0, mmx_op<[](Xmm a, Xmm b) { return _mm_avg_epu8(a, b); }>),
        plain("psraw", 0xe1, mmx_op<[](Xmm a, Xmm b) { return _mm_sra_epi16(a, b); }>),
        plain("psrad", 0xe2, mmx_op<[](Xmm a, Xmm b) { return _mm_sra_epi32(a, b); }>),
        plain("pavgw", 0xe3, mmx_op<[](Xmm a, Xmm b) { return _mm_avg_epu16(a, b); }>),
        plain("pmulhuw", 0xe4, mmx_op<[](Xmm a, Xmm b) { return _mm_mulhi_epu16(a, b); }>),
        plain("pmulhw", 0xe5, mmx_op<[](Xmm a, Xmm b) { return _mm_mulhi_epi16(a, b); }>),
        plain("movntq", 0xe7, movntq, kMemory),
        plain("psubsb", 0xe8, mmx_op<[](Xmm a, Xmm b) { return _mm_subs_epi8(a, b); }>),
        plain("psubsw", 0xe9, mmx_op<[](Xmm a, Xmm b) { return _mm_subs_epi16(a, b); }>),
        plain("pminsw", 0xea, mmx_op<[](Xmm a, Xmm b) { return _mm_min_epi16(a, b); }>),
        plain("por", 0xeb, mmx_op<[](Xmm a, Xmm b) { return _mm_or_si128(a, b); }>),
        plain("paddsb", 0xec, mmx_op<[](Xmm a, Xmm b) { return _mm_adds_epi8(a, b); }>),
        plain("paddsw", 0xed, mmx_op<[](Xmm a, Xmm b) { return _mm_adds_epi16(a, b); }>),
        plain("pmaxsw", 0xee, mmx_op<[](Xmm a, Xmm b) { return _mm_max_epi16(a, b); }>),
        plain("pxor", 0xef, mmx_op<[](Xmm a, Xmm b) { return _mm_xor_si128(a, b); }>),
        plain("psllw", 0xf1, mmx_op<[](Xmm a, Xmm b) { return _mm_sll_epi16(a, b); }>),
        plain("pslld", 0xf2, mmx_op<[](Xmm a, Xmm b) { return _mm_sll_epi32(a, b); }>),
        plain("psllq", 0xf3, mmx_op<[](Xmm a, Xmm b) { return _mm_sll_epi64(a, b); }>),
        plain("pmuludq", 0xf4, mmx_op<[](Xmm a, Xmm b) { return _mm_mul_epu32(a, b); }>),
        plain("pmaddwd", 0xf5, mmx_op<[](Xmm a, Xmm b) { return _mm_madd_epi16(a, b); }>),
        plain("psadbw", 0xf6, mmx_op<[](Xmm a, Xmm b) { return _mm_sad_epu8(a, b); }>),
        plain("maskmovq", 0xf7, maskmovq, kRegister),
        plain("psubb", 0xf8, mmx_op<[](Xmm a, Xmm b) { return _mm_sub_epi8(a, b); }>),
        plain("psubw", 0xf9, mmx_op<[](Xmm a, Xmm b) { return _mm_sub_epi16(a, b); }>),
        plain("psubd", 0xfa, mmx_op<[](Xmm a, Xmm b) { return _mm_sub_epi32(a, b); }>),
        plain("psubq", 0xfb, mmx_op<[](Xmm a, Xmm b) { return _mm_sub_epi64(a, b); }>),
        plain("paddb", 0xfc, mmx_op<[](Xmm a, Xmm b) { return _mm_add_epi8(a, b); }>),
        plain("paddw", 0xfd, mmx_op<[](Xmm a, Xmm b) { return _mm_add_epi16(a, b); }>),
        plain("paddd", 0xfe, mmx_op<[](Xmm a, Xmm b) { return _mm_add_epi32(a, b); }>),
    };
    return kRows;
}

}  // namespace emu::insn
