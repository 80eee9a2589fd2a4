// The forms of the arithmetic chapter, shared with the fused pairs (fused.cpp), which know them by address.
#pragma once

#include "emu/insn/access.h"
#include "emu/insn/host_flags.h"
#include "emu/insn/operands.h"

namespace emu::insn {

template <Alu op>
struct RegReg {
    template <class T>
    [[gnu::always_inline]] static void step(Cpu& c, const Insn* i) {
        const u8 dst = i->dst;
        const T result = alu<op>(c.reg<T>(dst), c.reg<T>(i->src), c.flags);
        if constexpr (writes(op)) c.set_reg(dst, result);
    }
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        step<T>(c, i);
        return next(c, i);
    }
};

template <Alu op>
struct RegImm {
    template <class T>
    [[gnu::always_inline]] static void step(Cpu& c, const Insn* i) {
        const u8 dst = i->dst;
        const T result = alu<op>(c.reg<T>(dst), static_cast<T>(i->imm), c.flags);
        if constexpr (writes(op)) c.set_reg(dst, result);
    }
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        step<T>(c, i);
        return next(c, i);
    }
};

template <Alu op>
struct RegMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_load<T, Address>(c, i, [](Cpu& cpu, const Insn* insn, const u8* p, u64) {
            const u8 dst = insn->dst;
            const T result = alu<op>(cpu.reg<T>(dst), get<T>(p), cpu.flags);
            if constexpr (writes(op)) cpu.set_reg(dst, result);
            return next(cpu, insn);
        });
    }
};

/// The source is a register or the immediate; CMP and TEST only load.
template <Alu op, bool immediate>
struct MemAny {
    template <class T>
    [[gnu::always_inline]] static T source(const Cpu& c, const Insn* i) {
        return immediate ? static_cast<T>(i->imm) : c.reg<T>(i->src);
    }
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        if constexpr (writes(op))
            return with_modify<T, Address>(c, i, [](Cpu& cpu, [[maybe_unused]] const Insn* insn, u8* p, u64) {
                put<T>(p, alu<op>(get<T>(p), source<T>(cpu, insn), cpu.flags));
            });
        else
            return with_load<T, Address>(c, i, [](Cpu& cpu, const Insn* insn, const u8* p, u64) {
                alu<op>(get<T>(p), source<T>(cpu, insn), cpu.flags);
                return next(cpu, insn);
            });
    }
};

template <Unary op>
struct UnaryReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        c.set_reg(i->dst, unary<op>(c.reg<T>(i->dst), c.flags));
        return next(c, i);
    }
};

template <Unary op>
struct UnaryMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_modify<T, Address>(
            c, i, [](Cpu& cpu, const Insn*, u8* p, u64) { put<T>(p, unary<op>(get<T>(p), cpu.flags)); });
    }
};

// --- quiet twins ---

template <Alu op, bool immediate>
struct QuietReg {
    template <class T>
    [[gnu::always_inline]] static void step(Cpu& c, const Insn* i) {
        const T source = immediate ? static_cast<T>(i->imm) : c.reg<T>(i->src);
        c.set_reg(i->dst, quiet_alu<op>(c.reg<T>(i->dst), source));
    }
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        step<T>(c, i);
        return next(c, i);
    }
};

template <Alu op>
struct QuietRegMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_load<T, Address>(c, i, [](Cpu& cpu, const Insn* insn, const u8* p, u64) {
            cpu.set_reg(insn->dst, quiet_alu<op>(cpu.reg<T>(insn->dst), get<T>(p)));
            return next(cpu, insn);
        });
    }
};

template <Unary op>
struct QuietUnary {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        c.set_reg(i->dst, quiet_unary<op>(c.reg<T>(i->dst)));
        return next(c, i);
    }
};

}  // namespace emu::insn
