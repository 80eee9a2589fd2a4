// SHL SHR SAR ROL ROR RCL RCR SHLD SHRD. SDM Vol. 2.
#include <array>

#include "emu/insn/access.h"
#include "emu/insn/chapters.h"
#include "emu/insn/shift_forms.h"

namespace emu::insn {
namespace {

/// Where the count comes from: CL, or Insn::aux, masked already.
enum class Count : u8 { kCl, kImmediate };

template <Count from>
[[gnu::always_inline]] inline u8 count_of(const Cpu& c, const Insn* i) {
    return from == Count::kCl ? static_cast<u8>(c.regs.gpr[mmu::kRcx]) : i->aux;
}

constexpr bool has_fast_form(Shift op) {
    return op != Shift::kRcl && op != Shift::kRcr;
}

/// By a constant that is not 0: the hot ones.
template <Shift op>
struct ShiftRegConstant {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        if constexpr (op == Shift::kRol || op == Shift::kRor)
            c.set_reg(i->dst, rotate_nonzero<op>(c.reg<T>(i->dst), i->aux, c.flags));
        else
            c.set_reg(i->dst, shift_nonzero<op>(c.reg<T>(i->dst), i->aux, c.flags));
        return next(c, i);
    }
};

template <Shift op, Count from>
struct ShiftReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        c.set_reg(i->dst, shift<op>(c.reg<T>(i->dst), count_of<from>(c, i), c.flags));
        return next(c, i);
    }
};

/// A count of 0 makes the same references.
template <Shift op, Count from>
struct ShiftMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_modify<T, Address>(c, i, [](Cpu& cpu, const Insn* insn, u8* p, u64) {
            put<T>(p, shift<op>(get<T>(p), count_of<from>(cpu, insn), cpu.flags));
        });
    }
};

template <bool left, Count from, class T>
Exit double_reg(Cpu& c, const Insn* i) {
    const T result = shift_double<left>(c.reg<T>(i->dst), c.reg<T>(i->src), count_of<from>(c, i), c.flags);
    c.set_reg(i->dst, result);
    return next(c, i);
}

template <bool left, Count from, class T>
Exit double_mem(Cpu& c, const Insn* i) {
    u8* p = c.open_modify(AnyAddress::address(c, i), sizeof(T));
    if (!p) [[unlikely]]
        return fault_exit(c, i, 1, 0);
    put<T>(p, shift_double<left>(get<T>(p), c.reg<T>(i->src), count_of<from>(c, i), c.flags));
    c.close(p);
    return next(c, i);
}

u8 masked(u64 count, unsigned width) {
    return static_cast<u8>(count & (width == 8 ? 63 : 31));
}

template <Shift op, Count from>
bool build_shift(const Fields& f, Insn& out, u8 count) {
    const unsigned width = width_by_opcode(f);
    out.aux = count;
    if (f.memory()) {
        add_cost(out, 1, 1);
        out.run = pick_any_memory<ShiftMem<op, from>>(width);
        return true;
    }
    out.dst = rm_operand(f, width);
    if constexpr (from == Count::kImmediate && has_fast_form(op)) {
        if (count != 0) {
            out.run = pick<ShiftRegConstant<op>>(width);
            return true;
        }
    }
    out.run = pick<ShiftReg<op, from>>(width);
    return true;
}

template <Shift op>
bool by_immediate(const Fields& f, Insn& out) {
    return build_shift<op, Count::kImmediate>(f, out, masked(f.immediate(), width_by_opcode(f)));
}
template <Shift op>
bool by_one(const Fields& f, Insn& out) {
    return build_shift<op, Count::kImmediate>(f, out, 1);
}
template <Shift op>
bool by_cl(const Fields& f, Insn& out) {
    return build_shift<op, Count::kCl>(f, out, 0);
}

template <bool left, Count from>
bool build_double(const Fields& f, Insn& out) {
    const unsigned width = f.width();
    if constexpr (from == Count::kImmediate) out.aux = masked(f.immediate(), width);
    out.src = reg_operand(f, width);
    if (f.memory()) {
        add_cost(out, 1, 1);
        out.run = width == 8   ? double_mem<left, from, u64>
                  : width == 4 ? double_mem<left, from, u32>
                               : double_mem<left, from, u16>;
    } else {
        out.dst = rm_operand(f, width);
        out.run = width == 8   ? double_reg<left, from, u64>
                  : width == 4 ? double_reg<left, from, u32>
                               : double_reg<left, from, u16>;
    }
    return true;
}

template <Shift op>
constexpr std::array<OpcodeRow, 3> group(const char* name, int extension = static_cast<int>(op)) {
    const auto number = static_cast<i8>(extension);
    return {{{name, Map::kOne, 0xc0, by_immediate<op>, 2, number},
             {name, Map::kOne, 0xd0, by_one<op>, 2, number},
             {name, Map::kOne, 0xd2, by_cl<op>, 2, number}}};
}

}  // namespace

Rows shifts() {
    static constexpr auto kRows =
        concatenate(group<Shift::kRol>("rol"), group<Shift::kRor>("ror"), group<Shift::kRcl>("rcl"),
                    group<Shift::kRcr>("rcr"), group<Shift::kShl>("shl"), group<Shift::kShr>("shr"),
                    group<Shift::kShl>("shl", 6), group<Shift::kSar>("sar"),
                    std::to_array<OpcodeRow>({
                        {"shld", Map::k0F, 0xa4, build_double<true, Count::kImmediate>},
                        {"shld", Map::k0F, 0xa5, build_double<true, Count::kCl>},
                        {"shrd", Map::k0F, 0xac, build_double<false, Count::kImmediate>},
                        {"shrd", Map::k0F, 0xad, build_double<false, Count::kCl>},
                    }));
    return kRows;
}

void add_shift_flags(FlagTable& table) {
    using Effect = FlagTable::Effect;
    add_flags<ShiftRegConstant<Shift::kShl>, QuietShiftConstant<Shift::kShl>>(table, Effect::kOverwrites);
    add_flags<ShiftRegConstant<Shift::kShr>, QuietShiftConstant<Shift::kShr>>(table, Effect::kOverwrites);
    add_flags<ShiftRegConstant<Shift::kSar>, QuietShiftConstant<Shift::kSar>>(table, Effect::kOverwrites);
    // Rotates change CF and OF only.
    add_flags<ShiftRegConstant<Shift::kRol>, QuietShiftConstant<Shift::kRol>>(table, Effect::kNeutral);
    add_flags<ShiftRegConstant<Shift::kRor>, QuietShiftConstant<Shift::kRor>>(table, Effect::kNeutral);
}

}  // namespace emu::insn
