// Moves of SSE, SSE2 and SSE3: whole registers, halves, scalars, masks, between vector and general registers,
// and past the caches (which are not modelled, so that a non-temporal store is a store). SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/elements.h"
#include "emu/insn/vector_forms.h"

namespace emu::insn {
namespace {

constexpr auto kCopy = [](Xmm b) { return b; };
constexpr auto kLowQuadword = [](Xmm b) { return _mm_move_epi64(b); };
constexpr auto kMergeLowQuadword = [](Xmm a, Xmm b) {
    return _mm_unpacklo_epi64(b, _mm_unpackhi_epi64(a, a));
};
constexpr auto kMergeHighQuadword = [](Xmm a, Xmm b) { return _mm_unpacklo_epi64(a, b); };
constexpr auto kHighToLow = [](Xmm a, Xmm b) { return _mm_unpackhi_epi64(b, a); };
constexpr auto kMergeLowDoubleword = [](Xmm a, Xmm b) {
    return _mm_castps_si128(_mm_move_ss(_mm_castsi128_ps(a), _mm_castsi128_ps(b)));
};
constexpr auto kFromDoubleword = [](u32 b) { return _mm_cvtsi32_si128(static_cast<int>(b)); };
constexpr auto kFromQuadword = [](u64 b) { return _mm_cvtsi64_si128(static_cast<i64>(b)); };

template <bool aligned>
struct StoreVector {
    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 address = Address::address(c, i);
        if constexpr (aligned)
            if (address % 16) [[unlikely]]
                return raise(c, i, mmu::Vector::kGeneralProtection);
        u8* p = c.l0.hit(c.l0.store, address, 16);
        if (!p) [[unlikely]]
            return run_missed(c, i, address);
        _mm_storeu_si128(reinterpret_cast<Xmm*>(p), xmm(c, i->src));
        return next(c, i);
    }
    [[gnu::cold, gnu::noinline]] static Exit run_missed(Cpu& c, const Insn* i, u64 address) {
        u8* p = c.open_store_slow(address, 16);
        if (!p) return fault_exit(c, i, 0, 1);
        _mm_storeu_si128(reinterpret_cast<Xmm*>(p), xmm(c, i->src));
        c.close(p);
        return next(c, i);
    }
};

/// Stores the T at byte `offset` of a vector register.
template <class T, unsigned offset>
struct StorePart {
    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 address = Address::address(c, i);
        u8* p = c.l0.hit(c.l0.store, address, sizeof(T));
        if (!p) [[unlikely]]
            return run_missed(c, i, address);
        put<T>(p, get<T>(c.vector(i->src) + offset));
        return next(c, i);
    }
    [[gnu::cold, gnu::noinline]] static Exit run_missed(Cpu& c, const Insn* i, u64 address) {
        const T value = get<T>(c.vector(i->src) + offset);
        if (!c.store_slow(address, value, sizeof(T))) return fault_exit(c, i, 0, 1);
        return next(c, i);
    }
};

template <class T>
struct StoreGeneral {
    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        if (!c.store<T>(Address::address(c, i), c.reg<T>(i->src))) [[unlikely]]
            return fault_exit(c, i, 0, 1);
        return next(c, i);
    }
};

template <class Form>
bool store_xmm(const Fields& f, Insn& out) {
    out.src = f.reg;
    out.run = pick_address<Form>(out);
    add_cost(out, 0, 1);
    return true;
}

/// r/m, xmm where r/m is the destination: `Form` stores to memory, `op` moves to a register.
template <class Form, auto op>
bool rm_xmm(const Fields& f, Insn& out) {
    if (f.memory()) return store_xmm<Form>(f, out);
    out.dst = f.rm;
    out.src = f.reg;
    out.run = &VectorOp<op>::run_register;
    return true;
}

