// MMX moves, the exchanges with general and XMM registers, and the conversions of SSE and SSE2 that have an
// MMX operand. SDM Vol. 2.
#include "emu/insn/mmx.h"

namespace emu::insn {
namespace {

u64 significand(const Cpu& c, u8 number) {
    return c.regs.x87.physical[number].significand;
}

template <class T>
struct MovToMm {
    static Exit run_register(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        enter_mmx(c);
        set_mm(c, i->dst, u64{c.reg<T>(i->src)});
        return next(c, i);
    }
    static Exit run_memory(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        const u8* p = c.read(AnyAddress::address(c, i), sizeof(T));
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        enter_mmx(c);
        set_mm(c, i->dst, u64{get<T>(p)});
        return next(c, i);
    }
};

template <class T>
struct MovFromMm {
    static Exit run_register(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        enter_mmx(c);
        c.set_reg(i->dst, static_cast<T>(significand(c, i->src)));
        return next(c, i);
    }
    static Exit run_memory(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        const auto value = static_cast<T>(significand(c, i->src));
        if (!c.store<T>(AnyAddress::address(c, i), value)) [[unlikely]]
            return fault_exit(c, i, 0, 1);
        enter_mmx(c);
        return next(c, i);
    }
};

template <class T>
bool mov_to_mm(const Fields& f, Insn& out) {
    out.dst = mmx_number(f.reg);
    if (f.memory()) {
        out.run = &MovToMm<T>::run_memory;
        add_cost(out, 1, 0);
    } else {
        out.src = gpr(f.rm, sizeof(T), true);
        out.run = &MovToMm<T>::run_register;
    }
    return true;
}

template <class T>
bool mov_from_mm(const Fields& f, Insn& out) {
    out.src = mmx_number(f.reg);
    if (f.memory()) {
        out.run = &MovFromMm<T>::run_memory;
        add_cost(out, 0, 1);
    } else {
        out.dst = gpr(f.rm, sizeof(T), true);
        out.run = &MovFromMm<T>::run_register;
    }
    return true;
}

/// MASKMOVQ writes the bytes of `dst` whose mask byte in `src` is negative to DS:[RDI]. As with MASKMOVDQU
/// only those from the first to the last selected one are referenced.
struct MaskedStore {
    static Exit run(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        const auto selected = static_cast<u32>(_mm_movemask_epi8(mm(c, i->src)));
        if (selected == 0) {
            c.references -= u64{1} << 32 | 1;  // was charged, is not made
            enter_mmx(c);
            return next(c, i);
        }
        const auto first = static_cast<u32>(__builtin_ctz(selected));
        const u32 size = 32 - static_cast<u32>(__builtin_clz(selected)) - first;
        u8* p = c.open_modify(AnyAddress::address(c, i) + first, size);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        for (u32 n = 0; n < size; ++n)
            if (selected >> first >> n & 1) p[n] = static_cast<u8>(significand(c, i->dst) >> 8 * (first + n));
        c.close(p);
        enter_mmx(c);
        return next(c, i);
    }
};

struct Movq2dq {
    static Exit run(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        enter_mmx(c);
        set_xmm(c, i->dst, mm(c, i->src));
        return next(c, i);
    }
};

struct Movdq2q {
    static Exit run(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        enter_mmx(c);
        set_mm(c, i->dst, xmm(c, i->src));
        return next(c, i);
    }
};

u64 with_word(u64 value, unsigned number, u16 word) {
    return (value & ~(u64{0xffff} << 16 * number)) | u64{word} << 16 * number;
}

struct InsertWord {
    static Exit run_register(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        enter_mmx(c);
        set_mm(c, i->dst, with_word(significand(c, i->dst), i->aux, c.reg<u16>(i->src)));
        return next(c, i);
    }
    static Exit run_memory(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        const u8* p = c.read(AnyAddress::address(c, i), 2);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        enter_mmx(c);
        set_mm(c, i->dst, with_word(significand(c, i->dst), i->aux, get<u16>(p)));
        return next(c, i);
    }
};

struct ExtractWord {
    static Exit run(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        enter_mmx(c);
        c.set_reg<u32>(i->dst, static_cast<u16>(significand(c, i->src) >> 16 * i->aux));
        return next(c, i);
    }
};

struct MoveMask {
    static Exit run(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        enter_mmx(c);
        c.set_reg<u32>(i->dst, static_cast<u32>(_mm_movemask_epi8(mm(c, i->src))));
        return next(c, i);
    }
};

constexpr auto kShuffledWords = [](Xmm b, u8 order) {
    const u64 value = static_cast<u64>(_mm_cvtsi128_si64(b));
    u64 result = 0;
    for (unsigned n = 0; n < 4; ++n) result |= (value >> 16 * (order >> 2 * n & 3) & 0xffff) << 16 * n;
    return _mm_cvtsi64_si128(static_cast<i64>(result));
};

struct Emms {
    static Exit run(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        c.regs.x87.valid = 0;
        c.regs.x87.top = 0;
        return next(c, i);
    }
};

// --- conversions. Two doublewords or two floats go through an XMM register whose other half is zero and so
// raises nothing.

constexpr auto kCvtpi2ps = [](Xmm a, Xmm b) {
    asm volatile("cvtdq2ps %0, %0" : "+x"(b));
    return _mm_unpacklo_epi64(b, _mm_unpackhi_epi64(a, a));
};
constexpr auto kCvtpi2pd = [](Xmm, Xmm b) {
    asm volatile("cvtdq2pd %0, %0" : "+x"(b));
    return b;
};
constexpr auto kCvtps2pi = [](Xmm b) {
    asm volatile("cvtps2dq %0, %0" : "+x"(b));
    return b;
};
constexpr auto kCvttps2pi = [](Xmm b) {
    asm volatile("cvttps2dq %0, %0" : "+x"(b));
    return b;
};
constexpr auto kCvtpd2pi = [](Xmm b) {
    asm volatile("cvtpd2dq %0, %0" : "+x"(b));
    return b;
};
constexpr auto kCvttpd2pi = [](Xmm b) {
    asm volatile("cvttpd2dq %0, %0" : "+x"(b));
    return b;
};

/// Computes, and raises #XM if an exception that is not masked was found. False: raised.
template <class Body>
bool compute(Cpu& c, const Insn* i, u32 loads, Exit& exit, Body body) {
    if (!traps_simd(c)) [[likely]] {
        body();
        return true;
    }
    begin_trapping(c);
    body();
    if (!end_trapping(c, false)) return true;
    exit = fault_after(c, i, mmu::Vector::kSimdFloatingPoint, loads, 0);
    return false;
}

/// To an XMM register. With a memory operand no MMX register is involved and the x87 state stays.
template <auto op>
struct FromMm {
    static Exit finish(Cpu& c, const Insn* i, Xmm b, u32 loads) {
        Xmm result{};
        Exit exit{};
        if (!compute(c, i, loads, exit, [&] { result = op(xmm(c, i->dst), b); })) return exit;
        set_xmm(c, i->dst, result);
        return next(c, i);
    }
    static Exit run_register(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        enter_mmx(c);
        return finish(c, i, mm(c, i->src), 0);
    }
    static Exit run_memory(Cpu& c, const Insn* i) {
        const u8* p = c.read(AnyAddress::address(c, i), 8);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        return finish(c, i, _mm_cvtsi64_si128(get<i64>(p)), 1);
    }
};

template <auto op>
bool from_mm(const Fields& f, Insn& out) {
    using Form = FromMm<op>;
    out.dst = f.reg;
    if (f.memory()) {
        out.run = &Form::run_memory;
        add_cost(out, 1, 0);
    } else {
        out.src = mmx_number(f.rm);
        out.run = &Form::run_register;
    }
    return true;
}

/// From an XMM register or memory, of which `size` bytes count.
template <auto op, u32 size>
struct ToMm {
    static Exit finish(Cpu& c, const Insn* i, Xmm b, u32 loads) {
        Xmm result{};
        Exit exit{};
        enter_mmx(c);  // even if the conversion traps
        if (!compute(c, i, loads, exit, [&] { result = op(b); })) return exit;
        set_mm(c, i->dst, result);
        return next(c, i);
    }
    static Exit run_register(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        const Xmm value = xmm(c, i->src);
        return finish(c, i, size == 16 ? value : _mm_move_epi64(value), 0);
    }
    static Exit run_memory(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        const u64 address = AnyAddress::address(c, i);
        if (size == 16 && address % 16) [[unlikely]]
            return raise(c, i, mmu::Vector::kGeneralProtection);
        const u8* p = c.read(address, size);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        return finish(c, i, XmmSource<size, false>::from_memory(p), 1);
    }
};

template <auto op, u32 size>
bool to_mm(const Fields& f, Insn& out) {
    using Form = ToMm<op, size>;
    out.dst = mmx_number(f.reg);
    if (f.memory()) {
        out.run = &Form::run_memory;
        add_cost(out, 1, 0);
    } else {
        out.src = f.rm;
        out.run = &Form::run_register;
    }
    return true;
}

}  // namespace

bool movd_to_mm(const Fields& f, Insn& out) {
    return f.rex_w() ? mov_to_mm<u64>(f, out) : mov_to_mm<u32>(f, out);
}
bool movd_from_mm(const Fields& f, Insn& out) {
    return f.rex_w() ? mov_from_mm<u64>(f, out) : mov_from_mm<u32>(f, out);
}
bool movq_from_mm(const Fields& f, Insn& out) {
    if (f.memory()) return mov_from_mm<u64>(f, out);
    out.dst = mmx_number(f.rm);
    out.src = mmx_number(f.reg);
    out.run = &MmxOp<[](Xmm b) { return b; }>::run_register;
    return true;
}
bool movntq(const Fields& f, Insn& out) {
    return mov_from_mm<u64>(f, out);
}

bool maskmovq(const Fields& f, Insn& out) {
    out.dst = mmx_number(f.reg);
    out.src = mmx_number(f.rm);
    out.base = Slot::of(mmu::kRdi);
    out.segment = f.segment == 0x64 ? Slot::kFs : f.segment == 0x65 ? Slot::kGs : Slot::kZero;
    out.address32 = f.address32;
    out.run = &MaskedStore::run;
    add_cost(out, 1, 1);
    return true;
}

bool movq2dq(const Fields& f, Insn& out) {
    out.dst = f.reg;
    out.src = mmx_number(f.rm);
    out.run = &Movq2dq::run;
    return true;
}
bool movdq2q(const Fields& f, Insn& out) {
    out.dst = mmx_number(f.reg);
    out.src = f.rm;
    out.run = &Movdq2q::run;
    return true;
}

bool pinsrw_mm(const Fields& f, Insn& out) {
    out.dst = mmx_number(f.reg);
    out.aux = f.immediate() & 3;
    if (f.memory()) {
        out.run = &InsertWord::run_memory;
        add_cost(out, 1, 0);
    } else {
        out.src = gpr(f.rm, 2, true);
        out.run = &InsertWord::run_register;
    }
    return true;
}
bool pextrw_mm(const Fields& f, Insn& out) {
    out.dst = gpr(f.reg, 4, true);
    out.src = mmx_number(f.rm);
    out.aux = f.immediate() & 3;
    out.run = &ExtractWord::run;
    return true;
}
bool pmovmskb_mm(const Fields& f, Insn& out) {
    out.dst = gpr(f.reg, 4, true);
    out.src = mmx_number(f.rm);
    out.run = &MoveMask::run;
    return true;
}
bool pshufw(const Fields& f, Insn& out) {
    return mmx_op<kShuffledWords>(f, out);
}
bool emms(const Fields&, Insn& out) {
    out.run = &Emms::run;
    return true;
}

bool cvtpi2ps(const Fields& f, Insn& out) {
    return from_mm<kCvtpi2ps>(f, out);
}
bool cvtpi2pd(const Fields& f, Insn& out) {
    return from_mm<kCvtpi2pd>(f, out);
}
bool cvtps2pi(const Fields& f, Insn& out) {
    return to_mm<kCvtps2pi, 8>(f, out);
}
bool cvttps2pi(const Fields& f, Insn& out) {
    return to_mm<kCvttps2pi, 8>(f, out);
}
bool cvtpd2pi(const Fields& f, Insn& out) {
    return to_mm<kCvtpd2pi, 16>(f, out);
}
bool cvttpd2pi(const Fields& f, Insn& out) {
    return to_mm<kCvttpd2pi, 16>(f, out);
}

}  // namespace emu::insn
