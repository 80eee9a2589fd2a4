// Comparisons that take the conditional branch behind them along.
#pragma once

#include "emu/insn/alu_forms.h"
#include "emu/insn/branches.h"
#include "emu/insn/handler_table.h"

namespace emu::insn {

[[gnu::always_inline]] inline Exit branch_on(Cpu& c, const Insn* i, bool taken) {
    return taken ? go_taken(c, i + 1) : go_fall(c, i + 1);
}

template <Alu op, Condition condition, class T>
Exit compare_reg_reg(Cpu& c, const Insn* i) {
    return branch_on(c, i, compare<op, condition>(c.reg<T>(i->dst), c.reg<T>(i->src), c.flags));
}

template <Alu op, Condition condition, class T>
Exit compare_reg_imm(Cpu& c, const Insn* i) {
    return branch_on(c, i, compare<op, condition>(c.reg<T>(i->dst), static_cast<T>(i->imm), c.flags));
}

template <Alu op, Condition condition, class T>
Exit compare_reg_mem(Cpu& c, const Insn* i) {
    return with_load<T, BaseDisp>(c, i, [](Cpu& cpu, const Insn* insn, const u8* p, u64) {
        return branch_on(cpu, insn, compare<op, condition>(cpu.reg<T>(insn->dst), get<T>(p), cpu.flags));
    });
}

template <Alu op, Condition condition, class T>
Exit compare_mem_imm(Cpu& c, const Insn* i) {
    return with_load<T, BaseDisp>(c, i, [](Cpu& cpu, const Insn* insn, const u8* p, u64) {
        return branch_on(cpu, insn, compare<op, condition>(get<T>(p), static_cast<T>(insn->imm), cpu.flags));
    });
}

}  // namespace emu::insn