/// MOVD and MOVQ to r/m32 or r/m64.
template <class T>
bool general_rm_xmm(const Fields& f, Insn& out) {
    if (f.memory()) return store_xmm<StorePart<T, 0>>(f, out);
    constexpr auto kLow = [](Xmm b) { return static_cast<T>(_mm_cvtsi128_si64(b)); };
    out.dst = gpr(f.rm, sizeof(T), true);
    out.src = f.reg;
    out.run = &VectorOp<kLow>::run_register;
    return true;
}
bool mov_general_rm_xmm(const Fields& f, Insn& out) {
    return f.rex_w() ? general_rm_xmm<u64>(f, out) : general_rm_xmm<u32>(f, out);
}

bool movnti(const Fields& f, Insn& out) {
    out.src = gpr(f.reg, 8, true);
    out.run = f.rex_w() ? pick_address<StoreGeneral<u64>>(out) : pick_address<StoreGeneral<u32>>(out);
    add_cost(out, 0, 1);
    return true;
}

bool pextrw(const Fields& f, Insn& out) {
    out.dst = gpr(f.reg, 4, true);
    out.src = f.rm;
    out.aux = element_offset<u16>(f);
    out.run = &Extract<u16>::run_register;
    return true;
}

/// MASKMOVDQU writes the bytes of `dst` whose mask byte in `src` is negative to DS:[RDI]. Only the bytes from
/// the first to the last selected one are referenced; the manual leaves faults of the others open.
struct MaskedStore {
    static Exit run(Cpu& c, const Insn* i) {
        const auto selected = static_cast<u32>(_mm_movemask_epi8(xmm(c, i->src)));
        if (selected == 0) {
            c.references -= u64{1} << 32 | 1;  // was charged, is not made
            return next(c, i);
        }
        const auto first = static_cast<u32>(__builtin_ctz(selected));
        const u32 size = 32 - static_cast<u32>(__builtin_clz(selected)) - first;
        u8* p = c.open_modify(AnyAddress::address(c, i) + first, size);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        const u8* source = c.vector(i->dst) + first;
        for (u32 n = 0; n < size; ++n)
            if (selected >> first >> n & 1) p[n] = source[n];
        c.close(p);
        return next(c, i);
    }
};

}  // namespace

bool maskmovdqu(const Fields& f, Insn& out) {
    out.dst = f.reg;
    out.src = f.rm;
    out.base = Slot::of(mmu::kRdi);
    out.index = Slot::kZero;
    out.scale = 0;
    out.disp = 0;
    out.segment = f.segment == 0x64 ? Slot::kFs : f.segment == 0x65 ? Slot::kGs : Slot::kZero;
    out.address32 = f.address32;
    out.run = &MaskedStore::run;
    add_cost(out, 1, 1);
    return true;
}

