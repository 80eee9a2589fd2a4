// XCHG XADD CMPXCHG CMPXCHG8B CMPXCHG16B BSWAP CBW CWDE CDQE CWD CDQ CQO. SDM Vol. 2. One logical processor:
// LOCK needs nothing.
#include <type_traits>

#include "emu/cpu/cpu_model.h"
#include "emu/insn/access.h"
#include "emu/insn/chapters.h"
#include "emu/insn/host_flags.h"
#include "emu/insn/operands.h"

namespace emu::insn {
namespace {

constexpr u8 kRaxOffset = 0, kRdxOffset = mmu::kRdx * 8;

Exit nop(Cpu& c, const Insn* i) {
    return next(c, i);
}

struct XchgReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const T a = c.reg<T>(i->dst), b = c.reg<T>(i->src);
        c.set_reg(i->dst, b);
        c.set_reg(i->src, a);
        return next(c, i);
    }
};
struct XchgMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_modify<T, Address>(c, i, [](Cpu& cpu, const Insn* insn, u8* p, u64) {
            const T old = get<T>(p);
            put<T>(p, cpu.reg<T>(insn->src));
            cpu.set_reg(insn->src, old);
        });
    }
};

/// Where both operands are one register the sum remains.
struct XaddReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const T old = c.reg<T>(i->dst);
        const T sum = alu<Alu::kAdd>(old, c.reg<T>(i->src), c.flags);
        c.set_reg(i->src, old);
        c.set_reg(i->dst, sum);
        return next(c, i);
    }
};
struct XaddMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_modify<T, Address>(c, i, [](Cpu& cpu, const Insn* insn, u8* p, u64) {
            const T old = get<T>(p);
            put<T>(p, alu<Alu::kAdd>(old, cpu.reg<T>(insn->src), cpu.flags));
            cpu.set_reg(insn->src, old);
        });
    }
};

/// Of a 32-bit register only the half that is written to loses its upper bits.
struct CmpxchgReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const T old = c.reg<T>(i->dst), expected = c.reg<T>(kRaxOffset);
        alu<Alu::kCmp>(expected, old, c.flags);
        if (old == expected)
            c.set_reg(i->dst, c.reg<T>(i->src));
        else
            c.set_reg(kRaxOffset, old);
        return next(c, i);
    }
};
/// Always a write cycle, with the old value when the comparison fails.
struct CmpxchgMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_modify<T, Address>(c, i, [](Cpu& cpu, const Insn* insn, u8* p, u64) {
            const T old = get<T>(p), expected = cpu.reg<T>(kRaxOffset);
            alu<Alu::kCmp>(expected, old, cpu.flags);
            put<T>(p, old == expected ? cpu.reg<T>(insn->src) : old);
            if (old != expected) cpu.set_reg(kRaxOffset, old);
        });
    }
};

/// CMPXCHG8B and, with T = u64, CMPXCHG16B.
struct CmpxchgPair {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        if constexpr (sizeof(T) == 8)
            if (Address::address(c, i) & 15) [[unlikely]]
                return raise(c, i, mmu::Vector::kGeneralProtection);
        return with_modify<T[2], Address>(c, i, [](Cpu& cpu, const Insn*, u8* p, u64) {
            const T low = get<T>(p), high = get<T>(p + sizeof(T));
            const bool equal = low == cpu.reg<T>(kRaxOffset) && high == cpu.reg<T>(kRdxOffset);
            put<T>(p, equal ? cpu.reg<T>(mmu::kRbx * 8) : low);
            put<T>(p + sizeof(T), equal ? cpu.reg<T>(mmu::kRcx * 8) : high);
            cpu.flags = static_cast<Flags>((cpu.flags & ~FlagBits::kZf) | (equal ? FlagBits::kZf : 0));
            if (equal) return;
            cpu.set_reg(kRaxOffset, low);
            cpu.set_reg(kRdxOffset, high);
        });
    }
};

