#include "emu/interp/block_ops.h"

#include "emu/cpu/cpu.h"
#include "emu/cpu/debug_hooks.h"
#include "emu/insn/branches.h"

namespace emu {
namespace {

Exit undefined(Cpu& c, const Insn* i) {
    return raise(c, i, mmu::Vector::kInvalidOpcode);
}
Exit too_long(Cpu& c, const Insn* i) {
    return raise(c, i, mmu::Vector::kGeneralProtection);
}
Exit fall_through(Cpu& c, const Insn* i) {
    return insn::go_fall(c, i);
}

Exit set_scratch(Cpu& c, const Insn* i) {
    c.regs.scratch = i->imm + (i->aux ? c.regs.rip : 0);
    return next(c, i);
}

/// An instruction crosses into the next page: that page is a reference of its own, and must still be the one
/// that the block was decoded from.
Exit check_second_page(Cpu& c, const Insn* i) {
    const u64 second = (c.regs.rip & ~mmu::kPageOffsetMask) + mmu::kPageSize;
    const u8* host = c.l0.hit(c.l0.fetch, second, 1);
    ++c.counters.fetches;
    if (!host) host = c.fetch(second);
    if (!host) return fault_exit(c, i, 0, 0);
    if (reinterpret_cast<u64>(host) != i->imm) {
        c.rebuild_block = true;
        c.pending_link = nullptr;
        return leave_before(c, i, Exit::kLookup);
    }
    return next(c, i);
}

/// A breakpoint has this offset in some page; in this one too?
Exit probe(Cpu& c, const Insn* i) {
    if (c.debug && c.debug->breaks_at(c.regs.rip + i->offset)) {
        c.debug->at_breakpoint = true;
        c.pending_link = nullptr;
        return leave_before(c, i, Exit::kBudget);
    }
    return next(c, i);
}

}  // namespace

BuilderHandlers builder_handlers() {
    return {undefined, too_long, fall_through, set_scratch, check_second_page, probe};
}

}  // namespace emu
