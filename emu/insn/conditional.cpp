// SETcc and CMOVcc. SDM Vol. 2.
#include <array>
#include <utility>

#include "emu/insn/chapters.h"
#include "emu/insn/host_flags.h"
#include "emu/insn/operands.h"

namespace emu::insn {
namespace {

template <Condition condition>
struct Set {
    static Exit reg(Cpu& c, const Insn* i) {
        c.set_reg<u8>(i->dst, holds<condition>(c.flags));
        return next(c, i);
    }
    static Exit mem(Cpu& c, const Insn* i) {
        if (!c.store<u8>(AnyAddress::address(c, i), holds<condition>(c.flags))) [[unlikely]]
            return fault_exit(c, i, 0, 1);
        return next(c, i);
    }
};

/// The source is loaded, and a 32-bit destination loses its upper half, whether the condition holds or not.
template <Condition condition>
struct CmovReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const T source = c.reg<T>(i->src), old = c.reg<T>(i->dst);
        c.set_reg(i->dst, holds<condition>(c.flags) ? source : old);
        return next(c, i);
    }
};
template <Condition condition>
struct CmovMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), sizeof(T));
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        const T source = get<T>(p), old = c.reg<T>(i->dst);
        c.set_reg(i->dst, holds<condition>(c.flags) ? source : old);
        return next(c, i);
    }
};

struct Handlers {
    Handler set_reg, set_mem;
    std::array<Handler, 3> cmov_reg, cmov_mem;  ///< of 2, 4 and 8 bytes
};

template <Condition condition>
constexpr Handlers handlers() {
    using Reg = CmovReg<condition>;
    using Mem = CmovMem<condition>;
    return {&Set<condition>::reg,
            &Set<condition>::mem,
            {&Reg::template run<u16>, &Reg::template run<u32>, &Reg::template run<u64>},
            {&Mem::template run<u16, AnyAddress>, &Mem::template run<u32, AnyAddress>,
             &Mem::template run<u64, AnyAddress>}};
}

template <std::size_t... codes>
constexpr std::array<Handlers, 16> all_handlers(std::index_sequence<codes...>) {
    return {handlers<static_cast<Condition>(codes)>()...};
}
constexpr auto kHandlers = all_handlers(std::make_index_sequence<16>());

bool setcc(const Fields& f, Insn& out) {
    const Handlers& choice = kHandlers[f.opcode & 15];
    if (f.memory()) {
        add_cost(out, 0, 1);
        out.run = choice.set_mem;
    } else {
        out.dst = rm_operand(f, 1);
        out.run = choice.set_reg;
    }
    return true;
}

bool cmovcc(const Fields& f, Insn& out) {
    const Handlers& choice = kHandlers[f.opcode & 15];
    const unsigned width = f.width(), n = width == 8 ? 2 : width == 4 ? 1 : 0;
    out.dst = reg_operand(f, width);
    if (f.memory()) {
        add_cost(out, 1, 0);
        out.run = choice.cmov_mem[n];
    } else {
        out.src = rm_operand(f, width);
        out.run = choice.cmov_reg[n];
    }
    return true;
}

}  // namespace

Rows conditional() {
    static constexpr OpcodeRow kRows[] = {
        {"cmovcc", Map::k0F, 0x40, cmovcc, 16},
        {"setcc", Map::k0F, 0x90, setcc, 16},
    };
    return kRows;
}

}  // namespace emu::insn
