// Segment registers and far transfers, as far as 64-bit user code under Linux meets them: MOV and PUSH and
// POP of segment registers, LSS LFS LGS, LAR LSL VERR VERW, far JMP CALL RET and IRET. SDM Vol. 2.
//
// The descriptor table has two selectors that user code may load, its own code and data segments (Linux:
// arch/x86/include/asm/segment.h __USER_CS, __USER_DS). Deviation: the selectors in DS, ES, FS and GS read as
// 0 even after a load of __USER_DS, and there is no 32-bit code segment.
#include "emu/cpu/cpu_model.h"
#include "emu/insn/branches.h"
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"
#include "emu/insn/user_flags.h"
#include "emu/insn/warn.h"

namespace emu::insn {
namespace {

using mmu::Vector;

constexpr u16 kUserCs = 0x33, kUserDs = 0x2b;
enum Segment : u8 { kEs, kCs, kSs, kDs, kFs, kGs };

u16 selector_of(u8 segment) {
    return segment == kCs ? kUserCs : segment == kSs ? kUserDs : 0;
}

/// #GP(selector) after `loads` and `stores` references.
Exit bad_selector(Cpu& c, const Insn* i, u16 selector, u32 loads, u32 stores) {
    const Exit exit = fault_after(c, i, Vector::kGeneralProtection, loads, stores);
    c.fault.error_code = selector & ~3u;
    return exit;
}

bool is_null(u16 selector) {
    return selector <= 3;
}

bool may_load(u8 segment, u16 selector) {
    if (selector == kUserDs) return true;
    return segment != kSs && (is_null(selector) || selector == kUserCs);
}

/// Loading FS or GS takes the base from the descriptor: 0. AMD's CPUs keep the base with a null selector.
void load(Cpu& c, u8 segment, u16 selector) {
    if (is_null(selector) && c.model.is_amd()) return;
    if (segment == kFs) c.regs.fs_base = 0;
    if (segment == kGs) c.regs.gs_base = 0;
}

// --- MOV, PUSH, POP; Insn::aux is the segment
// -------------------------------------------------------------------

struct MovRegSegment {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        c.set_reg(i->dst, static_cast<T>(selector_of(i->aux)));
        return next(c, i);
    }
};
Exit mov_mem_segment(Cpu& c, const Insn* i) {
    if (!c.store<u16>(AnyAddress::address(c, i), selector_of(i->aux))) [[unlikely]]
        return fault_exit(c, i, 0, 1);
    return next(c, i);
}
Exit mov_segment_reg(Cpu& c, const Insn* i) {
    const u16 selector = c.reg<u16>(i->src);
    if (!may_load(i->aux, selector)) return bad_selector(c, i, selector, 0, 0);
    load(c, i->aux, selector);
    return next(c, i);
}
Exit mov_segment_mem(Cpu& c, const Insn* i) {
    const u8* p = c.read(AnyAddress::address(c, i), 2);
    if (!p) [[unlikely]]
        return fault_exit(c, i, 1, 0);
    const u16 selector = get<u16>(p);
    if (!may_load(i->aux, selector)) return bad_selector(c, i, selector, 1, 0);
    load(c, i->aux, selector);
    return next(c, i);
}

struct PushSegment {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 top = c.regs.gpr[mmu::kRsp] - sizeof(T);
        if (!c.store<T>(top, static_cast<T>(selector_of(i->aux)))) [[unlikely]]
            return stack_fault_exit(c, i, 0, 1);
        c.regs.gpr[mmu::kRsp] = top;
        return next(c, i);
    }
};
struct PopSegment {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 top = c.regs.gpr[mmu::kRsp];
        const u8* p = c.read(top, sizeof(T));
        if (!p) [[unlikely]]
            return stack_fault_exit(c, i, 1, 0);
        const u16 selector = get<u16>(p);
        if (!may_load(i->aux, selector)) return bad_selector(c, i, selector, 1, 0);
        load(c, i->aux, selector);
        c.regs.gpr[mmu::kRsp] = top + sizeof(T);
        return next(c, i);
    }
};

