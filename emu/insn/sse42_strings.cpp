// SSE4.2's string comparisons: PCMPESTRI PCMPESTRM PCMPISTRI PCMPISTRM. SDM Vol. 2B 4.1. They run on the
// host, which wants the kind of comparison in its instruction: one function for each of the 128 kinds.
#include <algorithm>
#include <utility>

#include "emu/insn/access.h"
#include "emu/insn/chapters.h"
#include "emu/insn/vector_forms.h"

namespace emu::insn {
namespace {

struct Lengths {
    int a, b;  ///< of explicit-length strings, -16 .. 16
};

/// Sets ECX or XMM0, and the flags.
using Comparison = void (*)(Cpu&, Xmm a, Xmm b, Lengths lengths);

enum class Kind : u8 {
    kExplicitMask,
    kExplicitIndex,
    kImplicitMask,
    kImplicitIndex
};  ///< by opcode 60h .. 63h

template <Kind kind, u8 control>
void compare(Cpu& c, Xmm a, Xmm b, Lengths lengths) {
    u32 index = 0;
    Xmm mask = _mm_setzero_si128();
    Flags flags;
    u64 rax = static_cast<u32>(lengths.a);
    if constexpr (kind == Kind::kExplicitIndex)
        asm("pcmpestri %[control], %[b], %[a]\n\tlahf\n\tseto %%al"
            : "+&a"(rax), "=&c"(index)
            : [a] "x"(a), [b] "x"(b), "d"(lengths.b), [control] "i"(control)
            : "cc");
    else if constexpr (kind == Kind::kImplicitIndex)
        asm("pcmpistri %[control], %[b], %[a]\n\tlahf\n\tseto %%al"
            : "+&a"(rax), "=&c"(index)
            : [a] "x"(a), [b] "x"(b), [control] "i"(control)
            : "cc");
    else if constexpr (kind == Kind::kExplicitMask)
        asm("pcmpestrm %[control], %[b], %[a]\n\tlahf\n\tseto %%al"
            : "+&a"(rax), "=&Yz"(mask)
            : [a] "x"(a), [b] "x"(b), "d"(lengths.b), [control] "i"(control)
            : "cc");
    else
        asm("pcmpistrm %[control], %[b], %[a]\n\tlahf\n\tseto %%al"
            : "+&a"(rax), "=&Yz"(mask)
            : [a] "x"(a), [b] "x"(b), [control] "i"(control)
            : "cc");
    flags = static_cast<Flags>(rax);
    c.flags = flags;
    if constexpr (kind == Kind::kExplicitIndex || kind == Kind::kImplicitIndex)
        c.set_reg<u32>(mmu::kRcx * 8, index);
    else
        set_xmm(c, 0, mask);
}

/// Bit 7 of the immediate does nothing.
constexpr unsigned kControls = 128;

struct Comparisons {
    Comparison by_control[kControls];
};

template <Kind kind, unsigned... controls>
constexpr Comparisons comparisons(std::integer_sequence<unsigned, controls...>) {
    return {{&compare<kind, controls>...}};
}

/// The lengths are counted in elements and cut to a register's worth of the smallest ones; their sign does
/// not matter.
template <class T>
int length_in(const Cpu& c, u8 number) {
    return static_cast<int>(std::clamp<i64>(static_cast<i64>(c.reg<T>(Slot::of(number))), -16, 16));
}

template <Kind kind, bool wide>
struct StringComparison {
    static constexpr auto kComparisons = comparisons<kind>(std::make_integer_sequence<unsigned, kControls>());
    using Length = std::conditional_t<wide, i64, i32>;

    [[gnu::always_inline]] static void step(Cpu& c, const Insn* i, Xmm b) {
        Lengths lengths{};
        if constexpr (kind == Kind::kExplicitIndex || kind == Kind::kExplicitMask)
            lengths = {length_in<Length>(c, mmu::kRax), length_in<Length>(c, mmu::kRdx)};
        kComparisons.by_control[i->aux](c, xmm(c, i->dst), b, lengths);
    }
    static Exit run_register(Cpu& c, const Insn* i) {
        step(c, i, xmm(c, i->src));
        return next(c, i);
    }
    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), 16);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        step(c, i, XmmM128Unaligned::from_memory(p));
        return next(c, i);
    }
};

template <class Form>
bool build(const Fields& f, Insn& out) {
    out.dst = f.reg;
    out.aux = f.immediate() & (kControls - 1);
    pick_source<Form>(f, out, f.rm);
    return true;
}

template <Kind kind>
bool explicit_lengths(const Fields& f, Insn& out) {
    return f.rex_w() ? build<StringComparison<kind, true>>(f, out)
                     : build<StringComparison<kind, false>>(f, out);
}

constexpr OpcodeRow row(const char* name, u8 opcode, Build build) {
    return row3a(Feature::kSse42, name, Prefix::k66, opcode, build);
}

}  // namespace

Rows sse42_strings() {
    static constexpr OpcodeRow kRows[] = {
        row("pcmpestrm", 0x60, explicit_lengths<Kind::kExplicitMask>),
        row("pcmpestri", 0x61, explicit_lengths<Kind::kExplicitIndex>),
        row("pcmpistrm", 0x62, build<StringComparison<Kind::kImplicitMask, false>>),
        row("pcmpistri", 0x63, build<StringComparison<Kind::kImplicitIndex, false>>),
    };
    return kRows;
}

}  // namespace emu::insn
