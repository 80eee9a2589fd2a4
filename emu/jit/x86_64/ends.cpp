// Ways from block to block: direct ones through their Edge, computed ones through the jump cache, both with
// the reference to the instruction TLB that go_near(), go_far() and go_indirect() make.
#include "emu/jit/x86_64/translator.h"

namespace emu::jit {

using Kind = Shape::Kind;

namespace {
constexpr Reg kGuestRsp = kPinned[4];
constexpr u8 kFarTaken = 1, kFarFall = 2;  // insn::Far
}  // namespace

void Translator::end(const Insn& insn, const Shape& shape) {
    flush_xmm();
    switch (shape.kind) {
        case Kind::kFall:
            need_memory_flags();
            return edge(insn, false);
        case Kind::kJmp:
            need_memory_flags();
            return edge(insn, true);
        case Kind::kJcc: {
            need_host_flags();
            need_memory_flags();
            u8* const taken = a_->jcc(shape.condition);
            edge(insn, false);
            a_->bind(taken);
            return edge(insn, true);
        }
        case Kind::kCall:
            need_memory_flags();
            push_return_address(insn);
            return edge(insn, true);
        default:
            need_memory_flags();
            return jump_indirect(insn, shape);
    }
}

void Translator::edge(const Insn& insn, bool taken) {
    auto* const edge = region_.take_data<Edge>();
    if (!edge) {
        full_ = true;
        return;
    }
    const LeaveHandler handler = taken ? exits_.taken : exits_.fall;
    edge->out = {&insn, reinterpret_cast<const void*>(handler), rip_};
    edge->target_rip = rip_ + (taken ? insn.imm : u64{insn.offset} + insn.length);
    EdgeJumps jumps{edge, {}};
    const Links& links = *reinterpret_cast<const Links*>(&insn + 1);
    if (insn.aux & (taken ? kFarTaken : kFarFall)) {
        const i32 slot =
            layout_.fetch + static_cast<i32>(mmu::L0::index(edge->target_rip) * sizeof(mmu::L0::Slot));
        a_->mov_imm(kA, edge->target_rip & ~mmu::kPageOffsetMask);
        a_->op({0x3b, 0, 8}, kA, Place::at(kCpu, slot + Layout::kTag));
        jumps.jumps[0] = a_->jcc(kNotEqual);
        a_->load(kA, Place::at(kCpu, slot + Layout::kHost));
        a_->op_relative({0x3b, 0, 8}, kA, &edge->host_page);
        jumps.jumps[1] = a_->jcc(kNotEqual);
        stamp(Place::at(kCpu, slot + Layout::kStamp), kA);
    } else if ((taken ? links.taken : links.fall) == block_ && edge->target_rip == rip_) {
        a_->jmp_to(body_);  // lives exactly as long as this jump
        return;
    }
    a_->op_relative({0xff, 0, 4}, 4, &edge->code);
    edges_.push_back(jumps);
}

/// Pushes; a way out is before anything of it. Spends kA and kB.
void Translator::push_return_address(const Insn& insn) {
    state_.host = false;
    a_->lea(kA, Place::at(kGuestRsp, -8));
    const Place to = check_address(8, layout_.store);
    const u64 address = rip_ + insn.offset + insn.length;
    if (Assembler::fits32(address)) {
        a_->op({0xc7, 0, 8}, 0, to);
        a_->dword(static_cast<u32>(address));
    } else {
        a_->mov_imm(kB, address);
        a_->store(to, kB);
    }
    a_->lea(kGuestRsp, Place::at(kGuestRsp, -8));
}

/// kB = the byte offset of the jump cache's entry for the address in kA.
void Translator::jump_cache_slot() {
    static_assert(sizeof(Cpu::JumpCacheEntry) == 16);
    a_->mov(kB, kA);
    a_->op({0xc1, 0, 8}, 5, Place::of(kB));  // shr
    a_->byte(11);
    a_->op({0x33, 0, 4}, kB, Place::of(kA));
    a_->group(4, Place::of(kB), Cpu::kJumpCacheSize - 1, 4);
    a_->op({0xc1, 0, 4}, 4, Place::of(kB));  // shl
    a_->byte(4);
}

/// Leaves unless the jump cache knows the target in kA (then it is canonical), which is noted in regs.rip.
void Translator::find_target(bool undo_tick) {
    a_->store(Place::at(kCpu, layout_.rip), kA);
    jump_cache_slot();
    a_->op({0x3b, 0, 8}, kA,
           Place::at(kCpu, kB, layout_.jump_cache + static_cast<i32>(offsetof(Cpu::JumpCacheEntry, rip))));
    if (!undo_tick) return leave_if(kNotEqual);
    u8* const found = a_->jcc(kEqual);
    a_->lea(kClock, Place::at(kClock, -1));
    leave_always();
    a_->bind(found);
}

void Translator::jump_indirect(const Insn& insn, const Shape& shape) {
    state_.host = false;
    if (shape.kind == Kind::kRet) {
        a_->mov(kA, kGuestRsp);
        a_->load(kA, check_address(8, layout_.load));
    } else if (shape.rm_memory) {
        a_->load(kA, check(insn, 8, Access::kLoad));
    } else {
        read_guest(kA, shape.rm);
    }
    const bool loads = shape.kind == Kind::kRet || shape.rm_memory;
    find_target(loads);
    if (shape.kind == Kind::kRet) a_->lea(kGuestRsp, Place::at(kGuestRsp, 8));
    if (shape.kind == Kind::kCallIndirect) {
        // Both references count, or none: the way out of the second is before the first.
        if (loads) a_->lea(kClock, Place::at(kClock, -1));
        tick_ = loads ? 2 : 1;
        push_return_address(insn);
        a_->load(kA, Place::at(kCpu, layout_.rip));
        jump_cache_slot();
    }
    go_indirect();
}

/// The target is in kA and regs.rip, kB is its place in the jump cache.
void Translator::go_indirect() {
    constexpr Reg kC = kClock;  // its value waits in memory
    a_->load(
        kB, Place::at(kCpu, kB, layout_.jump_cache + static_cast<i32>(offsetof(Cpu::JumpCacheEntry, block))));
    a_->store(Place::at(kCpu, layout_.clock), kClock);
    a_->op({0x3b, 0, 8}, kA, Place::at(kB, offsetof(Block, body_rip)));
    u8* const untranslated = a_->jcc(kNotEqual);
    a_->mov(kC, kA);
    a_->group(4, Place::of(kC), -static_cast<i32>(mmu::kPageSize));
    a_->rorx(kA, kA, mmu::kPageShift - 5);
    a_->group(4, Place::of(kA), static_cast<i32>((mmu::L0::kSlots - 1) << 5), 4);
    a_->op({0x3b, 0, 8}, kC, Place::at(kCpu, kA, layout_.fetch + Layout::kTag));
    u8* const missed = a_->jcc(kNotEqual);
    a_->load(kC, Place::at(kCpu, kA, layout_.fetch + Layout::kHost));
    a_->op({0x3b, 0, 8}, kC, Place::at(kB, offsetof(Block, host_page)));
    u8* const elsewhere = a_->jcc(kNotEqual);
    a_->load(kClock, Place::at(kCpu, layout_.clock));
    stamp(Place::at(kCpu, kA, layout_.fetch + Layout::kStamp), kA);
    a_->jmp(Place::at(kB, offsetof(Block, body)));

    for (u8* distance : {untranslated, missed, elsewhere}) a_->bind(distance);
    a_->load(kClock, Place::at(kCpu, layout_.clock));
    WayOut* const out = way_out(reinterpret_cast<const void*>(exits_.indirect), block_->code());
    a_->op_relative({0x8d, 0, 8}, kRax, out);
    a_->jmp_to_executable(common_.leave_at_rip);
}

}  // namespace emu::jit