/// LSS LFS LGS: an offset and a selector behind it.
struct LoadFarPointer {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), sizeof(T) + 2);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        const u16 selector = get<u16>(p + sizeof(T));
        if (!may_load(i->aux, selector)) return bad_selector(c, i, selector, 1, 0);
        load(c, i->aux, selector);
        c.set_reg(i->dst, get<T>(p));
        return next(c, i);
    }
};

/// LAR LSL VERR VERW. Deviation: no descriptor is visible, ZF = 0.
Exit invisible(Cpu& c, const Insn* i) {
    c.flags &= static_cast<Flags>(~FlagBits::kZf);
    return next(c, i);
}
Exit invisible_mem(Cpu& c, const Insn* i) {
    if (!c.read(AnyAddress::address(c, i), 2)) [[unlikely]]
        return fault_exit(c, i, 1, 0);
    return invisible(c, i);
}

// --- far transfers
// ------------------------------------------------------------------------------------------------

/// Whether a far transfer may go to selector:target; otherwise `exit` is the fault.
bool may_go(Cpu& c, const Insn* i, u16 selector, u64 target, u32 loads, u32 stores, Exit& exit) {
    if (selector != kUserCs) {
        warn_once(c, Warning::kFarTransfer);
        exit = bad_selector(c, i, selector, loads, stores);
        return false;
    }
    if (is_canonical(c, target)) return true;
    exit = fault_after(c, i, Vector::kGeneralProtection, loads, stores);
    return false;
}

/// The immediate is what RET releases.
struct FarReturn {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 top = c.regs.gpr[mmu::kRsp];
        const u8* p = c.read(top, sizeof(T));
        if (!p) [[unlikely]]
            return stack_fault_exit(c, i, 1, 0);
        const u64 target = get<T>(p);
        p = c.read(top + sizeof(T), sizeof(T));
        if (!p) [[unlikely]]
            return stack_fault_exit(c, i, 2, 0);
        Exit exit{};
        if (!may_go(c, i, get<u16>(p), target, 2, 0, exit)) return exit;
        c.regs.gpr[mmu::kRsp] = top + 2 * sizeof(T) + i->imm;
        return go_indirect(c, target);
    }
};

/// RIP, CS, RFLAGS, RSP, SS, all of them even without a change of privilege.
struct InterruptReturn {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 top = c.regs.gpr[mmu::kRsp];
        u64 popped[5];
        for (u32 n = 0; n < 5; ++n) {
            const u8* p = c.read(top + n * sizeof(T), sizeof(T));
            if (!p) [[unlikely]]
                return stack_fault_exit(c, i, n + 1, 0);
            popped[n] = get<T>(p);
        }
        Exit exit{};
        if (!may_go(c, i, static_cast<u16>(popped[1]), popped[0], 5, 0, exit)) return exit;
        const u16 stack = static_cast<u16>(popped[4]);
        if (stack != kUserDs) return bad_selector(c, i, stack, 5, 0);
        if (!load_user_flags(c, popped[2], sizeof(T))) warn_once(c, Warning::kIretTrapFlag);
        c.regs.gpr[mmu::kRsp] = popped[3];
        return go_indirect(c, popped[0]);
    }
};

template <bool call>
struct FarIndirect {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), sizeof(T) + 2);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        const u64 target = get<T>(p);
        Exit exit{};
        if (!may_go(c, i, get<u16>(p + sizeof(T)), target, 1, 0, exit)) return exit;
        if constexpr (call) {
            const u64 top = c.regs.gpr[mmu::kRsp] - 2 * sizeof(T);
            if (!c.store<T>(top + sizeof(T), static_cast<T>(kUserCs))) [[unlikely]]
                return stack_fault_exit(c, i, 1, 1);
            const u64 after = c.regs.rip + i->offset + i->length;
            if (!c.store<T>(top, static_cast<T>(after))) [[unlikely]]
                return stack_fault_exit(c, i, 1, 2);
            c.regs.gpr[mmu::kRsp] = top;
        }
        return go_indirect(c, target);
    }
};

// --- rows
// ---------------------------------------------------------------------------------------------------------

