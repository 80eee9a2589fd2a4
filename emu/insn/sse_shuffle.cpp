// Shuffles whose order is an immediate: PSHUFD PSHUFHW PSHUFLW SHUFPS SHUFPD PALIGNR. SDM Vol. 2. The host
// wants the order in its instruction, so each order has its own handler.
#include <algorithm>
#include <utility>

#include "emu/insn/chapters.h"
#include "emu/insn/vector_forms.h"

namespace emu::insn {
namespace {

constexpr auto kPshufd = []<u8 order>(Xmm, Xmm b) { return _mm_shuffle_epi32(b, order); };
constexpr auto kPshufhw = []<u8 order>(Xmm, Xmm b) { return _mm_shufflehi_epi16(b, order); };
constexpr auto kPshuflw = []<u8 order>(Xmm, Xmm b) { return _mm_shufflelo_epi16(b, order); };
constexpr auto kShufps = []<u8 order>(Xmm a, Xmm b) {
    return _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(b), order));
};
constexpr auto kShufpd = []<u8 order>(Xmm a, Xmm b) {
    return _mm_castpd_si128(_mm_shuffle_pd(_mm_castsi128_pd(a), _mm_castsi128_pd(b), order));
};

/// Bytes `count` .. count + 15 of `a` above `b`; in SSE2, so that any host has it.
constexpr auto kPalignr = []<u8 count>(Xmm a, Xmm b) {
    if constexpr (count >= 16)
        return _mm_srli_si128(a, count - 16);
    else
        return _mm_or_si128(_mm_srli_si128(b, count), _mm_slli_si128(a, 16 - count));
};

/// By order: handlers for registers, and for memory, which is rarer, the bare operation.
template <unsigned orders>
struct ShuffleTable {
    Handler registers[orders];
    Xmm (*operations[orders])(Xmm, Xmm);
};

template <auto op, unsigned... orders>
constexpr ShuffleTable<sizeof...(orders)> shuffle_table(std::integer_sequence<unsigned, orders...>) {
    return {{&VectorOp<kWithImmediate<op, orders>>::run_register...}, {kWithImmediate<op, orders>...}};
}

template <auto op, unsigned orders>
struct Shuffle {
    static_assert(orders <= 256);
    static constexpr ShuffleTable<orders> kTable =
        shuffle_table<op>(std::make_integer_sequence<unsigned, orders>());

    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 address = Address::address(c, i);
        if (address % 16) [[unlikely]]
            return raise(c, i, mmu::Vector::kGeneralProtection);
        const u8* p = c.read(address, 16);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        set_xmm(c, i->dst, kTable.operations[i->aux](xmm(c, i->dst), XmmM128::from_memory(p)));
        return next(c, i);
    }
};

/// Bits of the immediate that select nothing are ignored; PALIGNR's counts from 32 all give zero.
template <auto op, unsigned orders = 256>
bool shuffle(const Fields& f, Insn& out) {
    using Form = Shuffle<op, orders>;
    out.dst = f.reg;
    constexpr bool kMasks = (orders & (orders - 1)) == 0;
    out.aux =
        static_cast<u8>(kMasks ? f.immediate() & (orders - 1) : std::min<u64>(f.immediate(), orders - 1));
    if (f.memory()) {
        out.run = pick_address<Form>(out);
        add_cost(out, 1, 0);
    } else {
        out.src = f.rm;
        out.run = Form::kTable.registers[out.aux];
    }
    return true;
}

}  // namespace

Rows sse_shuffle() {
    static constexpr OpcodeRow kRows[] = {
        row("pshufd", Prefix::k66, 0x70, shuffle<kPshufd>),
        row("pshufhw", Prefix::kF3, 0x70, shuffle<kPshufhw>),
        row("pshuflw", Prefix::kF2, 0x70, shuffle<kPshuflw>),
        row("shufps", Prefix::kNone, 0xc6, shuffle<kShufps>),
        row("shufpd", Prefix::k66, 0xc6, shuffle<kShufpd, 4>),
        row3a(Feature::kSsse3, "palignr", Prefix::k66, 0x0f, shuffle<kPalignr, 33>),
    };
    return kRows;
}

}  // namespace emu::insn
