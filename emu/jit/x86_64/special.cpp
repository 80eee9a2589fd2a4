// Instructions with operands of their own: the stack, constants, rDX:rAX.
#include "emu/jit/x86_64/translator.h"

namespace emu::jit {

using Kind = Shape::Kind;

namespace {
constexpr Reg kGuestRax = kPinned[0], kGuestRdx = kPinned[2], kGuestRsp = kPinned[4], kGuestRbp = kPinned[5];
static_assert(kPinned[1] == kRcx && kGuestRdx == kRdx,
              "shifts count in CL, products have their upper half in RDX");
}  // namespace

void Translator::special(const Insn& insn, const Shape& shape) {
    switch (shape.kind) {
        case Kind::kMovImm:
            return mov_imm(shape);
        case Kind::kLea:
            return lea(insn, shape);
        case Kind::kPush:
            return push(shape);
        case Kind::kPop:
            return pop(shape);
        case Kind::kLeave:
            return leave_frame();
        case Kind::kWiden:
            if (shape.opcode.size == 4)
                a_->op({0xbf, 1, 4}, kGuestRax, Place::of(kGuestRax));
            else
                a_->op({0x63, 0, 8}, kGuestRax, Place::of(kGuestRax));
            return;
        case Kind::kSign:
            a_->mov(kRax, kGuestRax);
            if (shape.opcode.size == 8) a_->byte(0x48);
            a_->byte(0x99);
            return;
        case Kind::kMultiply:
            return multiply(insn, shape);
        case Kind::kDivide:
        case Kind::kDivideSigned:
            return divide(insn, shape);
        case Kind::kBswap: {
            const Reg reg = is_pinned(shape.reg) ? kPinned[shape.reg] : kB;
            if (reg == kB) read_guest(kB, shape.reg);
            a_->byte(static_cast<u8>(0x40 | (shape.opcode.size == 8 ? 8 : 0) | (reg >= 8)));
            a_->byte(0x0f);
            a_->byte(static_cast<u8>(0xc8 | (reg & 7)));
            if (reg == kB) write_guest(shape.reg, kB);
            return;
        }
        case Kind::kScan:
            return scan(insn, shape);
        case Kind::kCompareExchange:
            return compare_exchange(insn, shape);
        default:
            return;  // kNop
    }
}

void Translator::mov_imm(const Shape& shape) {
    if (is_pinned(shape.rm)) {
        a_->mov_imm(kPinned[shape.rm], shape.immediate);
    } else if (Assembler::fits32(shape.immediate)) {
        a_->op({0xc7, 0, 8}, 0, Layout::gpr(shape.rm));
        a_->dword(static_cast<u32>(shape.immediate));
    } else {
        a_->mov_imm(kB, shape.immediate);
        write_guest(shape.rm, kB);
    }
}

void Translator::lea(const Insn& insn, const Shape& shape) {
    const Reg to = is_pinned(shape.reg) ? kPinned[shape.reg] : kA;
    const bool wide = shape.opcode.size == 8 && !insn.address32;
    if (insn.base == Slot::kRip && insn.index == Slot::kZero) {
        const u64 constant = rip_ + static_cast<u64>(i64{insn.disp});
        a_->mov_imm(to, wide ? constant : static_cast<u32>(constant));
    } else {
        address(insn, to, wide);
    }
    if (to == kA) write_guest(shape.reg, kA);
}

void Translator::push(const Shape& shape) {
    need_memory_flags();
    state_.host = false;
    a_->lea(kA, Place::at(kGuestRsp, -8));
    const Place to = check_address(8, layout_.store);
    if (shape.has_reg) {
        const Reg from = is_pinned(shape.reg) ? kPinned[shape.reg] : kB;
        if (from == kB) read_guest(kB, shape.reg);
        a_->store(to, from);
    } else {
        a_->op({0xc7, 0, 8}, 0, to);
        a_->dword(static_cast<u32>(shape.immediate));
    }
    a_->lea(kGuestRsp, Place::at(kGuestRsp, -8));
}

void Translator::pop(const Shape& shape) {
    need_memory_flags();
    state_.host = false;
    a_->mov(kA, kGuestRsp);
    const Place from = check_address(8, layout_.load);
    a_->lea(kGuestRsp, Place::at(kGuestRsp, 8));
    const Reg to = is_pinned(shape.reg) ? kPinned[shape.reg] : kB;
    a_->load(to, from);
    if (to == kB) write_guest(shape.reg, kB);
}

void Translator::leave_frame() {
    need_memory_flags();
    state_.host = false;
    a_->mov(kA, kGuestRbp);
    const Place from = check_address(8, layout_.load);
    a_->lea(kGuestRsp, Place::at(kGuestRbp, 8));
    a_->load(kGuestRbp, from);
}

/// The r/m operand of an instruction that needs RAX; one in memory is in kB.
Place Translator::only_operand(const Insn& insn, const Shape& shape) {
    if (shape.rm_memory) {
        need_memory_flags();
        load_sized(kB, check(insn, shape.rm_size, Access::kLoad), shape.rm_size);
        return Place::of(kB);
    }
    if (is_pinned(shape.rm)) return Place::of(kPinned[shape.rm]);
    read_guest(kB, shape.rm);
    return Place::of(kB);
}

void Translator::multiply(const Insn& insn, const Shape& shape) {
    if (live_after()) need_memory_flags();
    const Place by = only_operand(insn, shape);
    a_->mov(kRax, kGuestRax);
    a_->op(shape.opcode, shape.extension, by);
    a_->mov(kGuestRax, kRax);
    after_flags(shape);
}

/// Where the host would raise #DE, and in some cases more, the interpreter has it.
void Translator::divide(const Insn& insn, const Shape& shape) {
    need_memory_flags();
    const Place by = only_operand(insn, shape);
    state_.host = false;
    const u8 size = shape.opcode.size;
    // The reference has been made once the division is sure to be.
    if (shape.rm_memory) a_->lea(kClock, Place::at(kClock, -1));
    if (shape.kind == Kind::kDivide) {
        a_->op({0x3b, 0, size}, kGuestRdx, by);
        leave_if(kAboveEqual);
    } else {
        // A dividend as CDQ makes it, by neither 0 nor -1.
        a_->mov(kA, kGuestRax);
        a_->op({0xc1, 0, size}, 7, Place::of(kA));
        a_->byte(static_cast<u8>(size * 8 - 1));
        a_->op({0x3b, 0, size}, kA, Place::of(kGuestRdx));
        leave_if(kNotEqual);
        a_->op({0x8d, 0, size}, kA, Place::at(by.reg, 1));
        a_->group(7, Place::of(kA), 1, size);
        leave_if(kBelowEqual);
    }
    if (shape.rm_memory) a_->lea(kClock, Place::at(kClock, 1));
    a_->mov(kRax, kGuestRax);
    a_->op(shape.opcode, shape.extension, by);
    a_->mov(kGuestRax, kRax);
}

/// CPUs differ in the flags, and in what a source of 0 does: both are the interpreter's.
void Translator::scan(const Insn& insn, const Shape& shape) {
    need_memory_flags();
    state_.host = false;
    if (live_after()) return leave_always();
    const Place source = only_operand(insn, shape);
    if (shape.rm_memory) a_->lea(kClock, Place::at(kClock, -1));
    a_->op({0x85, 0, shape.opcode.size}, source.reg, source);
    leave_if(kEqual);
    if (shape.rm_memory) a_->lea(kClock, Place::at(kClock, 1));
    const Reg to = is_pinned(shape.reg) ? kPinned[shape.reg] : kB;
    a_->op(shape.opcode, to, source);
    if (to == kB) write_guest(shape.reg, kB);
}

/// RAX is the guest's here: the address moves to kB.
void Translator::compare_exchange(const Insn& insn, const Shape& shape) {
    need_memory_flags();
    a_->lea(kB, check(insn, shape.rm_size, Access::kModify));
    a_->mov(kRax, kGuestRax);
    a_->op(shape.opcode, kPinned[shape.reg], Place::at(kB));
    a_->mov(kGuestRax, kRax);
    after_flags(shape);
}

}  // namespace emu::jit
