// JMP Jcc CALL RET and what else ends a block. Targets are relative to the block's first byte (Cpu::regs.rip
// while it runs), so that a block serves every virtual address that its page is mapped at. SDM Vol. 2.
#include <array>

#include "emu/insn/access.h"
#include "emu/insn/branches.h"
#include "emu/insn/chapters.h"
#include "emu/insn/host_flags.h"
#include "emu/insn/operands.h"

namespace emu::insn {
namespace {

Exit jump(Cpu& c, const Insn* i) {
    return go_taken(c, i);
}

Exit call(Cpu& c, const Insn* i) {
    return with_store<u64, StackPush<u64>, stack_fault_exit>(
        c, i,
        [](Cpu& cpu, const Insn* insn, u8* p, u64 top) {
            put<u64>(p, cpu.regs.rip + insn->offset + insn->length);
            cpu.regs.gpr[mmu::kRsp] = top;
        },
        [](Cpu& cpu, const Insn* insn) { return go_taken(cpu, insn); });
}

/// RET and RET imm16 (0 without).
Exit ret(Cpu& c, const Insn* i) {
    return with_load<u64, StackTop, stack_fault_exit>(
        c, i, [](Cpu& cpu, const Insn* insn, const u8* p, u64 top) {
            const u64 target = get<u64>(p);
            if (!is_canonical(cpu, target)) [[unlikely]]
                return fault_after(cpu, insn, mmu::Vector::kGeneralProtection, 1, 0);
            cpu.regs.gpr[mmu::kRsp] = top + 8 + insn->imm;
            return go_indirect(cpu, target);
        });
}

struct JumpReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 target = c.reg<T>(i->src);
        if (!is_canonical(c, target)) [[unlikely]]
            return raise(c, i, mmu::Vector::kGeneralProtection);
        return go_indirect(c, target);
    }
};
struct JumpMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), sizeof(T));
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        const u64 target = get<T>(p);
        if (!is_canonical(c, target)) [[unlikely]]
            return fault_after(c, i, mmu::Vector::kGeneralProtection, 1, 0);
        return go_indirect(c, target);
    }
};

Exit call_reg(Cpu& c, const Insn* i) {
    const u64 target = c.reg<u64>(i->src);
    if (!is_canonical(c, target)) [[unlikely]]
        return raise(c, i, mmu::Vector::kGeneralProtection);
    const u64 top = c.regs.gpr[mmu::kRsp] - 8;
    if (!c.store<u64>(top, c.regs.rip + i->offset + i->length)) [[unlikely]]
        return stack_fault_exit(c, i, 0, 1);
    c.regs.gpr[mmu::kRsp] = top;
    return go_indirect(c, target);
}
struct CallMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), sizeof(T));
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        const u64 target = get<T>(p);
        if (!is_canonical(c, target)) [[unlikely]]
            return fault_after(c, i, mmu::Vector::kGeneralProtection, 1, 0);
        const u64 top = c.regs.gpr[mmu::kRsp] - 8;
        if (!c.store<u64>(top, c.regs.rip + i->offset + i->length)) [[unlikely]]
            return stack_fault_exit(c, i, 1, 1);
        c.regs.gpr[mmu::kRsp] = top;
        return go_indirect(c, target);
    }
};

/// What LOOPcc asks for besides a count other than 0.
enum class LoopWhile : u8 { kNotEqual, kEqual, kAlways };

template <LoopWhile condition>
Exit loop(Cpu& c, const Insn* i) {
    const u64 count = c.regs.gpr[mmu::kRcx] - 1;
    const u64 left = c.regs.gpr[mmu::kRcx] = i->address32 ? static_cast<u32>(count) : count;
    const bool equal = c.flags & FlagBits::kZf;
    const bool wanted = condition == LoopWhile::kAlways || equal == (condition == LoopWhile::kEqual);
    return left != 0 && wanted ? go_taken(c, i) : go_fall(c, i);
}

