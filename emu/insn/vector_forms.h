// Operand forms of the SSE instructions. A body is a lambda over values, `[](Xmm a, Xmm b) { return ...; }`:
// `a` is the destination's old value (left out where it is not read), `b` the source. What it returns says
// where the result goes: an Xmm to the vector register ModRM.reg, an integer to the general one, Flags to the
// flags. A third parameter is an immediate (`u8 n`, kept in `aux`) or the implicit operand XMM0 (`Xmm mask`).
// The forms do the rest: alignment, the reference, the fault, floating-point traps. Bodies touch no
// memory.
//
// Legacy SSE leaves bits 255:128 of a register alone (SDM Vol. 1 14.8). Floating-point bodies are inline
// assembly, so that NaN operands keep their order, and volatile, so that they stay between reads of MXCSR.
#pragma once

#include <emmintrin.h>

#include "emu/insn/mxcsr.h"
#include "emu/insn/operands.h"

namespace emu::insn {

using Xmm = __m128i;

[[gnu::always_inline]] inline Xmm xmm(const Cpu& c, u8 number) {
    return _mm_load_si128(reinterpret_cast<const Xmm*>(c.regs.vector[number].bytes.data()));
}
[[gnu::always_inline]] inline void set_xmm(Cpu& c, u8 number, Xmm value) {
    _mm_store_si128(reinterpret_cast<Xmm*>(c.vector(number)), value);
}

// --- sources: what ModRM.r/m is ---

template <u32 size, bool aligned>
struct XmmSource {
    using Value = Xmm;
    static constexpr u32 kSize = size;
    static constexpr bool kAligned = aligned;  ///< #GP when the memory operand is not
    static u8 operand(const Fields& f) { return f.rm; }
    [[gnu::always_inline]] static Xmm from_register(const Cpu& c, u8 number) { return xmm(c, number); }
    /// What is not in memory is zero.
    [[gnu::always_inline]] static Xmm from_memory(const u8* p) {
        if constexpr (size == 16) return _mm_loadu_si128(reinterpret_cast<const Xmm*>(p));
        if constexpr (size == 8) return _mm_cvtsi64_si128(get<i64>(p));
        if constexpr (size == 4) return _mm_cvtsi32_si128(get<i32>(p));
        if constexpr (size == 2) return _mm_cvtsi32_si128(get<u16>(p));
    }
};
using XmmM128 = XmmSource<16, true>;
using XmmM128Unaligned = XmmSource<16, false>;
using XmmM64 = XmmSource<8, false>;
using XmmM32 = XmmSource<4, false>;
using XmmM16 = XmmSource<2, false>;

template <class T>
struct GeneralSource {
    using Value = T;
    static constexpr u32 kSize = sizeof(T);
    static constexpr bool kAligned = false;
    static u8 operand(const Fields& f) { return gpr(f.rm, sizeof(T), true); }
    [[gnu::always_inline]] static T from_register(const Cpu& c, u8 offset) { return c.reg<T>(offset); }
    [[gnu::always_inline]] static T from_memory(const u8* p) { return get<T>(p); }
};

// --- results ---

[[gnu::always_inline]] inline void commit(Cpu& c, const Insn* i, Xmm value) {
    set_xmm(c, i->dst, value);
}
[[gnu::always_inline]] inline void commit(Cpu& c, const Insn* i, u32 value) {
    c.set_reg(i->dst, value);
}
[[gnu::always_inline]] inline void commit(Cpu& c, const Insn* i, u64 value) {
    c.set_reg(i->dst, value);
}
[[gnu::always_inline]] inline void commit(Cpu& c, const Insn*, Flags value) {
    c.flags = value;
}

// --- floating-point exceptions ---

/// Which exceptions an instruction can raise: none, some, and those whose results of the given kind can be
/// tiny (Ph: half precision).
enum class Traps : u8 { kNone, kSome, kTinyPs, kTinyPd, kTinySs, kTinySd, kTinyPh };

template <Traps traps>
bool is_tiny(Xmm value) {
    constexpr bool kDouble = traps == Traps::kTinyPd || traps == Traps::kTinySd;
    constexpr unsigned kLanes = traps == Traps::kTinyPs ? 4 : traps == Traps::kTinyPd ? 2 : 1;
    u64 halves[2];
    __builtin_memcpy(halves, &value, 16);
    bool tiny = false;
    for (unsigned lane = 0; lane < kLanes; ++lane) {
        const u64 bits = kDouble ? halves[lane] : halves[lane / 2] >> 32 * (lane % 2);
        const u64 magnitude = bits & (kDouble ? ~u64{0} >> 1 : 0x7fffffffu);
        tiny |= magnitude != 0 && magnitude >> (kDouble ? 52 : 23) == 0;
    }
    return tiny;
}

// --- the form ---

template <auto op, class Source = XmmM128, Traps traps = Traps::kNone>
struct VectorOp {
    using Value = typename Source::Value;

    [[gnu::always_inline]] static auto apply(const Cpu& c, const Insn* i, Value b) {
        constexpr u8 n = 0;
        if constexpr (requires(Xmm a) { op(a, b); })
            return op(xmm(c, i->dst), b);
        else if constexpr (requires(Xmm a) { op(a, b, n); })
            return op(xmm(c, i->dst), b, i->aux);
        else if constexpr (requires(Xmm a) { op(a, b, a); })
            return op(xmm(c, i->dst), b, xmm(c, 0));
        else if constexpr (requires { op(b, n); })
            return op(b, i->aux);
        else
            return op(b);
    }
    static constexpr bool kToGeneral = requires(const Cpu& c, const Insn* i, Value b) {
        requires sizeof(apply(c, i, b)) == 4 || sizeof(apply(c, i, b)) == 8;
    };

