// Shifts and rotates with the host's own flags, as host_flags.h has arithmetic. Rotates change CF and OF only
// and a count of zero changes nothing, so the guest's flags are loaded into the host before such an
// operation. The same note on hosts that are not x86-64 applies.
#pragma once

#include "emu/cpu/cpu.h"

namespace emu::insn {

/// In the order of their encodings in ModRM.reg; 6 is SHL as well.
enum class Shift : u8 { kRol, kRor, kRcl, kRcr, kShl, kShr, kSar = 7 };

/// dst = dst op count for a count other than 0 and an operation that writes all flags: SHL, SHR, SAR.
template <Shift op, class T>
[[gnu::always_inline]] inline T shift_nonzero(T dst, u8 count, Flags& flags) {
    static_assert(op == Shift::kShl || op == Shift::kShr || op == Shift::kSar);
    if constexpr (op == Shift::kShl)
        asm("shl %%cl, %[dst]\n\tlahf\n\tseto %%al" : [dst] "+&r"(dst), "=&a"(flags) : "c"(count) : "cc");
    else if constexpr (op == Shift::kShr)
        asm("shr %%cl, %[dst]\n\tlahf\n\tseto %%al" : [dst] "+&r"(dst), "=&a"(flags) : "c"(count) : "cc");
    else
        asm("sar %%cl, %[dst]\n\tlahf\n\tseto %%al" : [dst] "+&r"(dst), "=&a"(flags) : "c"(count) : "cc");
    return dst;
}

/// ROL and ROR by a count other than 0: CF and OF change and nothing else, so two SETcc are cheaper than all
/// flags.
template <Shift op, class T>
[[gnu::always_inline]] inline T rotate_nonzero(T dst, u8 count, Flags& flags) {
    static_assert(op == Shift::kRol || op == Shift::kRor);
    Flags changed = 0;
    if constexpr (op == Shift::kRol)
        asm("rol %%cl, %[dst]\n\tsetc %%ah\n\tseto %%al"
            : [dst] "+&r"(dst), "+&a"(changed)
            : "c"(count)
            : "cc");
    else
        asm("ror %%cl, %[dst]\n\tsetc %%ah\n\tseto %%al"
            : [dst] "+&r"(dst), "+&a"(changed)
            : "c"(count)
            : "cc");
    flags = static_cast<Flags>((flags & ~(FlagBits::kCf | FlagBits::kOf)) | changed);
    return dst;
}

/// dst = dst op count for any count; the host masks it as the guest's CPU does.
template <Shift op, class T>
[[gnu::always_inline]] inline T shift(T dst, u8 count, Flags& flags) {
    // Adding 127 to the OF in AL overflows exactly when it is 1; SAHF loads the rest from AH.
    if constexpr (op == Shift::kRol)
        asm("addb $127, %%al\n\tsahf\n\trol %%cl, %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "+&a"(flags)
            : "c"(count)
            : "cc");
    else if constexpr (op == Shift::kRor)
        asm("addb $127, %%al\n\tsahf\n\tror %%cl, %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "+&a"(flags)
            : "c"(count)
            : "cc");
    else if constexpr (op == Shift::kRcl)
        asm("addb $127, %%al\n\tsahf\n\trcl %%cl, %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "+&a"(flags)
            : "c"(count)
            : "cc");
    else if constexpr (op == Shift::kRcr)
        asm("addb $127, %%al\n\tsahf\n\trcr %%cl, %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "+&a"(flags)
            : "c"(count)
            : "cc");
    else if constexpr (op == Shift::kShl)
        asm("addb $127, %%al\n\tsahf\n\tshl %%cl, %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "+&a"(flags)
            : "c"(count)
            : "cc");
    else if constexpr (op == Shift::kShr)
        asm("addb $127, %%al\n\tsahf\n\tshr %%cl, %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "+&a"(flags)
            : "c"(count)
            : "cc");
    else
        asm("addb $127, %%al\n\tsahf\n\tsar %%cl, %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "+&a"(flags)
            : "c"(count)
            : "cc");
    return dst;
}

/// SHLD and SHRD. For 16-bit operands and counts over 16 the result is the host's: the manual leaves it
/// undefined.
template <bool left, class T>
[[gnu::always_inline]] inline T shift_double(T dst, T src, u8 count, Flags& flags) {
    static_assert(sizeof(T) > 1);
    if constexpr (left)
        asm("addb $127, %%al\n\tsahf\n\tshld %%cl, %[src], %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "+&a"(flags)
            : [src] "r"(src), "c"(count)
            : "cc");
    else
        asm("addb $127, %%al\n\tsahf\n\tshrd %%cl, %[src], %[dst]\n\tlahf\n\tseto %%al"
            : [dst] "+&r"(dst), "+&a"(flags)
            : [src] "r"(src), "c"(count)
            : "cc");
    return dst;
}

}  // namespace emu::insn