Exit jrcxz(Cpu& c, const Insn* i) {
    const u64 count = c.regs.gpr[mmu::kRcx];
    return (i->address32 ? static_cast<u32>(count) : count) == 0 ? go_taken(c, i) : go_fall(c, i);
}

/// RSP = RBP, then POP RBP (or BP).
struct Leave {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 frame = c.regs.gpr[mmu::kRbp];
        const u8* p = c.read(frame, sizeof(T));
        if (!p) [[unlikely]]
            return stack_fault_exit(c, i, 1, 0);
        c.regs.gpr[mmu::kRsp] = frame + sizeof(T);
        c.set_reg(mmu::kRbp * 8, get<T>(p));
        return next(c, i);
    }
};

/// ENTER size (imm), nesting level (aux). It ends with the check, on current CPUs a reference, that the new
/// top of the stack can be written.
struct Enter {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        u64 top = c.regs.gpr[mmu::kRsp] - sizeof(T);
        const u64 frame = top;
        u32 loads = 0, stores = 1;
        if (!c.store<T>(top, c.reg<T>(mmu::kRbp * 8))) [[unlikely]]
            return stack_fault_exit(c, i, loads, stores);
        u64 display = c.regs.gpr[mmu::kRbp];
        for (unsigned level = 1; level < i->aux; ++level) {
            ++loads;
            const u8* p = c.read(display -= sizeof(T), sizeof(T));
            if (!p) [[unlikely]]
                return stack_fault_exit(c, i, loads, stores);
            ++stores;
            if (!c.store<T>(top -= sizeof(T), get<T>(p))) [[unlikely]]
                return stack_fault_exit(c, i, loads, stores);
        }
        if (i->aux > 0) {
            ++stores;
            if (!c.store<T>(top -= sizeof(T), static_cast<T>(frame))) [[unlikely]]
                return stack_fault_exit(c, i, loads, stores);
        }
        top -= i->imm;
        ++stores;
        if (!c.open_store(top, sizeof(T))) [[unlikely]]
            return stack_fault_exit(c, i, loads, stores);
        c.counters.loads += loads;
        c.counters.stores += stores;
        c.set_reg(mmu::kRbp * 8, static_cast<T>(frame));
        c.regs.gpr[mmu::kRsp] = top;
        return next(c, i);
    }
};

/// INT3, INT1, INT 3 and INT 4 are traps: the handler sees the next instruction.
template <mmu::Vector vector>
Exit trap(Cpu& c, const Insn* i) {
    const Exit exit = raise(c, i, vector);
    c.regs.rip += i->length;
    return exit;
}

/// Through a gate that user code may not use; the error code names the gate, with the IDT bit (SDM Vol.
/// 3A 6.13).
Exit closed_gate(Cpu& c, const Insn* i) {
    return raise(c, i, mmu::Vector::kGeneralProtection, static_cast<u32>(i->imm) * 8 + 2);
}

Exit undefined(Cpu& c, const Insn* i) {
    return raise(c, i, mmu::Vector::kInvalidOpcode);
}

template <std::size_t... codes>
constexpr std::array<Handler, 16> jcc_handlers(std::index_sequence<codes...>) {
    return {&jcc<static_cast<Condition>(codes)>...};
}
constexpr auto kJcc = jcc_handlers(std::make_index_sequence<16>());

bool direct(const Fields&, Insn& out, Handler handler) {
    out.run = handler;
    end_block(out);
    return true;
}

bool jcc_row(const Fields& f, Insn& out) {
    return direct(f, out, kJcc[f.opcode & 15]);
}
bool jmp_row(const Fields& f, Insn& out) {
    return direct(f, out, jump);
}
bool call_row(const Fields& f, Insn& out) {
    add_cost(out, 0, 1);
    return direct(f, out, call);
}
bool ret_row(const Fields& f, Insn& out) {
    out.imm = f.immediate();
    add_cost(out, 1, 0);
    return direct(f, out, ret);
}

