// Arithmetic whose flags are the host's own: the operation runs on the host CPU and LAHF and SETO bring its
// flags. Precise at every instruction, and faster than keeping operands for later. On hosts that are not
// x86-64 a portable twin is needed here; the tests of tests/emu/host_flags.cpp are its specification.
#pragma once

#include <type_traits>

#include "emu/cpu/cpu.h"

namespace emu::insn {

enum class Alu : u8 { kAdd, kOr, kAdc, kSbb, kAnd, kSub, kXor, kCmp, kTest };

/// dst = dst op src, with the six arithmetic flags of the result in `flags` (CF is read by ADC and SBB). AF
/// after a logical operation is undefined by the manual and the host's here.
template <Alu op, class T>
[[gnu::always_inline]] inline T alu(T dst, T src, Flags& flags) {
    if constexpr (op == Alu::kAdc || op == Alu::kSbb) {
        const u8 carry = (flags >> 8) & 1;
        if constexpr (op == Alu::kAdc)
            asm("btl $0, %k[carry]\n\tadc %[src], %[dst]\n\tlahf\n\tseto %%al"
                : [dst] "+&r"(dst), "=&a"(flags)
                : [src] "r"(src), [carry] "r"(carry)
                : "cc");
        else
            asm("btl $0, %k[carry]\n\tsbb %[src], %[dst]\n\tlahf\n\tseto %%al"
                : [dst] "+&r"(dst), "=&a"(flags)
                : [src] "r"(src), [carry] "r"(carry)
                : "cc");
    } else if constexpr (op == Alu::kAdd) {
        asm("add %[src], %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "=&a"(flags)
            : [src] "r"(src)
            : "cc");
    } else if constexpr (op == Alu::kOr) {
        asm("or %[src], %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "=&a"(flags)
            : [src] "r"(src)
            : "cc");
    } else if constexpr (op == Alu::kAnd) {
        asm("and %[src], %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "=&a"(flags)
            : [src] "r"(src)
            : "cc");
    } else if constexpr (op == Alu::kSub) {
        asm("sub %[src], %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "=&a"(flags)
            : [src] "r"(src)
            : "cc");
    } else if constexpr (op == Alu::kXor) {
        asm("xor %[src], %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "=&a"(flags)
            : [src] "r"(src)
            : "cc");
    } else if constexpr (op == Alu::kCmp) {
        asm("cmp %[src], %[dst]\n\tlahf\n\tseto %%al" : "=&a"(flags) : [dst] "r"(dst), [src] "r"(src) : "cc");
    } else {
        asm("test %[src], %[dst]\n\tlahf\n\tseto %%al"
            : "=&a"(flags)
            : [dst] "r"(dst), [src] "r"(src)
            : "cc");
    }
    return dst;
}

/// The same without flags, for where nobody will see them.
template <Alu op, class T>
[[gnu::always_inline]] constexpr T quiet_alu(T dst, T src) {
    static_assert(op != Alu::kAdc && op != Alu::kSbb);
    switch (op) {
        case Alu::kAdd:
            return static_cast<T>(dst + src);
        case Alu::kOr:
            return static_cast<T>(dst | src);
        case Alu::kAnd:
            return static_cast<T>(dst & src);
        case Alu::kSub:
            return static_cast<T>(dst - src);
        case Alu::kXor:
            return static_cast<T>(dst ^ src);
        default:
            return dst;
    }
}

constexpr bool writes(Alu op) {
    return op != Alu::kCmp && op != Alu::kTest;
}

enum class Unary : u8 { kInc, kDec, kNeg, kNot };

/// dst = op dst. INC and DEC leave CF, NOT leaves all flags.
template <Unary op, class T>
[[gnu::always_inline]] inline T unary(T dst, Flags& flags) {
    const Flags carry = flags & FlagBits::kCf;
    if constexpr (op == Unary::kInc) {
        asm("add %[one], %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "=&a"(flags)
            : [one] "r"(static_cast<T>(1))
            : "cc");
        flags = static_cast<Flags>((flags & ~FlagBits::kCf) | carry);
    } else if constexpr (op == Unary::kDec) {
        asm("sub %[one], %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "=&a"(flags)
            : [one] "r"(static_cast<T>(1))
            : "cc");
        flags = static_cast<Flags>((flags & ~FlagBits::kCf) | carry);
    } else if constexpr (op == Unary::kNeg) {
        asm("neg %[dst]\n\tlahf\n\tseto %%al" : [dst] "+&r"(dst), "=&a"(flags) : : "cc");
    } else {
        dst = static_cast<T>(~dst);
    }
    return dst;
}

template <Unary op, class T>
[[gnu::always_inline]] constexpr T quiet_unary(T dst) {
    switch (op) {
        case Unary::kInc:
            return static_cast<T>(dst + 1);
        case Unary::kDec:
            return static_cast<T>(dst - 1);
        case Unary::kNeg:
            return static_cast<T>(T{0} - dst);
        default:
            return static_cast<T>(~dst);
    }
}

/// Condition codes in their encoding order (SDM Vol. 2D B.1.4.7).
enum class Condition : u8 { kO, kNo, kB, kAe, kE, kNe, kBe, kA, kS, kNs, kP, kNp, kL, kGe, kLe, kG };

template <Condition condition>
[[gnu::always_inline]] inline bool holds(Flags flags) {
    constexpr auto kPlain = static_cast<Condition>(static_cast<u8>(condition) & ~1);
    bool value;
    if constexpr (kPlain == Condition::kO)
        value = flags & FlagBits::kOf;
    else if constexpr (kPlain == Condition::kB)
        value = flags & FlagBits::kCf;
    else if constexpr (kPlain == Condition::kE)
        value = flags & FlagBits::kZf;
    else if constexpr (kPlain == Condition::kBe)
        value = flags & (FlagBits::kCf | FlagBits::kZf);
    else if constexpr (kPlain == Condition::kS)
        value = flags & FlagBits::kSf;
    else if constexpr (kPlain == Condition::kP)
        value = flags & FlagBits::kPf;
    else {
        const bool less = ((flags >> 15) ^ flags) & 1;
        value = kPlain == Condition::kL ? less : less | static_cast<bool>(flags & FlagBits::kZf);
    }
    return value != static_cast<bool>(static_cast<u8>(condition) & 1);
}

/// A comparison whose condition is wanted at once: flags kept as by alu(), the condition answered by the host
/// itself.
template <Alu op, Condition condition, class T>
[[gnu::always_inline]] inline bool compare(T dst, T src, Flags& flags) {
    alu<op, T>(dst, src, flags);
    if constexpr (op == Alu::kTest || op == Alu::kCmp) {
        if constexpr (condition == Condition::kE) return op == Alu::kCmp ? dst == src : (dst & src) == 0;
        if constexpr (condition == Condition::kNe) return op == Alu::kCmp ? dst != src : (dst & src) != 0;
    }
    if constexpr (op == Alu::kCmp) {
        using S = std::make_signed_t<T>;
        const auto a = static_cast<S>(dst), b = static_cast<S>(src);
        if constexpr (condition == Condition::kB) return dst < src;
        if constexpr (condition == Condition::kAe) return dst >= src;
        if constexpr (condition == Condition::kBe) return dst <= src;
        if constexpr (condition == Condition::kA) return dst > src;
        if constexpr (condition == Condition::kL) return a < b;
        if constexpr (condition == Condition::kGe) return a >= b;
        if constexpr (condition == Condition::kLe) return a <= b;
        if constexpr (condition == Condition::kG) return a > b;
    }
    return holds<condition>(flags);
}

}  // namespace emu::insn
