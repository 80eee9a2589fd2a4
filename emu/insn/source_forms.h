// The form of "reg, r/m" instructions whose body is its own: `Body::apply(Cpu&, const Insn*, T source)` does
// all but the reference. Handlers are leaves (access.h).
#pragma once

#include "emu/insn/access.h"
#include "emu/insn/operands.h"

namespace emu::insn {

template <class Body>
struct SourceReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        Body::template apply<T>(c, i, c.reg<T>(i->src));
        return next(c, i);
    }
};

template <class Body>
struct SourceMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_load<T, Address>(c, i, [](Cpu& cpu, const Insn* insn, const u8* p, u64) {
            Body::template apply<T>(cpu, insn, get<T>(p));
            return next(cpu, insn);
        });
    }
};

/// Fills in r/m as the source; `width` is its size in bytes.
template <class Body>
bool source_operand(const Fields& f, Insn& out, unsigned width) {
    if (f.memory()) {
        add_cost(out, 1, 0);
        out.run = pick_memory<SourceMem<Body>>(width, out);
    } else {
        out.src = rm_operand(f, width);
        out.run = pick<SourceReg<Body>>(width);
    }
    return true;
}

/// Flags of an instruction that defines ZF and SF by its result and clears the others.
template <class T>
[[gnu::always_inline]] inline Flags sign_and_zero(T result) {
    return static_cast<Flags>(FlagBits::kAlwaysOne | (result == 0 ? FlagBits::kZf : 0) |
                              (result >> (8 * sizeof(T) - 1) ? FlagBits::kSf : 0));
}

/// The register forms of a body that overwrites all flags without reading one, or that leaves them alone.
template <class... Bodies>
void add_source_flags(FlagTable& table, FlagTable::Effect effect) {
    (add_flags<SourceReg<Bodies>>(table, effect), ...);
}

}  // namespace emu::insn
