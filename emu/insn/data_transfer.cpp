// MOV MOVZX MOVSX MOVSXD LEA PUSH POP and the moves between registers. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/move_forms.h"

namespace emu::insn {
namespace {

struct PushMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), sizeof(T));
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        const T value = get<T>(p);
        const u64 top = c.regs.gpr[mmu::kRsp] - sizeof(T);
        if (!c.store<T>(top, value)) [[unlikely]]
            return stack_fault_exit(c, i, 1, 1);
        c.regs.gpr[mmu::kRsp] = top;
        return next(c, i);
    }
};

struct Pop {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        return with_load<T, StackTop, stack_fault_exit>(
            c, i, [](Cpu& cpu, const Insn* insn, const u8* p, u64 top) {
                cpu.regs.gpr[mmu::kRsp] = top + sizeof(T);
                cpu.set_reg(insn->dst, get<T>(p));  // after the increment: POP RSP keeps what was loaded
                return next(cpu, insn);
            });
    }
};

/// An address that uses RSP sees it already incremented (SDM, POP).
struct PopMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 top = c.regs.gpr[mmu::kRsp];
        const u8* p = c.read(top, sizeof(T));
        if (!p) [[unlikely]]
            return stack_fault_exit(c, i, 1, 0);
        const T value = get<T>(p);
        c.regs.gpr[mmu::kRsp] = top + sizeof(T);
        const u64 address = Address::address(c, i);
        if (!c.store<T>(address, value)) [[unlikely]] {
            c.regs.gpr[mmu::kRsp] = top;
            return fault_exit(c, i, 1, 1);
        }
        return next(c, i);
    }
};

bool mov_rm_reg(const Fields& f, Insn& out) {
    const unsigned width = width_by_opcode(f);
    out.src = reg_operand(f, width);
    if (f.memory()) {
        out.run = pick_memory<MovMem<false>>(width, out);
        add_cost(out, 0, 1);
    } else {
        out.dst = rm_operand(f, width);
        out.run = pick<MovRegReg>(width);
    }
    return true;
}

bool mov_reg_rm(const Fields& f, Insn& out) {
    const unsigned width = width_by_opcode(f);
    out.dst = reg_operand(f, width);
    if (f.memory()) {
        out.run = pick_memory<MovRegMem>(width, out);
        add_cost(out, 1, 0);
    } else {
        out.src = rm_operand(f, width);
        out.run = pick<MovRegReg>(width);
    }
    return true;
}

bool mov_rm_imm(const Fields& f, Insn& out) {
    const unsigned width = width_by_opcode(f);
    if (f.memory()) {
        out.run = pick_memory<MovMem<true>>(width, out);
        add_cost(out, 0, 1);
    } else {
        out.dst = rm_operand(f, width);
        out.run = pick<MovRegImm>(width);
    }
    return true;
}

bool mov_byte_imm(const Fields& f, Insn& out) {
    out.dst = gpr(opcode_register(f), 1, f.rex != 0);
    out.run = pick<MovRegImm>(1);
    return true;
}

bool mov_reg_imm(const Fields& f, Insn& out) {
    out.dst = gpr(opcode_register(f), f.width(), true);
    out.run = pick<MovRegImm>(f.width());
    return true;
}

/// MOV with an absolute 64-bit address (32-bit with 67h): the immediate goes through the scratch slot's
/// pseudo-operation when it does not fit a displacement, which the block builder arranges for all operands
/// alike.
template <bool store>
bool mov_moffs(const Fields& f, Insn& out) {
    const unsigned width = width_by_opcode(f);
    out.dst = out.src = 0;
    out.run = store ? pick_any_memory<MovMem<false>>(width) : pick_any_memory<MovRegMem>(width);
    add_cost(out, !store, store);
    return true;
}

template <class From>
bool extend(const Fields& f, Insn& out) {
    out.dst = reg_operand(f, f.width());
    if (f.memory()) {
        out.run = pick_memory<ExtendMem<From>>(f.width(), out);
        add_cost(out, 1, 0);
    } else {
        out.src = rm_operand(f, sizeof(From));
        out.run = pick<ExtendReg<From>>(f.width());
    }
    return true;
}

