// BMI1 and BMI2: VEX-encoded instructions on general registers. SDM Vol. 2. Plain C++, the same on any host.
// PF and AF, which the manual leaves undefined, are cleared, and so is SF after BEXTR.
#include "emu/insn/chapters.h"
#include "emu/insn/source_forms.h"

namespace emu::insn {
namespace {

template <class T>
constexpr unsigned kBits = 8 * sizeof(T);

/// The operand that VEX.vvvv names.
template <class T>
[[gnu::always_inline]] inline T third(const Cpu& c, const Insn* i) {
    return c.reg<T>(i->aux);
}

struct Andn {
    template <class T>
    [[gnu::always_inline]] static void apply(Cpu& c, const Insn* i, T source) {
        const auto result = static_cast<T>(~third<T>(c, i) & source);
        c.flags = sign_and_zero(result);
        c.set_reg(i->dst, result);
    }
};

/// Bits start .. start + length - 1 of the source; both are bytes of the third operand.
struct Bextr {
    template <class T>
    [[gnu::always_inline]] static void apply(Cpu& c, const Insn* i, T source) {
        const unsigned start = c.reg<u8>(i->aux), length = c.reg<u8>(static_cast<u8>(i->aux + 1));
        T result = start < kBits<T> ? static_cast<T>(source >> start) : T{0};
        if (length < kBits<T>) result = static_cast<T>(result & ((T{1} << length) - 1));
        c.flags = static_cast<Flags>(FlagBits::kAlwaysOne | (result == 0 ? FlagBits::kZf : 0));
        c.set_reg(i->dst, result);
    }
};

struct Bzhi {
    template <class T>
    [[gnu::always_inline]] static void apply(Cpu& c, const Insn* i, T source) {
        const unsigned index = c.reg<u8>(i->aux);
        const bool all = index >= kBits<T>;
        const T result = all ? source : static_cast<T>(source & ((T{1} << index) - 1));
        c.flags = static_cast<Flags>(sign_and_zero(result) | (all ? FlagBits::kCf : 0));
        c.set_reg(i->dst, result);
    }
};

/// In the order of ModRM.reg.
enum class LowestBit : u8 { kReset = 1, kMask = 2, kIsolate = 3 };

/// BLSR BLSMSK BLSI.
template <LowestBit op>
struct Lowest {
    template <class T>
    [[gnu::always_inline]] static void apply(Cpu& c, const Insn* i, T source) {
        const auto less = static_cast<T>(source - 1);
        const auto result = static_cast<T>(op == LowestBit::kReset  ? source & less
                                           : op == LowestBit::kMask ? source ^ less
                                                                    : source & ~less);
        const bool carry = (source == 0) != (op == LowestBit::kIsolate);
        c.flags = static_cast<Flags>(sign_and_zero(result) | (carry ? FlagBits::kCf : 0));
        c.set_reg(i->dst, result);
    }
};

enum class Shift : u8 { kLeft, kRight, kArithmetic };

template <Shift op>
struct ShiftByThird {
    template <class T>
    [[gnu::always_inline]] static void apply(Cpu& c, const Insn* i, T source) {
        const unsigned count = c.reg<u8>(i->aux) & (kBits<T> - 1);
        if constexpr (op == Shift::kLeft)
            c.set_reg(i->dst, static_cast<T>(source << count));
        else if constexpr (op == Shift::kRight)
            c.set_reg(i->dst, static_cast<T>(source >> count));
        else
            c.set_reg(i->dst, static_cast<T>(static_cast<std::make_signed_t<T>>(source) >> count));
    }
};

/// The count is in `aux`.
struct Rorx {
    template <class T>
    [[gnu::always_inline]] static void apply(Cpu& c, const Insn* i, T source) {
        const unsigned count = i->aux;
        c.set_reg(i->dst, static_cast<T>(source >> count | source << (-count & (kBits<T> - 1))));
    }
};

/// The high half goes to ModRM.reg, the low one to VEX.vvvv, in this order of precedence.
struct Mulx {
    template <class T>
    [[gnu::always_inline]] static void apply(Cpu& c, const Insn* i, T source) {
        const auto product = static_cast<unsigned __int128>(c.reg<T>(mmu::kRdx * 8)) * source;
        c.set_reg(i->aux, static_cast<T>(product));
        c.set_reg(i->dst, static_cast<T>(product >> kBits<T>));
    }
};

/// The source is the mask.
struct Pdep {
    template <class T>
    static void apply(Cpu& c, const Insn* i, T mask) {
        const T from = third<T>(c, i);
        T result = 0;
        for (T bit = 1; mask != 0; mask = static_cast<T>(mask & (mask - 1)), bit = static_cast<T>(bit << 1))
            if (from & bit) result = static_cast<T>(result | (mask & -mask));
        c.set_reg(i->dst, result);
    }
};
struct Pext {
    template <class T>
    static void apply(Cpu& c, const Insn* i, T mask) {
        const T from = third<T>(c, i);
        T result = 0;
        for (T bit = 1; mask != 0; mask = static_cast<T>(mask & (mask - 1)), bit = static_cast<T>(bit << 1))
            if (from & mask & -mask) result = static_cast<T>(result | bit);
        c.set_reg(i->dst, result);
    }
};

/// reg and vvvv beside r/m.
template <class Body>
bool three(const Fields& f, Insn& out) {
    out.dst = Slot::of(f.reg);
    out.aux = Slot::of(f.vex_vvvv);
    return source_operand<Body>(f, out, f.width());
}

/// vvvv is the destination.
template <class Body>
bool to_third(const Fields& f, Insn& out) {
    out.dst = Slot::of(f.vex_vvvv);
    return source_operand<Body>(f, out, f.width());
}

bool rorx(const Fields& f, Insn& out) {
    out.dst = Slot::of(f.reg);
    out.aux = static_cast<u8>(f.immediate() & (8 * f.width() - 1));
    return source_operand<Rorx>(f, out, f.width());
}

constexpr OpcodeRow vex_row(const char* name, Map map, Prefix prefix, u8 opcode, Build build,
                            i8 extension = -1, bool vvvv = true) {
    return {.name = name,
            .map = map,
            .opcode = opcode,
            .build = build,
            .extension = extension,
            .prefix = prefix,
            .encoding = Encoding::kVex,
            .vex = {.length = VexLength::k128, .vvvv = vvvv}};
}
constexpr OpcodeRow bmi1(const char* name, u8 opcode, Build build, i8 extension = -1) {
    return needs(Feature::kBmi1, vex_row(name, Map::k0F38, Prefix::kNone, opcode, build, extension));
}
constexpr OpcodeRow bmi2(const char* name, Prefix prefix, u8 opcode, Build build) {
    return needs(Feature::kBmi2, vex_row(name, Map::k0F38, prefix, opcode, build));
}

}  // namespace

Rows bmi() {
    constexpr auto kNone = Prefix::kNone, k66 = Prefix::k66, kF3 = Prefix::kF3, kF2 = Prefix::kF2;
    static constexpr OpcodeRow kRows[] = {
        bmi1("andn", 0xf2, three<Andn>),
        bmi1("blsr", 0xf3, to_third<Lowest<LowestBit::kReset>>, 1),
        bmi1("blsmsk", 0xf3, to_third<Lowest<LowestBit::kMask>>, 2),
        bmi1("blsi", 0xf3, to_third<Lowest<LowestBit::kIsolate>>, 3),
        bmi1("bextr", 0xf7, three<Bextr>),
        bmi2("bzhi", kNone, 0xf5, three<Bzhi>),
        bmi2("pext", kF3, 0xf5, three<Pext>),
        bmi2("pdep", kF2, 0xf5, three<Pdep>),
        bmi2("mulx", kF2, 0xf6, three<Mulx>),
        bmi2("shlx", k66, 0xf7, three<ShiftByThird<Shift::kLeft>>),
        bmi2("sarx", kF3, 0xf7, three<ShiftByThird<Shift::kArithmetic>>),
        bmi2("shrx", kF2, 0xf7, three<ShiftByThird<Shift::kRight>>),
        needs(Feature::kBmi2, vex_row("rorx", Map::k0F3A, kF2, 0xf0, rorx, -1, false)),
    };
    return kRows;
}

void add_bmi_flags(FlagTable& table) {
    using Effect = FlagTable::Effect;
    add_source_flags<Andn, Bextr, Bzhi, Lowest<LowestBit::kReset>, Lowest<LowestBit::kMask>,
                     Lowest<LowestBit::kIsolate>>(table, Effect::kOverwrites);
    add_source_flags<ShiftByThird<Shift::kLeft>, ShiftByThird<Shift::kRight>,
                     ShiftByThird<Shift::kArithmetic>, Rorx, Mulx, Pdep, Pext>(table, Effect::kNeutral);
}

}  // namespace emu::insn