Rows sse_move() {
    constexpr auto kNone = Prefix::kNone, k66 = Prefix::k66, kF3 = Prefix::kF3, kF2 = Prefix::kF2;
    constexpr auto kMemory = Operand::kMemory, kRegister = Operand::kRegister;
    static constexpr OpcodeRow kRows[] = {
        row("movups", kNone, 0x10, vector_op<kCopy, XmmM128Unaligned>),
        row("movups", kNone, 0x11, rm_xmm<StoreVector<false>, kCopy>),
        row("movupd", k66, 0x10, vector_op<kCopy, XmmM128Unaligned>),
        row("movupd", k66, 0x11, rm_xmm<StoreVector<false>, kCopy>),
        row("movss", kF3, 0x10, vector_op<kCopy, XmmM32>, kMemory),
        row("movss", kF3, 0x10, vector_op<kMergeLowDoubleword>, kRegister),
        row("movss", kF3, 0x11, rm_xmm<StorePart<u32, 0>, kMergeLowDoubleword>),
        row("movsd", kF2, 0x10, vector_op<kCopy, XmmM64>, kMemory),
        row("movsd", kF2, 0x10, vector_op<kMergeLowQuadword>, kRegister),
        row("movsd", kF2, 0x11, rm_xmm<StorePart<u64, 0>, kMergeLowQuadword>),
        row("movlps", kNone, 0x12, vector_op<kMergeLowQuadword, XmmM64>, kMemory),
        row("movhlps", kNone, 0x12, vector_op<kHighToLow>, kRegister),
        row("movlps", kNone, 0x13, store_xmm<StorePart<u64, 0>>, kMemory),
        row("movlpd", k66, 0x12, vector_op<kMergeLowQuadword, XmmM64>, kMemory),
        row("movlpd", k66, 0x13, store_xmm<StorePart<u64, 0>>, kMemory),
        row("movhps", kNone, 0x16, vector_op<kMergeHighQuadword, XmmM64>, kMemory),
        row("movlhps", kNone, 0x16, vector_op<kMergeHighQuadword>, kRegister),
        row("movhps", kNone, 0x17, store_xmm<StorePart<u64, 8>>, kMemory),
        row("movhpd", k66, 0x16, vector_op<kMergeHighQuadword, XmmM64>, kMemory),
        row("movhpd", k66, 0x17, store_xmm<StorePart<u64, 8>>, kMemory),
        needs(Feature::kSse3,
              row("movsldup", kF3, 0x12, vector_op<[](Xmm b) { return _mm_shuffle_epi32(b, 0xa0); }>)),
        needs(Feature::kSse3,
              row("movshdup", kF3, 0x16, vector_op<[](Xmm b) { return _mm_shuffle_epi32(b, 0xf5); }>)),
        needs(Feature::kSse3,
              row("movddup", kF2, 0x12, vector_op<[](Xmm b) { return _mm_unpacklo_epi64(b, b); }, XmmM64>)),
        row("movaps", kNone, 0x28, vector_op<kCopy>),
        row("movaps", kNone, 0x29, rm_xmm<StoreVector<true>, kCopy>),
        row("movapd", k66, 0x28, vector_op<kCopy>),
        row("movapd", k66, 0x29, rm_xmm<StoreVector<true>, kCopy>),
        row("movntps", kNone, 0x2b, store_xmm<StoreVector<true>>, kMemory),
        row("movntpd", k66, 0x2b, store_xmm<StoreVector<true>>, kMemory),
        row("movmskps", kNone, 0x50,
            vector_op<[](Xmm b) { return static_cast<u32>(_mm_movemask_ps(_mm_castsi128_ps(b))); }>,
            kRegister),
        row("movmskpd", k66, 0x50,
            vector_op<[](Xmm b) { return static_cast<u32>(_mm_movemask_pd(_mm_castsi128_pd(b))); }>,
            kRegister),
        row("movd", k66, 0x6e, vector_from_general<kFromDoubleword, kFromQuadword>),
        row("movdqa", k66, 0x6f, vector_op<kCopy>),
        row("movdqu", kF3, 0x6f, vector_op<kCopy, XmmM128Unaligned>),
        row("movd", k66, 0x7e, mov_general_rm_xmm),
        row("movq", kF3, 0x7e, vector_op<kLowQuadword, XmmM64>),
        row("movdqa", k66, 0x7f, rm_xmm<StoreVector<true>, kCopy>),
        row("movdqu", kF3, 0x7f, rm_xmm<StoreVector<false>, kCopy>),
        row("movnti", kNone, 0xc3, movnti, kMemory),
        row("pinsrw", k66, 0xc4, insert<u16>),
        row("pextrw", k66, 0xc5, pextrw, kRegister),
        row("movq", k66, 0xd6, rm_xmm<StorePart<u64, 0>, kLowQuadword>),
        row("pmovmskb", k66, 0xd7, vector_op<[](Xmm b) { return static_cast<u32>(_mm_movemask_epi8(b)); }>,
            kRegister),
        row("movntdq", k66, 0xe7, store_xmm<StoreVector<true>>, kMemory),
        needs(Feature::kSse3, row("lddqu", kF2, 0xf0, vector_op<kCopy, XmmM128Unaligned>, kMemory)),
        row("maskmovdqu", k66, 0xf7, maskmovdqu, kRegister),
    };
    return kRows;
}

}  // namespace emu::insn
