// SSE4.1 on integers: minima, products, widening moves, blends, PTEST, insertion and extraction. SDM Vol. 2.
// What has no SSE2 equivalent is the host's instruction: a host without SSE4.1 does not offer it (feature.h).
#include <array>

#include "emu/insn/chapters.h"
#include "emu/insn/elements.h"
#include "emu/insn/vector_forms.h"

namespace emu::insn {
namespace {

constexpr auto kPmuldq = [](Xmm a, Xmm b) {
    asm("pmuldq %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPcmpeqq = [](Xmm a, Xmm b) {
    asm("pcmpeqq %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPackusdw = [](Xmm a, Xmm b) {
    asm("packusdw %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPminsb = [](Xmm a, Xmm b) {
    asm("pminsb %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPminsd = [](Xmm a, Xmm b) {
    asm("pminsd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPminuw = [](Xmm a, Xmm b) {
    asm("pminuw %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPminud = [](Xmm a, Xmm b) {
    asm("pminud %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPmaxsb = [](Xmm a, Xmm b) {
    asm("pmaxsb %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPmaxsd = [](Xmm a, Xmm b) {
    asm("pmaxsd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPmaxuw = [](Xmm a, Xmm b) {
    asm("pmaxuw %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPmaxud = [](Xmm a, Xmm b) {
    asm("pmaxud %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPmulld = [](Xmm a, Xmm b) {
    asm("pmulld %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPcmpgtq = [](Xmm a, Xmm b) {
    asm("pcmpgtq %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kPmovsxbw = [](Xmm b) {
    asm("pmovsxbw %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPmovsxbd = [](Xmm b) {
    asm("pmovsxbd %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPmovsxbq = [](Xmm b) {
    asm("pmovsxbq %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPmovsxwd = [](Xmm b) {
    asm("pmovsxwd %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPmovsxwq = [](Xmm b) {
    asm("pmovsxwq %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPmovsxdq = [](Xmm b) {
    asm("pmovsxdq %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPmovzxbw = [](Xmm b) {
    asm("pmovzxbw %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPmovzxbd = [](Xmm b) {
    asm("pmovzxbd %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPmovzxbq = [](Xmm b) {
    asm("pmovzxbq %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPmovzxwd = [](Xmm b) {
    asm("pmovzxwd %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPmovzxwq = [](Xmm b) {
    asm("pmovzxwq %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPmovzxdq = [](Xmm b) {
    asm("pmovzxdq %0, %0" : "+x"(b));
    return b;
};
constexpr auto kPhminposuw = [](Xmm b) {
    asm("phminposuw %0, %0" : "+x"(b));
    return b;
};

// --- blends: `mask` has all bits set where the second operand is taken ---

[[gnu::always_inline]] inline Xmm blend(Xmm a, Xmm b, Xmm mask) {
    return _mm_or_si128(_mm_andnot_si128(mask, a), _mm_and_si128(mask, b));
}

/// The words that an immediate of PBLENDW selects.
constexpr std::array<std::array<u64, 2>, 256> kWordMasks = [] {
    std::array<std::array<u64, 2>, 256> masks{};
    for (unsigned n = 0; n < 256; ++n)
        for (unsigned word = 0; word < 8; ++word)
            if (n >> word & 1) masks[n][word / 4] |= u64{0xffff} << 16 * (word % 4);
    return masks;
}();
constexpr auto kBlendWords = [](Xmm a, Xmm b, u8 n) {
    return blend(a, b, _mm_loadu_si128(reinterpret_cast<const Xmm*>(kWordMasks[n].data())));
};

constexpr auto kPblendvb = [](Xmm a, Xmm b, Xmm mask) {
    return blend(a, b, _mm_cmpgt_epi8(_mm_setzero_si128(), mask));
};
constexpr auto kBlendvps = [](Xmm a, Xmm b, Xmm mask) { return blend(a, b, _mm_srai_epi32(mask, 31)); };
constexpr auto kBlendvpd = [](Xmm a, Xmm b, Xmm mask) {
    return blend(a, b, _mm_shuffle_epi32(_mm_srai_epi32(mask, 31), 0xf5));
};

/// `words` words for each bit of the immediate.
template <unsigned words>
bool blend_immediate(const Fields& f, Insn& out) {
    unsigned selected = 0;
    for (unsigned bit = 0; bit < 8 / words; ++bit)
        if (f.immediate() >> bit & 1) selected |= ((1u << words) - 1) << words * bit;
    out.aux = static_cast<u8>(selected);
    return vector_op<kBlendWords>(f, out);
}

/// ZF: no bit in common; CF: no bit that the first operand lacks.
constexpr auto kPtest = [](Xmm a, Xmm b) {
    const auto is_zero = [](Xmm value) {
        return _mm_movemask_epi8(_mm_cmpeq_epi8(value, _mm_setzero_si128())) == 0xffff;
    };
    return static_cast<Flags>(FlagBits::kAlwaysOne | (is_zero(_mm_and_si128(a, b)) ? FlagBits::kZf : 0) |
                              (is_zero(_mm_andnot_si128(a, b)) ? FlagBits::kCf : 0));
};

/// Sums of absolute differences of four bytes of `b` with eight windows of `a`.
constexpr auto kMpsadbw = [](Xmm a, Xmm b, u8 n) {
    const auto left = __builtin_bit_cast(std::array<u8, 16>, a),
               right = __builtin_bit_cast(std::array<u8, 16>, b);
    const unsigned from = n >> 2 & 1 ? 4 : 0, block = 4 * (n & 3);
    std::array<u16, 8> sums{};
    for (unsigned window = 0; window < 8; ++window)
        for (unsigned k = 0; k < 4; ++k) {
            const int difference = left[from + window + k] - right[block + k];
            sums[window] = static_cast<u16>(sums[window] + (difference < 0 ? -difference : difference));
        }
    return __builtin_bit_cast(Xmm, sums);
};

/// Bits 5:4 choose where to, 7:6 where from (memory has one element), 3:0 what becomes zero.
constexpr auto kInsertps = [](Xmm a, Xmm b, u8 n) {
    auto result = __builtin_bit_cast(std::array<u32, 4>, a);
    result[n >> 4 & 3] = __builtin_bit_cast(std::array<u32, 4>, b)[n >> 6];
    for (unsigned lane = 0; lane < 4; ++lane)
        if (n >> lane & 1) result[lane] = 0;
    return __builtin_bit_cast(Xmm, result);
};

bool insertps(const Fields& f, Insn& out) {
    out.aux = static_cast<u8>(f.memory() ? f.immediate() & 0x3f : f.immediate());
    return vector_op<kInsertps, XmmM32>(f, out);
}

// --- one element to r/m and from it

template <class T>
bool extract(const Fields& f, Insn& out) {
    out.src = f.reg;
    out.aux = element_offset<T>(f);
    if (f.memory()) {
        out.run = pick_address<Extract<T>>(out);
        add_cost(out, 0, 1);
    } else {
        out.dst = Slot::of(f.rm);
        out.run = &Extract<T>::run_register;
    }
    return true;
}

bool extract_by_width(const Fields& f, Insn& out) {
    return f.rex_w() ? extract<u64>(f, out) : extract<u32>(f, out);
}
bool insert_by_width(const Fields& f, Insn& out) {
    return f.rex_w() ? insert<u64>(f, out) : insert<u32>(f, out);
}

constexpr OpcodeRow row38(const char* name, u8 opcode, Build build, Operand operand = Operand::kAny) {
    return insn::row38(Feature::kSse41, name, Prefix::k66, opcode, build, operand);
}
constexpr OpcodeRow row3a(const char* name, u8 opcode, Build build) {
    return insn::row3a(Feature::kSse41, name, Prefix::k66, opcode, build);
}

}  // namespace

Rows sse4_integer() {
    static constexpr OpcodeRow kRows[] = {
        row38("pblendvb", 0x10, vector_op<kPblendvb>),
        row38("blendvps", 0x14, vector_op<kBlendvps>),
        row38("blendvpd", 0x15, vector_op<kBlendvpd>),
        row38("ptest", 0x17, vector_op<kPtest>),
        row38("pmovsxbw", 0x20, vector_op<kPmovsxbw, XmmM64>),
        row38("pmovsxbd", 0x21, vector_op<kPmovsxbd, XmmM32>),
        row38("pmovsxbq", 0x22, vector_op<kPmovsxbq, XmmM16>),
        row38("pmovsxwd", 0x23, vector_op<kPmovsxwd, XmmM64>),
        row38("pmovsxwq", 0x24, vector_op<kPmovsxwq, XmmM32>),
        row38("pmovsxdq", 0x25, vector_op<kPmovsxdq, XmmM64>),
        row38("pmovzxbw", 0x30, vector_op<kPmovzxbw, XmmM64>),
        row38("pmovzxbd", 0x31, vector_op<kPmovzxbd, XmmM32>),
        row38("pmovzxbq", 0x32, vector_op<kPmovzxbq, XmmM16>),
        row38("pmovzxwd", 0x33, vector_op<kPmovzxwd, XmmM64>),
        row38("pmovzxwq", 0x34, vector_op<kPmovzxwq, XmmM32>),
        row38("pmovzxdq", 0x35, vector_op<kPmovzxdq, XmmM64>),
        row38("pmuldq", 0x28, vector_op<kPmuldq>),
        row38("pcmpeqq", 0x29, vector_op<kPcmpeqq>),
        row38("packusdw", 0x2b, vector_op<kPackusdw>),
        row38("pminsb", 0x38, vector_op<kPminsb>),
        row38("pminsd", 0x39, vector_op<kPminsd>),
        row38("pminuw", 0x3a, vector_op<kPminuw>),
        row38("pminud", 0x3b, vector_op<kPminud>),
        row38("pmaxsb", 0x3c, vector_op<kPmaxsb>),
        row38("pmaxsd", 0x3d, vector_op<kPmaxsd>),
        row38("pmaxuw", 0x3e, vector_op<kPmaxuw>),
        row38("pmaxud", 0x3f, vector_op<kPmaxud>),
        row38("pmulld", 0x40, vector_op<kPmulld>),
        row38("movntdqa", 0x2a, vector_op<[](Xmm b) { return b; }>, Operand::kMemory),
        row38("phminposuw", 0x41, vector_op<kPhminposuw>),
        insn::row38(Feature::kSse42, "pcmpgtq", Prefix::k66, 0x37, vector_op<kPcmpgtq>),
        row3a("blendps", 0x0c, blend_immediate<2>),
        row3a("blendpd", 0x0d, blend_immediate<4>),
        row3a("pblendw", 0x0e, blend_immediate<1>),
        row3a("pextrb", 0x14, extract<u8>),
        row3a("pextrw", 0x15, extract<u16>),
        row3a("pextrd", 0x16, extract_by_width),
        row3a("extractps", 0x17, extract<u32>),
        row3a("pinsrb", 0x20, insert<u8>),
        row3a("insertps", 0x21, insertps),
        row3a("pinsrd", 0x22, insert_by_width),
        row3a("mpsadbw", 0x42, vector_immediate<kMpsadbw>),
    };
    return kRows;
}

}  // namespace emu::insn
