// The forms of the arithmetic chapter, shared with the fused pairs (fused.cpp), which know them by address.
#pragma once

#include "emu/insn/host_flags.h"
#include "emu/insn/operands.h"

namespace emu::insn {

template <Alu op>
struct RegReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const T result = alu<op>(c.reg<T>(i->dst), c.reg<T>(i->src), c.flags);
        if constexpr (writes(op)) c.set_reg(i->dst, result);
        return next(c, i);
    }
};

template <Alu op>
struct RegImm {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const T result = alu<op>(c.reg<T>(i->dst), static_cast<T>(i->imm), c.flags);
        if constexpr (writes(op)) c.set_reg(i->dst, result);
        return next(c, i);
    }
};

template <Alu op>
struct RegMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), sizeof(T));
        if (!p) [[unlikely]] return fault_exit(c, i, 1, 0);
        const T result = alu<op>(c.reg<T>(i->dst), get<T>(p), c.flags);
        if constexpr (writes(op)) c.set_reg(i->dst, result);
        return next(c, i);
    }
};

/// The source is a register or the immediate; CMP and TEST only load.
template <Alu op, bool immediate>
struct MemAny {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const T source = immediate ? static_cast<T>(i->imm) : c.reg<T>(i->src);
        if constexpr (writes(op)) {
            u8* p = c.open_modify(Address::address(c, i), sizeof(T));
            if (!p) [[unlikely]] return fault_exit(c, i, 1, 0);
            put<T>(p, alu<op>(get<T>(p), source, c.flags));
            c.close(p);
        } else {
            const u8* p = c.read(Address::address(c, i), sizeof(T));
            if (!p) [[unlikely]] return fault_exit(c, i, 1, 0);
            alu<op>(get<T>(p), source, c.flags);
        }
        return next(c, i);
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
        u8* p = c.open_modify(Address::address(c, i), sizeof(T));
        if (!p) [[unlikely]] return fault_exit(c, i, 1, 0);
        put<T>(p, unary<op>(get<T>(p), c.flags));
        c.close(p);
        return next(c, i);
    }
};

}  // namespace emu::insn