    /// `loads` references have been made.
    [[gnu::always_inline]] static Exit finish(Cpu& c, const Insn* i, Value b, u32 loads) {
        if constexpr (traps != Traps::kNone)
            if (traps_simd(c)) [[unlikely]]
                return finish_trapping(c, i, b, loads);
        commit(c, i, apply(c, i, b));
        return next(c, i);
    }
    [[gnu::cold, gnu::noinline]] static Exit finish_trapping(Cpu& c, const Insn* i, Value b, u32 loads) {
        begin_trapping(c);
        const auto result = apply(c, i, b);
        bool tiny = false;
        if constexpr (traps >= Traps::kTinyPs) tiny = is_tiny<traps>(result);
        if (end_trapping(c, tiny)) return fault_after(c, i, mmu::Vector::kSimdFloatingPoint, loads, 0);
        commit(c, i, result);
        return next(c, i);
    }

    static Exit run_register(Cpu& c, const Insn* i) {
        return finish(c, i, Source::from_register(c, i->src), 0);
    }

    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 address = Address::address(c, i);
        if constexpr (Source::kAligned)
            if (address % Source::kSize) [[unlikely]]
                return raise(c, i, mmu::Vector::kGeneralProtection);
        const u8* p = c.l0.hit(c.l0.load, address, Source::kSize);
        if (!p) [[unlikely]]
            return run_missed(c, i, address);
        return finish(c, i, Source::from_memory(p), 1);
    }
    /// Out of line, so that run() is a leaf.
    [[gnu::cold, gnu::noinline]] static Exit run_missed(Cpu& c, const Insn* i, u64 address) {
        const u8* p = c.read_slow(address, Source::kSize);
        if (!p) return fault_exit(c, i, 1, 0);
        return finish(c, i, Source::from_memory(p), 1);
    }
};

template <class Form>
Handler pick_address(const Insn& i) {
    return needs_any_address(i) ? &Form::template run<AnyAddress> : &Form::template run<BaseDisp>;
}

/// The source in r/m: read by the form's run(), or the register `source` for its run_register().
template <class Form>
void pick_source(const Fields& f, Insn& out, u8 source) {
    if (f.memory()) {
        out.run = pick_address<Form>(out);
        add_cost(out, 1, 0);
    } else {
        out.src = source;
        out.run = &Form::run_register;
    }
}

/// reg, r/m.
template <auto op, class Source = XmmM128, Traps traps = Traps::kNone>
bool vector_op(const Fields& f, Insn& out) {
    using Form = VectorOp<op, Source, traps>;
    out.dst = Form::kToGeneral ? gpr(f.reg, 8, true) : f.reg;
    pick_source<Form>(f, out, Source::operand(f));
    return true;
}

/// As vector_op(), with the immediate in `aux`.
template <auto op, class Source = XmmM128, Traps traps = Traps::kNone>
bool vector_immediate(const Fields& f, Insn& out) {
    out.aux = static_cast<u8>(f.immediate());
    return vector_op<op, Source, traps>(f, out);
}

/// As vector_op(), for what REX.W widens: general registers of 32 or 64 bits.
template <auto op32, auto op64, Traps traps = Traps::kNone>
bool vector_from_general(const Fields& f, Insn& out) {
    return f.rex_w() ? vector_op<op64, GeneralSource<u64>, traps>(f, out)
                     : vector_op<op32, GeneralSource<u32>, traps>(f, out);
}
template <auto op32, auto op64, class Source, Traps traps = Traps::kNone>
bool general_from_vector(const Fields& f, Insn& out) {
    return f.rex_w() ? vector_op<op64, Source, traps>(f, out) : vector_op<op32, Source, traps>(f, out);
}

/// A body `[]<u8 immediate>(Xmm a, Xmm b)` whose instruction on the host has the immediate as well.
template <auto op, u8 immediate>
constexpr auto kWithImmediate = [](Xmm a, Xmm b) { return op.template operator()<immediate>(a, b); };

template <auto op, class Source, u8... values>
constexpr std::array<Build, sizeof...(values)> immediate_builds(std::integer_sequence<u8, values...>) {
    return {vector_op<kWithImmediate<op, values>, Source, Traps::kSome>...};
}

/// The low bits of the immediate, of which there are `count` values, choose the handler.
template <auto op, class Source, u8 count>
bool chosen_by_immediate(const Fields& f, Insn& out) {
    static constexpr auto kBuilds = immediate_builds<op, Source>(std::make_integer_sequence<u8, count>());
    return kBuilds[f.immediate() & (count - 1)](f, out);
}

/// A row of map 0F.
constexpr OpcodeRow row(const char* name, Prefix prefix, u8 opcode, Build build,
                        Operand operand = Operand::kAny, i8 extension = -1) {
    return {name, Map::k0F, opcode, build, 1, extension, prefix, operand};
}

/// Rows of maps 0F 38 and 0F 3A.
constexpr OpcodeRow row38(Feature feature, const char* name, Prefix prefix, u8 opcode, Build build,
                          Operand operand = Operand::kAny) {
    return needs(feature, {name, Map::k0F38, opcode, build, 1, -1, prefix, operand});
}
constexpr OpcodeRow row3a(Feature feature, const char* name, Prefix prefix, u8 opcode, Build build,
                          Operand operand = Operand::kAny) {
    return needs(feature, {name, Map::k0F3A, opcode, build, 1, -1, prefix, operand});
}

}  // namespace emu::insn
