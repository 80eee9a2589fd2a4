// The forms of the data transfer chapter that pairs.cpp knows by address. A form that touches no memory has
// its body as step(), which another handler may begin with.
#pragma once

#include "emu/insn/access.h"
#include "emu/insn/operands.h"

namespace emu::insn {

struct MovRegReg {
    template <class T>
    [[gnu::always_inline]] static void step(Cpu& c, const Insn* i) {
        c.set_reg(i->dst, c.reg<T>(i->src));
    }
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        step<T>(c, i);
        return next(c, i);
    }
};

struct MovRegImm {
    template <class T>
    [[gnu::always_inline]] static void step(Cpu& c, const Insn* i) {
        c.set_reg(i->dst, static_cast<T>(i->imm));
    }
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        step<T>(c, i);
        return next(c, i);
    }
};

struct MovRegMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_load<T, Address>(c, i, [](Cpu& cpu, const Insn* insn, const u8* p, u64) {
            cpu.set_reg(insn->dst, get<T>(p));
            return next(cpu, insn);
        });
    }
};

template <bool immediate>
struct MovMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_store<T, Address>(c, i, [](Cpu& cpu, const Insn* insn, u8* p, u64) {
            put<T>(p, immediate ? static_cast<T>(insn->imm) : cpu.reg<T>(insn->src));
        });
    }
};

/// MOVZX and MOVSX: From is the source's type (signed for MOVSX), T the destination's.
template <class From>
struct ExtendReg {
    template <class T>
    [[gnu::always_inline]] static void step(Cpu& c, const Insn* i) {
        c.set_reg(i->dst, static_cast<T>(c.reg<From>(i->src)));
    }
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        step<T>(c, i);
        return next(c, i);
    }
};
template <class From>
struct ExtendMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_load<From, Address>(c, i, [](Cpu& cpu, const Insn* insn, const u8* p, u64) {
            cpu.set_reg(insn->dst, static_cast<T>(get<From>(p)));
            return next(cpu, insn);
        });
    }
};

struct Lea {
    template <class T, class Address>
    [[gnu::always_inline]] static void step(Cpu& c, const Insn* i) {
        c.set_reg(i->dst, static_cast<T>(Address::address(c, i)));
    }
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        step<T, Address>(c, i);
        return next(c, i);
    }
};

// The stack pointer moves only when the store or the load has succeeded. 64-bit mode pushes 8 bytes, or 2
// with 66h.

template <bool immediate>
struct Push {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        return with_store<T, StackPush<T>, stack_fault_exit>(
            c, i, [](Cpu& cpu, const Insn* insn, u8* p, u64 top) {
                put<T>(p, immediate ? static_cast<T>(insn->imm) : cpu.reg<T>(insn->src));
                cpu.regs.gpr[mmu::kRsp] = top;
            });
    }
};

}  // namespace emu::insn
