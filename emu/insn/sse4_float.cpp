// SSE4.1 on floating-point numbers: ROUND* and the dot products. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/vector_forms.h"

namespace emu::insn {
namespace {

/// The sixteen immediates of ROUND*: bits 1:0 a rounding mode, bit 2 MXCSR's instead, bit 3 no precision
/// exception. The host wants them in its instruction.
template <auto op>
constexpr auto kByMode = [](Xmm a, Xmm b, u8 n) {
    switch (n & 15) {
        case 0:
            return op.template operator()<0>(a, b);
        case 1:
            return op.template operator()<1>(a, b);
        case 2:
            return op.template operator()<2>(a, b);
        case 3:
            return op.template operator()<3>(a, b);
        case 8:
            return op.template operator()<8>(a, b);
        case 9:
            return op.template operator()<9>(a, b);
        case 10:
            return op.template operator()<10>(a, b);
        case 11:
            return op.template operator()<11>(a, b);
        default:
            return n & 8 ? op.template operator()<12>(a, b) : op.template operator()<4>(a, b);
    }
};

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
    if (f.memory()) {
        out.run = pick_address<Form>(out);
        add_cost(out, 1, 0);
    } else {
        out.src = f.rm;
        out.run = &Form::run_register;
    }
    return true;
}

constexpr OpcodeRow row(const char* name, u8 opcode, Build build) {
    return row3a(Feature::kSse41, name, Prefix::k66, opcode, build);
}

}  // namespace

Rows sse4_float() {
    static constexpr OpcodeRow kRows[] = {
        row("roundps", 0x08, vector_immediate<kByMode<kRoundps>, XmmM128, Traps::kSome>),
        row("roundpd", 0x09, vector_immediate<kByMode<kRoundpd>, XmmM128, Traps::kSome>),
        row("roundss", 0x0a, vector_immediate<kByMode<kRoundss>, XmmM32, Traps::kSome>),
        row("roundsd", 0x0b, vector_immediate<kByMode<kRoundsd>, XmmM64, Traps::kSome>),
        row("dpps", 0x40, dot_product<true>),
        row("dppd", 0x41, dot_product<false>),
    };
    return kRows;
}

}  // namespace emu::insn