bool mov_from_segment(const Fields& f, Insn& out) {
    out.aux = f.modrm_reg();
    if (out.aux > kGs) return false;
    if (f.memory()) {
        add_cost(out, 0, 1);
        out.run = mov_mem_segment;
    } else {
        out.dst = rm_operand(f, f.width());
        out.run = pick<MovRegSegment>(f.width());
    }
    return true;
}

bool mov_to_segment(const Fields& f, Insn& out) {
    out.aux = f.modrm_reg();
    if (out.aux > kGs || out.aux == kCs) return false;
    if (f.memory()) {
        add_cost(out, 1, 0);
        out.run = mov_segment_mem;
    } else {
        out.src = rm_operand(f, 2);
        out.run = mov_segment_reg;
    }
    return true;
}

template <Segment segment>
bool push_segment(const Fields& f, Insn& out) {
    out.aux = segment;
    add_cost(out, 0, 1);
    out.run = f.operand16 && !f.rex_w() ? PushSegment::run<u16> : PushSegment::run<u64>;
    return true;
}
template <Segment segment>
bool pop_segment(const Fields& f, Insn& out) {
    out.aux = segment;
    add_cost(out, 1, 0);
    out.run = f.operand16 && !f.rex_w() ? PopSegment::run<u16> : PopSegment::run<u64>;
    return true;
}

template <Segment segment>
bool load_far_pointer(const Fields& f, Insn& out) {
    out.aux = segment;
    out.dst = reg_operand(f, f.width());
    add_cost(out, 1, 0);
    out.run = pick_any_memory<LoadFarPointer>(f.width());
    return true;
}

bool verify(const Fields& f, Insn& out) {
    add_cost(out, f.memory(), 0);
    out.run = f.memory() ? invisible_mem : invisible;
    return true;
}

template <class Form>
bool far_return(const Fields& f, Insn& out) {
    out.imm = f.immediate();
    end_block(out);
    add_cost(out, std::is_same_v<Form, FarReturn> ? 2 : 5, 0);
    out.run = pick<Form>(f.width());
    return true;
}

template <bool call>
bool far_indirect(const Fields& f, Insn& out) {
    end_block(out);
    add_cost(out, 1, call ? 2 : 0);
    out.run = pick_any_memory<FarIndirect<call>>(f.width());
    return true;
}

}  // namespace

Rows segments() {
    constexpr Operand kMemory = Operand::kMemory;
    constexpr Prefix kAny = Prefix::kAny;
    static constexpr OpcodeRow kRows[] = {
        {"mov", Map::kOne, 0x8c, mov_from_segment},
        {"mov", Map::kOne, 0x8e, mov_to_segment},
        {"push", Map::k0F, 0xa0, push_segment<kFs>},
        {"push", Map::k0F, 0xa8, push_segment<kGs>},
        {"pop", Map::k0F, 0xa1, pop_segment<kFs>},
        {"pop", Map::k0F, 0xa9, pop_segment<kGs>},
        {"lss", Map::k0F, 0xb2, load_far_pointer<kSs>, 1, -1, kAny, kMemory},
        {"lfs", Map::k0F, 0xb4, load_far_pointer<kFs>, 1, -1, kAny, kMemory},
        {"lgs", Map::k0F, 0xb5, load_far_pointer<kGs>, 1, -1, kAny, kMemory},
        {"lar", Map::k0F, 0x02, verify},
        {"lsl", Map::k0F, 0x03, verify},
        {"verr", Map::k0F, 0x00, verify, 1, 4},
        {"verw", Map::k0F, 0x00, verify, 1, 5},
        {"retf", Map::kOne, 0xca, far_return<FarReturn>},
        {"retf", Map::kOne, 0xcb, far_return<FarReturn>},
        {"iret", Map::kOne, 0xcf, far_return<InterruptReturn>},
        {"call", Map::kOne, 0xff, far_indirect<true>, 1, 3, kAny, kMemory},
        {"jmp", Map::kOne, 0xff, far_indirect<false>, 1, 5, kAny, kMemory},
    };
    return kRows;
}

}  // namespace emu::insn
