// JMP Jcc CALL RET and what else ends a block. Targets are relative to the block's first byte (Cpu::regs.rip while it
// runs), so that a block serves every virtual address that its page is mapped at. SDM Vol. 2.
#include <array>

#include "emu/insn/branches.h"
#include "emu/insn/chapters.h"
#include "emu/insn/host_flags.h"
#include "emu/insn/operands.h"

namespace emu::insn {
namespace {

Exit jump(Cpu& c, const Insn* i) { return go_taken(c, i); }

Exit call(Cpu& c, const Insn* i) {
    const u64 top = c.regs.gpr[mmu::kRsp] - 8;
    if (!c.store<u64>(top, c.regs.rip + i->offset + i->length)) [[unlikely]] return stack_fault_exit(c, i, 0, 1);
    c.regs.gpr[mmu::kRsp] = top;
    return go_taken(c, i);
}

/// RET and RET imm16 (0 without).
Exit ret(Cpu& c, const Insn* i) {
    const u64 top = c.regs.gpr[mmu::kRsp];
    const u8* p = c.read(top, 8);
    if (!p) [[unlikely]] return stack_fault_exit(c, i, 1, 0);
    const u64 target = get<u64>(p);
    if (!is_canonical(c, target)) [[unlikely]] return fault_after(c, i, mmu::Vector::kGeneralProtection, 1, 0);
    c.regs.gpr[mmu::kRsp] = top + 8 + i->imm;
    return go_indirect(c, target);
}

struct JumpReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 target = c.reg<T>(i->src);
        if (!is_canonical(c, target)) [[unlikely]] return raise(c, i, mmu::Vector::kGeneralProtection);
        return go_indirect(c, target);
    }
};
struct JumpMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), sizeof(T));
        if (!p) [[unlikely]] return fault_exit(c, i, 1, 0);
        const u64 target = get<T>(p);
        if (!is_canonical(c, target)) [[unlikely]] return fault_after(c, i, mmu::Vector::kGeneralProtection, 1, 0);
        return go_indirect(c, target);
    }
};

Exit call_reg(Cpu& c, const Insn* i) {
    const u64 target = c.reg<u64>(i->src);
    if (!is_canonical(c, target)) [[unlikely]] return raise(c, i, mmu::Vector::kGeneralProtection);
    const u64 top = c.regs.gpr[mmu::kRsp] - 8;
    if (!c.store<u64>(top, c.regs.rip + i->offset + i->length)) [[unlikely]] return stack_fault_exit(c, i, 0, 1);
    c.regs.gpr[mmu::kRsp] = top;
    return go_indirect(c, target);
}
struct CallMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), sizeof(T));
        if (!p) [[unlikely]] return fault_exit(c, i, 1, 0);
        const u64 target = get<T>(p);
        if (!is_canonical(c, target)) [[unlikely]] return fault_after(c, i, mmu::Vector::kGeneralProtection, 1, 0);
        const u64 top = c.regs.gpr[mmu::kRsp] - 8;
        if (!c.store<u64>(top, c.regs.rip + i->offset + i->length)) [[unlikely]] return stack_fault_exit(c, i, 1, 1);
        c.regs.gpr[mmu::kRsp] = top;
        return go_indirect(c, target);
    }
};

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

bool jcc_row(const Fields& f, Insn& out) { return direct(f, out, kJcc[f.opcode & 15]); }
bool jmp_row(const Fields& f, Insn& out) { return direct(f, out, jump); }
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
    };
    return kRows;
}

}  // namespace emu::insn
