// MUL IMUL DIV IDIV. SDM Vol. 2. Flags that the manual leaves undefined stay as they were: AMD's Zen does so
// for the products.
#include <limits>
#include <type_traits>

#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {
namespace {

constexpr u8 kRaxOffset = 0, kRdxOffset = mmu::kRdx * 8;

__extension__ using u128 = unsigned __int128;
__extension__ using i128 = __int128;

/// The type of twice the width.
template <class T>
struct Double;
template <>
struct Double<u8> {
    using type = u16;
};
template <>
struct Double<u16> {
    using type = u32;
};
template <>
struct Double<u32> {
    using type = u64;
};
template <>
struct Double<u64> {
    using type = u128;
};
template <class T>
using Wide = typename Double<T>::type;

template <class T>
constexpr unsigned kBits = sizeof(T) * 8;

/// CF = OF = the product did not fit.
[[gnu::always_inline]] inline void set_carry_overflow(Flags& flags, bool overflow) {
    constexpr Flags kBoth = FlagBits::kCf | FlagBits::kOf;
    flags = static_cast<Flags>((flags & ~kBoth) | overflow * kBoth);
}

/// The double-width value in rDX:rAX, or in AX for bytes.
template <class T>
[[gnu::always_inline]] inline Wide<T> accumulator(const Cpu& c) {
    if constexpr (sizeof(T) == 1)
        return c.reg<u16>(kRaxOffset);
    else
        return static_cast<Wide<T>>(static_cast<Wide<T>>(c.reg<T>(kRdxOffset)) << kBits<T> |
                                    c.reg<T>(kRaxOffset));
}
template <class T>
[[gnu::always_inline]] inline void set_accumulator(Cpu& c, T high, T low) {
    if constexpr (sizeof(T) == 1) {
        c.set_reg<u16>(kRaxOffset, static_cast<u16>(high << 8 | low));
    } else {
        c.set_reg<T>(kRaxOffset, low);
        c.set_reg<T>(kRdxOffset, high);
    }
}

struct Mul {
    template <class T>
    static bool apply(Cpu& c, T source) {
        const auto product = static_cast<Wide<T>>(static_cast<Wide<T>>(c.reg<T>(kRaxOffset)) * source);
        const T high = static_cast<T>(product >> kBits<T>);
        set_accumulator<T>(c, high, static_cast<T>(product));
        set_carry_overflow(c.flags, high != 0);
        return true;
    }
};

struct Imul {
    template <class T>
    static bool apply(Cpu& c, T source) {
        using S = std::make_signed_t<T>;
        using WideSigned = std::conditional_t<sizeof(T) == 8, i128, i64>;
        const WideSigned product =
            static_cast<WideSigned>(static_cast<S>(c.reg<T>(kRaxOffset))) * static_cast<S>(source);
        set_accumulator<T>(c, static_cast<T>(product >> kBits<T>), static_cast<T>(product));
        set_carry_overflow(c.flags, product != static_cast<S>(product));
        return true;
    }
};

/// `dividend` / `divisor`, whose quotient is known to fit.
template <class T>
[[gnu::always_inline]] inline void divide(Wide<T> dividend, T divisor, T& quotient, T& remainder) {
    if constexpr (sizeof(T) == 8) {
        // The compiler would call a function for a 128-bit dividend.
        asm("div %[divisor]"
            : "=a"(quotient), "=d"(remainder)
            : "a"(static_cast<u64>(dividend)), "d"(static_cast<u64>(dividend >> 64)), [divisor] "r"(divisor)
            : "cc");
    } else {
        quotient = static_cast<T>(dividend / divisor);
        remainder = static_cast<T>(dividend % divisor);
    }
}

struct Div {
    template <class T>
    static bool apply(Cpu& c, T divisor) {
        const Wide<T> dividend = accumulator<T>(c);
        if (static_cast<T>(dividend >> kBits<T>) >= divisor) [[unlikely]]
            return false;  // 0, or a quotient too large
        T quotient, remainder;
        divide<T>(dividend, divisor, quotient, remainder);
        set_accumulator<T>(c, remainder, quotient);
        return true;
    }
};

/// By magnitudes; the remainder has the dividend's sign.
struct Idiv {
    template <class T>
    static bool apply(Cpu& c, T source) {
        const Wide<T> dividend = accumulator<T>(c);
        const bool negative = dividend >> (2 * kBits<T> - 1) & 1,
                   divisor_negative = source >> (kBits<T> - 1) & 1;
        const auto magnitude = static_cast<Wide<T>>(negative ? Wide<T>{0} - dividend : dividend);
        const auto divisor = static_cast<T>(divisor_negative ? T{0} - source : source);
        if (static_cast<T>(magnitude >> kBits<T>) >= divisor) [[unlikely]]
            return false;
        T quotient, remainder;
        divide<T>(magnitude, divisor, quotient, remainder);
        const bool minus = negative != divisor_negative;
        constexpr T kMost = std::numeric_limits<std::make_signed_t<T>>::max();
        if (quotient > static_cast<T>(kMost + minus)) [[unlikely]]
            return false;
        set_accumulator<T>(c, static_cast<T>(negative ? T{0} - remainder : remainder),
                           static_cast<T>(minus ? T{0} - quotient : quotient));
        return true;
    }
};

template <class Op>
struct OneReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        if (!Op::template apply<T>(c, c.reg<T>(i->src))) [[unlikely]]
            return raise(c, i, mmu::Vector::kDivideError);
        return next(c, i);
    }
};
template <class Op>
struct OneMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), sizeof(T));
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        if (!Op::template apply<T>(c, get<T>(p))) [[unlikely]]
            return fault_after(c, i, mmu::Vector::kDivideError, 1, 0);
        return next(c, i);
    }
};

