// MMX registers and the forms of instructions on them. They are the significands of the x87 registers, by
// physical number: SDM Vol. 1 9.2, 9.5. The bodies are those of the XMM forms, `[](Xmm a, Xmm b)`, on the low
// 64 bits.
#pragma once

#include "emu/insn/vector_forms.h"
#include "emu/insn/x87_host.h"

namespace emu::insn {

inline u8 mmx_number(unsigned field) {
    return static_cast<u8>(field & 7);
}  // REX.R and REX.B do not reach them

[[gnu::always_inline]] inline Xmm mm(const Cpu& c, u8 number) {
    return _mm_cvtsi64_si128(static_cast<i64>(c.regs.x87.physical[number].significand));
}

/// Each MMX instruction but EMMS makes all registers valid and ST(0) the first one.
[[gnu::always_inline]] inline void enter_mmx(Cpu& c) {
    c.regs.x87.top = 0;
    c.regs.x87.valid = 0xff;
}

/// A write makes the exponent and the sign ones.
[[gnu::always_inline]] inline void set_mm(Cpu& c, u8 number, u64 value) {
    c.regs.x87.physical[number] = {value, 0xffff, {}};
}
[[gnu::always_inline]] inline void set_mm(Cpu& c, u8 number, Xmm value) {
    set_mm(c, number, static_cast<u64>(_mm_cvtsi128_si64(value)));
}

inline Exit mmx_raise_pending(Cpu& c, const Insn* i) {
    return raise(c, i, mmu::Vector::kX87FloatingPoint);
}

/// mm, mm/m64, the second operand's `size` bytes being read from memory. A further parameter `u8 n` is the
/// immediate, kept in `aux`.
template <auto op, u32 size = 8>
struct MmxOp {
    [[gnu::always_inline]] static Exit finish(Cpu& c, const Insn* i, Xmm b) {
        enter_mmx(c);
        constexpr u8 n = 0;
        if constexpr (requires(Xmm a) { op(a, a); })
            set_mm(c, i->dst, op(mm(c, i->dst), b));
        else if constexpr (requires(Xmm a) { op(a, a, n); })
            set_mm(c, i->dst, op(mm(c, i->dst), b, i->aux));
        else if constexpr (requires { op(b, n); })
            set_mm(c, i->dst, op(b, i->aux));
        else
            set_mm(c, i->dst, op(b));
        return next(c, i);
    }
    static Exit run_register(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        return finish(c, i, mm(c, i->src));
    }
    static Exit run_memory(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return mmx_raise_pending(c, i);
        const u8* p = c.read(AnyAddress::address(c, i), size);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        return finish(c, i, size == 8 ? _mm_cvtsi64_si128(get<i64>(p)) : _mm_cvtsi32_si128(get<i32>(p)));
    }
};

template <auto op, u32 size = 8>
bool mmx_op(const Fields& f, Insn& out) {
    using Form = MmxOp<op, size>;
    out.dst = mmx_number(f.reg);
    out.aux = static_cast<u8>(f.immediate());
    if (f.memory()) {
        out.run = &Form::run_memory;
        add_cost(out, 1, 0);
    } else {
        out.src = mmx_number(f.rm);
        out.run = &Form::run_register;
    }
    return true;
}

// --- rows of mmx_move.cpp ---
bool movd_to_mm(const Fields& f, Insn& out);
bool movd_from_mm(const Fields& f, Insn& out);
bool movq_from_mm(const Fields& f, Insn& out);
bool movntq(const Fields& f, Insn& out);
bool maskmovq(const Fields& f, Insn& out);
bool movq2dq(const Fields& f, Insn& out);
bool movdq2q(const Fields& f, Insn& out);
bool pinsrw_mm(const Fields& f, Insn& out);
bool pextrw_mm(const Fields& f, Insn& out);
bool pmovmskb_mm(const Fields& f, Insn& out);
bool pshufw(const Fields& f, Insn& out);
bool emms(const Fields& f, Insn& out);
bool cvtpi2ps(const Fields& f, Insn& out);
bool cvtpi2pd(const Fields& f, Insn& out);
bool cvttps2pi(const Fields& f, Insn& out);
bool cvttpd2pi(const Fields& f, Insn& out);
bool cvtps2pi(const Fields& f, Insn& out);
bool cvtpd2pi(const Fields& f, Insn& out);

}  // namespace emu::insn
