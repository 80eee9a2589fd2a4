// One element of a vector register to r/m, and one from it: PEXTR*, PINSR*. `aux` is its offset in bytes.
#pragma once

#include "emu/insn/access.h"
#include "emu/insn/vector_forms.h"

namespace emu::insn {

template <class T>
struct Extract {
    static Exit run_register(Cpu& c, const Insn* i) {
        c.set_reg<u64>(i->dst, get<T>(c.vector(i->src) + i->aux));
        return next(c, i);
    }
    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_store<T, Address>(c, i, [](Cpu& cpu, const Insn* insn, u8* p, u64) {
            put<T>(p, get<T>(cpu.vector(insn->src) + insn->aux));
        });
    }
};

template <class T>
struct Insert {
    static Exit run_register(Cpu& c, const Insn* i) {
        put<T>(c.vector(i->dst) + i->aux, c.reg<T>(i->src));
        return next(c, i);
    }
    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_load<T, Address>(c, i, [](Cpu& cpu, const Insn* insn, const u8* p, u64) {
            put<T>(cpu.vector(insn->dst) + insn->aux, get<T>(p));
            return next(cpu, insn);
        });
    }
};

template <class T>
u8 element_offset(const Fields& f) {
    return static_cast<u8>((f.immediate() & (16 / sizeof(T) - 1)) * sizeof(T));
}

template <class T>
bool insert(const Fields& f, Insn& out) {
    out.dst = f.reg;
    out.aux = element_offset<T>(f);
    pick_source<Insert<T>>(f, out, gpr(f.rm, sizeof(T), true));
    return true;
}

}  // namespace emu::insn
