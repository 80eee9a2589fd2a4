// Memory operands: the address, then L0's check (L0::hit), written out. A miss, and what crosses a page,
// leaves.
#include "emu/jit/x86_64/translator.h"

namespace emu::jit {
namespace {

bool is_gpr(u8 slot) {
    return slot < 16 * 8;
}
bool has_constant_address(const Insn& insn) {
    return (insn.base == Slot::kRip || insn.base == Slot::kZero) && insn.index == Slot::kZero &&
           insn.segment == Slot::kZero;
}

}  // namespace

/// The register that holds the 8-byte word of Registers at `slot`; one that has none is loaded into
/// `scratch`.
Reg Translator::word(u8 slot, Reg scratch) {
    if (slot == Slot::kZero) return kNoReg;
    if (is_gpr(slot) && is_pinned(slot / 8)) return kPinned[slot / 8];
    if (slot == Slot::kRip)
        a_->mov_imm(scratch, rip_);
    else
        a_->load(scratch, Place::at(kCpu, slot));
    return scratch;
}

bool Translator::uses_b(const Insn& insn) const {
    return is_gpr(insn.index) && !is_pinned(insn.index / 8);
}

/// The effective address, without the segment's base, cut to 32 bits unless `wide`. Flags stay.
void Translator::address(const Insn& insn, Reg to, bool wide) {
    const Reg base = word(insn.base, kA), index = word(insn.index, kB);
    a_->op({0x8d, 0, static_cast<u8>(wide ? 8 : 4)}, to, Place::at(base, index, insn.disp, insn.scale));
}

void Translator::linear_address(const Insn& insn) {
    address(insn, kA, !insn.address32);
    if (insn.segment != Slot::kZero) a_->op({0x03, 0, 8}, kA, Place::at(kCpu, insn.segment));
}

/// kB = the byte offset of the slot that belongs to the address in kA.
void Translator::slot_of_address() {
    constexpr u8 kShift = mmu::kPageShift - 5;
    static_assert(sizeof(mmu::L0::Slot) == 1u << 5);
    a_->rorx(kB, kA, kShift);
    a_->group(4, Place::of(kB), static_cast<i32>((mmu::L0::kSlots - 1) << 5), 4);
}

/// One reference: the next tick of the clock, into the stamp that `pointer` leads to. Spends `scratch`.
void Translator::stamp(const Place& pointer, Reg scratch) {
    a_->load(scratch, pointer);
    a_->lea(kClock, Place::at(kClock, tick_));
    a_->store(Place::at(scratch), kClock);
    tick_ = 1;
}

/// Of the address in kA: in one of L0's arrays.
Place Translator::check_address(u32 size, i32 slots) {
    slot_of_address();
    a_->op({0x2b, 0, 8}, kA, Place::at(kCpu, kB, slots + Layout::kTag));
    a_->group(7, Place::of(kA), static_cast<i32>(mmu::kPageSize - size));
    leave_if(kAbove);
    a_->op({0x03, 0, 8}, kA, Place::at(kCpu, kB, slots + Layout::kHost));
    stamp(Place::at(kCpu, kB, slots + Layout::kStamp), kB);
    return Place::at(kA);
}

/// Flags are in memory; EFLAGS, kA and kB are spent.
Place Translator::check(const Insn& insn, u32 size, Access access, bool aligned) {
    state_.host = false;
    if (has_constant_address(insn)) {
        u64 constant = static_cast<u64>(i64{insn.disp}) + (insn.base == Slot::kRip ? rip_ : 0);
        if (insn.address32) constant = static_cast<u32>(constant);
        if (!aligned || constant % 16 == 0) return check_constant(constant, size, access);
    }
    linear_address(insn);
    if (aligned) {
        a_->op({0xf6, 0, 1, 0, false, true}, 0, Place::of(kA));
        a_->byte(15);
        leave_if(kNotEqual);
    }
    if (access != Access::kModify)
        return check_address(size, access == Access::kLoad ? layout_.load : layout_.store);

    // Both halves have the page, or neither counts.
    const auto again = [&] {
        linear_address(insn);
        if (uses_b(insn)) slot_of_address();
    };
    const auto at = [&](i32 slots, i32 member) { return Place::at(kCpu, kB, slots + member); };
    slot_of_address();
    a_->load(kA, at(layout_.load, Layout::kTag));
    a_->op({0x3b, 0, 8}, kA, at(layout_.store, Layout::kTag));
    leave_if(kNotEqual);
    again();
    a_->op({0x2b, 0, 8}, kA, at(layout_.load, Layout::kTag));
    a_->group(7, Place::of(kA), static_cast<i32>(mmu::kPageSize - size));
    leave_if(kAbove);
    stamp(at(layout_.load, Layout::kStamp), kA);
    stamp(at(layout_.store, Layout::kStamp), kA);
    again();
    a_->op({0x03, 0, 8}, kA, at(layout_.store, Layout::kAddend));
    return Place::at(kA);
}

Place Translator::check_constant(u64 address, u32 size, Access access) {
    const u64 offset = address & mmu::kPageOffsetMask;
    if (offset + size > mmu::kPageSize) {
        leave_always();
        return Place::at(kA);
    }
    const i32 slot = static_cast<i32>(mmu::L0::index(address) * sizeof(mmu::L0::Slot));
    const i32 first = (access == Access::kStore ? layout_.store : layout_.load) + slot;
    const i32 second = layout_.store + slot;
    a_->mov_imm(kA, address - offset);
    a_->op({0x3b, 0, 8}, kA, Place::at(kCpu, first + Layout::kTag));
    leave_if(kNotEqual);
    if (access == Access::kModify) {
        a_->op({0x3b, 0, 8}, kA, Place::at(kCpu, second + Layout::kTag));
        leave_if(kNotEqual);
    }
    stamp(Place::at(kCpu, first + Layout::kStamp), kA);
    if (access == Access::kModify) stamp(Place::at(kCpu, second + Layout::kStamp), kA);
    a_->load(kA, Place::at(kCpu, first + Layout::kHost));
    return Place::at(kA, static_cast<i32>(offset));
}

}  // namespace emu::jit
