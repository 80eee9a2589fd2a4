// Instructions that the host runs as they are, with other registers; and the flags between them.
#include "emu/jit/x86_64/translator.h"

namespace emu::jit {

using FlagWrite = Shape::FlagWrite;

void Translator::read_guest(Reg to, u8 guest) {
    if (is_pinned(guest))
        a_->mov(to, kPinned[guest]);
    else
        a_->load(to, Layout::gpr(guest));
}
void Translator::write_guest(u8 guest, Reg from) {
    if (is_pinned(guest))
        a_->mov(kPinned[guest], from);
    else
        a_->store(Layout::gpr(guest), from);
}

/// Zero-extends.
void Translator::load_sized(Reg to, const Place& from, u8 size) {
    if (size >= 4)
        a_->op({0x8b, 0, size}, to, from);
    else
        a_->op({static_cast<u8>(size == 1 ? 0xb6 : 0xb7), 1, 4}, to, from);
}

/// Spends kA.
void Translator::need_memory_flags() {
    if (state_.memory) return;
    a_->byte(0x9f);                                            // lahf
    a_->op({0x90, 1, 4}, 0, Place::of(kA));                    // seto al
    a_->op({0x89, 0, 2}, kA, Place::at(kCpu, layout_.flags));  // mov [flags], ax
    state_.memory = true;
}

/// Spends kA. Adding 127 to the OF in AL overflows exactly when it is 1.
void Translator::need_host_flags() {
    if (state_.host) return;
    load_sized(kA, Place::at(kCpu, layout_.flags), 2);
    a_->byte(0x04);
    a_->byte(127);   // add al, 127
    a_->byte(0x9e);  // sahf
    state_.host = true;
}

/// CF = OF = the host's OF, the others as they are in memory. Spends kA.
void Translator::merge_carry_overflow() {
    a_->op({0x90, 1, 4}, 0, Place::of(kA));  // seto al
    a_->op({0x88, 0, 1}, 0, Place::of(4));   // mov ah, al
    const Place flags = Place::at(kCpu, layout_.flags);
    a_->op({0x81, 0, 2}, 4, flags);  // and word [flags], ~(CF | OF)
    const auto mask = static_cast<u16>(~(FlagBits::kCf | FlagBits::kOf));
    a_->bytes(&mask, 2);
    a_->op({0x09, 0, 2}, kA, flags);
    state_.host = false;
}

void Translator::after_flags(const Shape& shape) {
    switch (shape.flags) {
        case FlagWrite::kNone:
            return;
        case FlagWrite::kAll:
        case FlagWrite::kSome:
            // What nobody will see may be said to be anywhere.
            state_.host = live_after();
            state_.memory = !live_after();
            return;
        case FlagWrite::kCarryOverflow:
            if (live_after()) merge_carry_overflow();
            state_.host = false;
            state_.memory = true;
            return;
    }
}

void Translator::operate(const Shape& shape, Reg reg, const Place& rm) {
    a_->op(shape.opcode, shape.has_reg ? reg : shape.extension, rm);
    a_->bytes(&shape.immediate, shape.immediate_size);
}

void Translator::generic(const Insn& insn, const Shape& shape) {
    const u8 size = shape.opcode.size;
    const bool host_flags = shape.flags_read || (shape.flags == FlagWrite::kSome && live_after());
    if (shape.flags == FlagWrite::kCarryOverflow && live_after()) need_memory_flags();

    Place rm;
    bool b_taken = false, rm_back = false;
    if (shape.rm_memory) {
        need_memory_flags();
        rm = check(insn, shape.rm_size,
                   !shape.rm_write  ? Access::kLoad
                   : !shape.rm_read ? Access::kStore
                                    : Access::kModify);
        if (host_flags) {  // which are brought through kA
            b_taken = true;
            if (shape.rm_write) {
                a_->lea(kB, rm);
                rm = Place::at(kB);
            } else {
                load_sized(kB, rm, shape.rm_size);
                rm = Place::of(kB);
            }
        }
    }
    if (host_flags) need_host_flags();
    if (!shape.rm_memory) {
        if (shape.rm_high) {
            a_->rorx(kB, kPinned[shape.rm], 8);
            rm = Place::of(kB);
            b_taken = true;
        } else if (is_pinned(shape.rm)) {
            rm = Place::of(kPinned[shape.rm]);
        } else if (shape.wants_register || (shape.rm_write && size == 4)) {
            a_->load(kB, Layout::gpr(shape.rm));
            rm = Place::of(kB);
            b_taken = true;
            rm_back = shape.rm_write;
        } else {
            rm = Layout::gpr(shape.rm);
        }
    }
    Reg reg = kNoReg;
    bool reg_back = false;
    if (shape.has_reg) {
        const Reg scratch = b_taken ? kA : kB;
        if (shape.reg_high) {
            a_->rorx(scratch, kPinned[shape.reg], 8);
            reg = scratch;
        } else if (is_pinned(shape.reg)) {
            reg = kPinned[shape.reg];
        } else {
            reg = scratch;
            if (shape.reg_read || size < 4) a_->load(reg, Layout::gpr(shape.reg));
            reg_back = shape.reg_write;
        }
    }
    operate(shape, reg, rm);
    if (rm_back) a_->store(Layout::gpr(shape.rm), kB);
    if (reg_back) a_->store(Layout::gpr(shape.reg), reg);
    after_flags(shape);
}

}  // namespace emu::jit