/// The 16-bit form reads 16 bits.
bool movsxd(const Fields& f, Insn& out) {
    return f.width() == 2 ? mov_reg_rm(f, out) : extend<i32>(f, out);
}

bool lea(const Fields& f, Insn& out) {
    out.dst = reg_operand(f, f.width());
    out.segment = Slot::kZero;
    out.run = pick_memory<Lea>(f.width(), out);
    return true;
}

unsigned stack_width(const Fields& f) {
    return f.operand16 && !f.rex_w() ? 2 : 8;
}

bool push_reg(const Fields& f, Insn& out) {
    out.src = gpr(opcode_register(f), 8, true);
    out.run = pick<Push<false>>(stack_width(f));
    add_cost(out, 0, 1);
    return true;
}

bool push_imm(const Fields& f, Insn& out) {
    out.run = pick<Push<true>>(stack_width(f));
    add_cost(out, 0, 1);
    return true;
}

bool push_rm(const Fields& f, Insn& out) {
    if (f.memory()) {
        out.run = pick_memory<PushMem>(stack_width(f), out);
        add_cost(out, 1, 1);
    } else {
        out.src = gpr(f.rm, 8, true);
        out.run = pick<Push<false>>(stack_width(f));
        add_cost(out, 0, 1);
    }
    return true;
}

bool pop_reg(const Fields& f, Insn& out) {
    out.dst = gpr(opcode_register(f), 8, true);
    out.run = pick<Pop>(stack_width(f));
    add_cost(out, 1, 0);
    return true;
}

bool pop_rm(const Fields& f, Insn& out) {
    if (f.memory()) {
        out.run = pick_memory<PopMem>(stack_width(f), out);
        add_cost(out, 1, 1);
    } else {
        out.dst = gpr(f.rm, 8, true);
        out.run = pick<Pop>(stack_width(f));
        add_cost(out, 1, 0);
    }
    return true;
}

}  // namespace

Rows data_transfer() {
    static constexpr OpcodeRow kRows[] = {
        {"mov", Map::kOne, 0x88, mov_rm_reg, 2},
        {"mov", Map::kOne, 0x8a, mov_reg_rm, 2},
        {"mov", Map::kOne, 0xc6, mov_rm_imm, 2, 0},
        {"mov", Map::kOne, 0xb0, mov_byte_imm, 8},
        {"mov", Map::kOne, 0xb8, mov_reg_imm, 8},
        {"mov", Map::kOne, 0xa0, mov_moffs<false>, 2},
        {"mov", Map::kOne, 0xa2, mov_moffs<true>, 2},
        {"movzx", Map::k0F, 0xb6, extend<u8>},
        {"movzx", Map::k0F, 0xb7, extend<u16>},
        {"movsx", Map::k0F, 0xbe, extend<i8>},
        {"movsx", Map::k0F, 0xbf, extend<i16>},
        {"movsxd", Map::kOne, 0x63, movsxd},
        {"lea", Map::kOne, 0x8d, lea, 1, -1, Prefix::kAny, Operand::kMemory},
        {"push", Map::kOne, 0x50, push_reg, 8},
        {"push", Map::kOne, 0x68, push_imm},
        {"push", Map::kOne, 0x6a, push_imm},
        {"push", Map::kOne, 0xff, push_rm, 1, 6},
        {"pop", Map::kOne, 0x58, pop_reg, 8},
        {"pop", Map::kOne, 0x8f, pop_rm, 1, 0},
    };
    return kRows;
}

void add_data_transfer_flags(FlagTable& table) {
    constexpr auto kNeutral = FlagTable::Effect::kNeutral;
    add_flags<MovRegReg>(table, kNeutral);
    add_flags<MovRegImm>(table, kNeutral);
    add_flags<ExtendReg<u8>>(table, kNeutral);
    add_flags<ExtendReg<u16>>(table, kNeutral);
    add_flags<ExtendReg<i8>>(table, kNeutral);
    add_flags<ExtendReg<i16>>(table, kNeutral);
    add_flags<ExtendReg<i32>>(table, kNeutral);
    for (const unsigned width : {2u, 4u, 8u}) {
        table.add(pick_with<Lea, BaseDisp>(width), kNeutral);
        table.add(pick_with<Lea, AnyAddress>(width), kNeutral);
    }
}

}  // namespace emu::insn
