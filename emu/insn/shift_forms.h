// The form of the shift chapter that pairs.cpp knows by address.
#pragma once

#include <algorithm>
#include <bit>

#include "emu/insn/host_shifts.h"
#include "emu/insn/operands.h"

namespace emu::insn {

/// The quiet twin of a shift by a constant that is not 0.
template <Shift op>
struct QuietShiftConstant {
    template <class T>
    [[gnu::always_inline]] static void step(Cpu& c, const Insn* i) {
        using Signed = std::make_signed_t<T>;
        constexpr unsigned kBits = 8 * sizeof(T);
        const T value = c.reg<T>(i->dst);
        const unsigned count = i->aux;
        T result;
        if constexpr (op == Shift::kRol)
            result = std::rotl(value, static_cast<int>(count % kBits));
        else if constexpr (op == Shift::kRor)
            result = std::rotr(value, static_cast<int>(count % kBits));
        else if constexpr (op == Shift::kSar)  // a count beyond the width fills with the sign
            result = static_cast<T>(static_cast<Signed>(value) >> std::min(count, kBits - 1));
        else if (count >= kBits)  // of an 8- or 16-bit operand
            result = 0;
        else if constexpr (op == Shift::kShl)
            result = static_cast<T>(u64{value} << count);
        else
            result = static_cast<T>(value >> count);
        c.set_reg(i->dst, result);
    }
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        step<T>(c, i);
        return next(c, i);
    }
};

}  // namespace emu::insn