/// The 16-bit form is undefined by the manual; CPUs clear the register.
struct Bswap {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        if constexpr (sizeof(T) == 8)
            c.set_reg<u64>(i->dst, __builtin_bswap64(c.reg<u64>(i->dst)));
        else if constexpr (sizeof(T) == 4)
            c.set_reg<u32>(i->dst, __builtin_bswap32(c.reg<u32>(i->dst)));
        else
            c.set_reg<u16>(i->dst, 0);
        return next(c, i);
    }
};

/// AL to AX, AX to EAX, EAX to RAX.
template <class From, class To>
Exit widen(Cpu& c, const Insn* i) {
    c.set_reg(kRaxOffset, static_cast<std::make_unsigned_t<To>>(static_cast<To>(c.reg<From>(kRaxOffset))));
    return next(c, i);
}

/// The sign of rAX to all of rDX.
struct SignToRdx {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        using S = std::make_signed_t<T>;
        c.set_reg(kRdxOffset, static_cast<T>(c.reg<S>(kRaxOffset) < 0 ? ~T{0} : T{0}));
        return next(c, i);
    }
};

/// 90+r; 90 itself is NOP (and PAUSE with F3) unless REX.B makes it XCHG R8, RAX.
bool xchg_accumulator(const Fields& f, Insn& out) {
    const u8 number = opcode_register(f);
    if (number == 0) {
        out.run = nop;
        return true;
    }
    out.dst = kRaxOffset;
    out.src = gpr(number, f.width(), true);
    out.run = pick<XchgReg>(f.width());
    return true;
}

/// Eb,Gb and Ev,Gv that load and store.
template <class RegForm, class MemForm>
bool rm_reg(const Fields& f, Insn& out) {
    const unsigned width = width_by_opcode(f);
    out.src = reg_operand(f, width);
    if (f.memory()) {
        add_cost(out, 1, 1);
        out.run = pick_any_memory<MemForm>(width);
    } else {
        out.dst = rm_operand(f, width);
        out.run = pick<RegForm>(width);
    }
    return true;
}

bool cmpxchg_pair(const Fields& f, Insn& out) {
    add_cost(out, 1, 1);
    out.run = f.rex_w() ? CmpxchgPair::run<u64, AnyAddress> : CmpxchgPair::run<u32, AnyAddress>;
    return true;
}

bool bswap(const Fields& f, Insn& out) {
    out.dst = gpr(opcode_register(f), f.width(), true);
    out.run = pick<Bswap>(f.width());
    return true;
}

bool widen_accumulator(const Fields& f, Insn& out) {
    out.run = f.width() == 8 ? widen<i32, i64> : f.width() == 4 ? widen<i16, i32> : widen<i8, i16>;
    return true;
}

bool sign_to_rdx(const Fields& f, Insn& out) {
    out.run = pick<SignToRdx>(f.width());
    return true;
}

}  // namespace

Rows exchange() {
    static constexpr OpcodeRow kRows[] = {
        {"xchg", Map::kOne, 0x86, rm_reg<XchgReg, XchgMem>, 2, -1, Prefix::kAny, Operand::kAny, true},
        {"xchg", Map::kOne, 0x90, xchg_accumulator, 8},
        {"xadd", Map::k0F, 0xc0, rm_reg<XaddReg, XaddMem>, 2, -1, Prefix::kAny, Operand::kAny, true},
        {"cmpxchg", Map::k0F, 0xb0, rm_reg<CmpxchgReg, CmpxchgMem>, 2, -1, Prefix::kAny, Operand::kAny, true},
        {.name = "cmpxchg8b",
         .map = Map::k0F,
         .opcode = 0xc7,
         .build = cmpxchg_pair,
         .extension = 1,
         .operand = Operand::kMemory,
         .lockable = true,
         .vex = {.w = VexW::k0}},
        {.name = "cmpxchg16b",
         .map = Map::k0F,
         .opcode = 0xc7,
         .build = cmpxchg_pair,
         .extension = 1,
         .operand = Operand::kMemory,
         .lockable = true,
         .feature = Feature::kCmpxchg16b,
         .vex = {.w = VexW::k1}},
        {"bswap", Map::k0F, 0xc8, bswap, 8},
        {"cbw", Map::kOne, 0x98, widen_accumulator},
        {"cwd", Map::kOne, 0x99, sign_to_rdx},
    };
    return kRows;
}

}  // namespace emu::insn
