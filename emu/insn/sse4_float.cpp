// SSE4.1 on floating-point numbers: ROUND* and the dot products. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/vector_forms.h"

namespace emu::insn {
namespace {

// Sixteen immediates: bits 1:0 a rounding mode, bit 2 MXCSR's instead, bit 3 no precision exception. The host
// wants them in its instruction.

constexpr auto kRoundps = []<u8 mode>(Xmm a, Xmm b) {
    asm volatile("roundps %2, %1, %0" : "=x"(a) : "x"(b), "i"(mode));
    return a;
};
constexpr auto kRoundpd = []<u8 mode>(Xmm a, Xmm b) {
    asm volatile("roundpd %2, %1, %0" : "=x"(a) : "x"(b), "i"(mode));
    return a;
};
constexpr auto kRoundss = []<u8 mode>(Xmm a, Xmm b) {
    asm volatile("roundss %2, %1, %0" : "+x"(a) : "x"(b), "i"(mode));
    return a;
};
constexpr auto kRoundsd = []<u8 mode>(Xmm a, Xmm b) {
    asm volatile("roundsd %2, %1, %0" : "+x"(a) : "x"(b), "i"(mode));
    return a;
};

/// All bits of the lanes that the low four bits of `n` select.
[[gnu::always_inline]] inline Xmm single_lanes(unsigned n) {
    const auto bit = [n](unsigned lane) { return n >> lane & 1 ? -1 : 0; };
    return _mm_setr_epi32(bit(0), bit(1), bit(2), bit(3));
}
[[gnu::always_inline]] inline Xmm double_lanes(unsigned n) {
    const auto bit = [n](unsigned lane) { return n >> lane & 1 ? i64{-1} : i64{0}; };
    return _mm_set_epi64x(bit(1), bit(0));
}

/// DPPS and DPPD: products of the lanes that bits 7:4 select, (0 + 1) + (2 + 3), to the lanes that bits 3:0
/// select. Each step raises its exceptions before the next one begins.
template <bool single>
struct DotProduct {
    static constexpr unsigned kSteps = single ? 3 : 2;
    static constexpr Traps kTraps = single ? Traps::kTinyPs : Traps::kTinyPd;

    [[gnu::always_inline]] static Xmm lanes(unsigned n) { return single ? single_lanes(n) : double_lanes(n); }
    [[gnu::always_inline]] static Xmm product(Xmm a, Xmm b) {
        if constexpr (single)
            asm volatile("mulps %1, %0" : "+x"(a) : "x"(b));
        else
            asm volatile("mulpd %1, %0" : "+x"(a) : "x"(b));
        return a;
    }
    /// Step 1: 0 + 1 and 2 + 3, or all of DPPD; step 2: the sum of these.
    [[gnu::always_inline]] static Xmm sum(Xmm v, unsigned step) {
        if constexpr (single) {
            Xmm left = step == 1 ? _mm_shuffle_epi32(v, 0xa0) : _mm_shuffle_epi32(v, 0x00);
            const Xmm right = step == 1 ? _mm_shuffle_epi32(v, 0xf5) : _mm_shuffle_epi32(v, 0xaa);
            asm volatile("addps %1, %0" : "+x"(left) : "x"(right));
            return left;
        } else {
            Xmm left = _mm_unpacklo_epi64(v, v);
            asm volatile("addpd %1, %0" : "+x"(left) : "x"(_mm_unpackhi_epi64(v, v)));
            return left;
        }
    }

    static Exit finish(Cpu& c, const Insn* i, Xmm b, u32 loads) {
        const bool trapping = traps_simd(c);
        const Xmm selected = lanes(i->aux >> 4u);
        Xmm value = _mm_and_si128(xmm(c, i->dst), selected);
        b = _mm_and_si128(b, selected);
        for (unsigned step = 0; step < kSteps; ++step) {
            if (trapping) begin_trapping(c);
            value = step == 0 ? product(value, b) : sum(value, step);
            if (trapping && end_trapping(c, is_tiny<kTraps>(value)))
                return fault_after(c, i, mmu::Vector::kSimdFloatingPoint, loads, 0);
        }
        set_xmm(c, i->dst, _mm_and_si128(value, lanes(i->aux)));
        return next(c, i);
    }
    static Exit run_register(Cpu& c, const Insn* i) { return finish(c, i, xmm(c, i->src), 0); }
    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 address = Address::address(c, i);
        if (address % 16) return raise(c, i, mmu::Vector::kGeneralProtection);
        const u8* p = c.read(address, 16);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        return finish(c, i, XmmM128::from_memory(p), 1);
    }
};

template <bool single>
bool dot_product(const Fields& f, Insn& out) {
    using Form = DotProduct<single>;
    out.dst = f.reg;
    out.aux = static_cast<u8>(f.immediate());
    pick_source<Form>(f, out, f.rm);
    return true;
}

constexpr OpcodeRow row(const char* name, u8 opcode, Build build) {
    return row3a(Feature::kSse41, name, Prefix::k66, opcode, build);
}

}  // namespace

Rows sse4_float() {
    static constexpr OpcodeRow kRows[] = {
        row("roundps", 0x08, chosen_by_immediate<kRoundps, XmmM128, 16>),
        row("roundpd", 0x09, chosen_by_immediate<kRoundpd, XmmM128, 16>),
        row("roundss", 0x0a, chosen_by_immediate<kRoundss, XmmM32, 16>),
        row("roundsd", 0x0b, chosen_by_immediate<kRoundsd, XmmM64, 16>),
        row("dpps", 0x40, dot_product<true>),
        row("dppd", 0x41, dot_product<false>),
    };
    return kRows;
}

}  // namespace emu::insn