template <class T>
[[gnu::always_inline]] inline T imul(T a, T b, Flags& flags) {
    std::make_signed_t<T> product;
    const bool overflow = __builtin_mul_overflow(static_cast<std::make_signed_t<T>>(a),
                                                 static_cast<std::make_signed_t<T>>(b), &product);
    set_carry_overflow(flags, overflow);
    return static_cast<T>(product);
}

/// dst = dst * r/m, or r/m * immediate.
template <bool immediate>
struct ImulReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const T other = immediate ? static_cast<T>(i->imm) : c.reg<T>(i->dst);
        c.set_reg(i->dst, imul(c.reg<T>(i->src), other, c.flags));
        return next(c, i);
    }
};
/// Its quiet twin.
template <bool immediate>
struct QuietImulReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const T other = immediate ? static_cast<T>(i->imm) : c.reg<T>(i->dst);
        c.set_reg(i->dst, static_cast<T>(u64{c.reg<T>(i->src)} * u64{other}));
        return next(c, i);
    }
};
template <bool immediate>
struct ImulMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), sizeof(T));
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        const T other = immediate ? static_cast<T>(i->imm) : c.reg<T>(i->dst);
        c.set_reg(i->dst, imul(get<T>(p), other, c.flags));
        return next(c, i);
    }
};

template <class Op>
bool one_operand(const Fields& f, Insn& out) {
    const unsigned width = width_by_opcode(f);
    if (f.memory()) {
        add_cost(out, 1, 0);
        out.run = pick_any_memory<OneMem<Op>>(width);
    } else {
        out.src = rm_operand(f, width);
        out.run = pick<OneReg<Op>>(width);
    }
    return true;
}

template <bool immediate>
bool imul_to_register(const Fields& f, Insn& out) {
    const unsigned width = f.width();
    out.dst = reg_operand(f, width);
    if (f.memory()) {
        add_cost(out, 1, 0);
        out.run = pick_memory<ImulMem<immediate>>(width, out);
    } else {
        out.src = rm_operand(f, width);
        out.run = pick<ImulReg<immediate>>(width);
    }
    return true;
}

}  // namespace

Rows multiply() {
    static constexpr OpcodeRow kRows[] = {
        {"mul", Map::kOne, 0xf6, one_operand<Mul>, 2, 4},  {"imul", Map::kOne, 0xf6, one_operand<Imul>, 2, 5},
        {"div", Map::kOne, 0xf6, one_operand<Div>, 2, 6},  {"idiv", Map::kOne, 0xf6, one_operand<Idiv>, 2, 7},
        {"imul", Map::k0F, 0xaf, imul_to_register<false>}, {"imul", Map::kOne, 0x69, imul_to_register<true>},
        {"imul", Map::kOne, 0x6b, imul_to_register<true>},
    };
    return kRows;
}

void add_multiply_flags(FlagTable& table) {
    // CF and OF are written, the others are left as they are here.
    for (const unsigned width : {2u, 4u, 8u}) {
        table.add(pick<ImulReg<false>>(width), FlagTable::Effect::kNeutral, pick<QuietImulReg<false>>(width));
        table.add(pick<ImulReg<true>>(width), FlagTable::Effect::kNeutral, pick<QuietImulReg<true>>(width));
    }
}

}  // namespace emu::insn
