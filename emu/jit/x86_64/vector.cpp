// SSE instructions: a guest's vector register is in the host's of the same number from its first use in a
// block to the block's end, or to a way out.
#include "emu/jit/x86_64/translator.h"

namespace emu::jit {
namespace {

constexpr i32 kMxcsrMasks = 0x1f80;

}  // namespace

void Translator::read_xmm(u8 number) {
    if (!(state_.xmm_valid >> number & 1)) a_->op({0x28, 1, 4}, number, layout_.xmm(number));
    state_.xmm_valid |= static_cast<u16>(1 << number);
}
void Translator::wrote_xmm(u8 number) {
    state_.xmm_valid |= static_cast<u16>(1 << number);
    state_.xmm_dirty |= static_cast<u16>(1 << number);
}

void Translator::flush_xmm() {
    for (u8 number = 0; number < 16; ++number)
        if (state_.xmm_dirty >> number & 1) a_->op({0x29, 1, 4}, number, layout_.xmm(number));
    state_.xmm_dirty = 0;
}

/// The interpreter has floating-point exceptions that are not masked. Nothing translated changes the masks.
void Translator::require_masked_exceptions() {
    if (state_.masks_known) return;
    need_memory_flags();
    state_.host = false;
    a_->load32(kA, Place::at(kCpu, layout_.mxcsr));
    a_->group(4, Place::of(kA), kMxcsrMasks, 4);
    a_->group(7, Place::of(kA), kMxcsrMasks, 4);
    leave_if(kNotEqual);
    state_.masks_known = true;
}

void Translator::vector(const Insn& insn, const Shape& shape) {
    if (shape.floating) require_masked_exceptions();
    Place rm;
    bool rm_back = false;
    if (shape.rm_memory) {
        need_memory_flags();
        rm = check(insn, shape.rm_size, shape.rm_write ? Access::kStore : Access::kLoad, shape.aligned);
    } else if (!shape.rm_general) {
        if (shape.rm_read) read_xmm(shape.rm);
        rm = Place::of(shape.rm);
    } else if (is_pinned(shape.rm)) {
        rm = Place::of(kPinned[shape.rm]);
    } else if (shape.rm_write && shape.opcode.size == 4) {
        rm = Place::of(kB);
        rm_back = true;
    } else {
        rm = Layout::gpr(shape.rm);
    }
    Reg reg = shape.reg;
    if (shape.reg_general)
        reg = is_pinned(shape.reg) ? kPinned[shape.reg] : kB;
    else if (shape.has_reg && shape.reg_read)
        read_xmm(shape.reg);
    operate(shape, reg, rm);
    if (rm_back) write_guest(shape.rm, kB);
    if (shape.reg_general) {
        if (reg == kB) write_guest(shape.reg, kB);
    } else if (shape.reg_write) {
        wrote_xmm(shape.reg);
    }
    if (!shape.rm_memory && !shape.rm_general && shape.rm_write) wrote_xmm(shape.rm);
    after_flags(shape);
}

}  // namespace emu::jit