bool jump_rm(const Fields& f, Insn& out) {
    end_block(out);
    if (f.memory()) {
        add_cost(out, 1, 0);
        out.run = needs_any_address(out) ? JumpMem::run<u64, AnyAddress> : JumpMem::run<u64, BaseDisp>;
    } else {
        out.src = gpr(f.rm, 8, true);
        out.run = JumpReg::run<u64>;
    }
    return true;
}
bool call_rm(const Fields& f, Insn& out) {
    end_block(out);
    if (f.memory()) {
        add_cost(out, 1, 1);
        out.run = needs_any_address(out) ? CallMem::run<u64, AnyAddress> : CallMem::run<u64, BaseDisp>;
    } else {
        add_cost(out, 0, 1);
        out.src = gpr(f.rm, 8, true);
        out.run = call_reg;
    }
    return true;
}

template <Handler handler>
bool ending(const Fields& f, Insn& out) {
    return direct(f, out, handler);
}
/// Of the address size here only the count register's width remains.
template <Handler handler>
bool counted(const Fields& f, Insn& out) {
    out.address32 = f.address32;
    return direct(f, out, handler);
}

bool build_leave(const Fields& f, Insn& out) {
    add_cost(out, 1, 0);
    out.run = f.operand16 && !f.rex_w() ? Leave::run<u16> : Leave::run<u64>;
    return true;
}
bool build_enter(const Fields& f, Insn& out) {
    out.imm = f.immediate() & 0xffff;
    out.aux = f.immediate() >> 16 & 31;
    out.run = f.operand16 && !f.rex_w() ? Enter::run<u16> : Enter::run<u64>;
    return true;
}

/// Linux: arch/x86/kernel/idt.c lets user code through gates 3 and 4 only (and 80h, where 32-bit programs are
/// supported).
bool int_n(const Fields& f, Insn& out) {
    out.imm = f.immediate();
    return direct(f, out,
                  out.imm == 3   ? trap<mmu::Vector::kBreakpoint>
                  : out.imm == 4 ? trap<mmu::Vector::kOverflow>
                                 : closed_gate);
}

}  // namespace

Rows control_flow() {
    static constexpr OpcodeRow kRows[] = {
        {"jcc", Map::kOne, 0x70, jcc_row, 16},
        {"jcc", Map::k0F, 0x80, jcc_row, 16},
        {"jmp", Map::kOne, 0xe9, jmp_row},
        {"jmp", Map::kOne, 0xeb, jmp_row},
        {"jmp", Map::kOne, 0xff, jump_rm, 1, 4},
        {"call", Map::kOne, 0xe8, call_row},
        {"call", Map::kOne, 0xff, call_rm, 1, 2},
        {"ret", Map::kOne, 0xc3, ret_row},
        {"ret", Map::kOne, 0xc2, ret_row},
        {"loopne", Map::kOne, 0xe0, counted<loop<LoopWhile::kNotEqual>>},
        {"loope", Map::kOne, 0xe1, counted<loop<LoopWhile::kEqual>>},
        {"loop", Map::kOne, 0xe2, counted<loop<LoopWhile::kAlways>>},
        {"jrcxz", Map::kOne, 0xe3, counted<jrcxz>},
        {"enter", Map::kOne, 0xc8, build_enter},
        {"leave", Map::kOne, 0xc9, build_leave},
        {"int3", Map::kOne, 0xcc, ending<trap<mmu::Vector::kBreakpoint>>},
        {"int", Map::kOne, 0xcd, int_n},
        {"int1", Map::kOne, 0xf1, ending<trap<mmu::Vector::kDebug>>},
        {"ud2", Map::k0F, 0x0b, ending<undefined>},
        {"ud1", Map::k0F, 0xb9, ending<undefined>},
        {"ud0", Map::k0F, 0xff, ending<undefined>},
    };
    return kRows;
}

}  // namespace emu::insn
