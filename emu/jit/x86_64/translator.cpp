#include "emu/jit/x86_64/translator.h"

#include <algorithm>

namespace emu::jit {
namespace {

constexpr Reg kSaved[] = {kRbx, kRbp, kR12, kR13, kR14, kR15};  // SysV: the callee's to keep
constexpr usize kMostBytesOfOne = 512;
constexpr u32 kShortestRun = 4;  ///< to come back for from the interpreter

}  // namespace

CommonCode write_common(CodeRegion& region, const Layout& layout) {
    Assembler a(region);
    CommonCode common;
    common.leave = a.executable(a.here());
    a.load(kB, Place::at(kRax, offsetof(WayOut, rip)));
    a.store(Place::at(kCpu, layout.rip), kB);
    common.leave_at_rip = a.executable(a.here());
    for (u8 guest = 0; guest < 16; ++guest)
        if (is_pinned(guest)) a.store(Layout::gpr(guest), kPinned[guest]);
    a.store(Place::at(kCpu, layout.clock), kClock);
    a.mov(kRdi, kCpu);
    a.load(kRsi, Place::at(kRax, offsetof(WayOut, insn)));
    a.mov(kRdx, kRax);
    a.load(kRax, Place::at(kRax, offsetof(WayOut, handler)));
    for (usize n = std::size(kSaved); n-- > 0;) a.pop(kSaved[n]);
    a.jmp(Place::of(kRax));
    region.take_code(a.size());
    return common;
}

Result Translator::translate(const Block& block, u64 rip) {
    Result result;
    Assembler assembler(region_);
    a_ = &assembler;
    block_ = &block;
    rip_ = rip;
    leaves_.clear();
    edges_.clear();
    entry_points_.clear();
    full_ = false;
    analyze(block);
    const auto native = static_cast<u32>(std::count(native_.begin(), native_.end(), true));
    if (native == 0 || (selective_ && native * 2 < block.insns)) return result;

    const usize code = region_.code_used(), data = region_.data_used();
    const u8* const body = a_->executable(a_->here());
    body_ = a_->here();
    state_ = State{};
    at_ = 0;
    out_ = nullptr;
    charge(block);
    bool inside = true;
    for (u32 n = 0; n < block.insns && !full_; ++n) {
        at_ = n;
        out_ = nullptr;
        if (!native_[n]) {
            if (inside) interpret();
            inside = false;
            continue;
        }
        if (!inside || n == 0) {
            if (!inside) state_ = State{};
            entry_points_.push_back({n, a_->here()});
        }
        inside = true;
        instruction(n);
    }
    write_ways_out();
    write_entries(result);
    if (full_ || a_->full()) {
        region_.rewind(code, data);
        result = Result{};
        result.full = true;
        return result;
    }
    region_.take_code(a_->size());
    result.good = true;
    result.body = body;
    return result;
}

/// What each instruction is, which are translated, and where flags are seen.
void Translator::analyze(const Block& block) {
    const u8* const bytes =
        reinterpret_cast<const u8*>(block.host_page) + (block.physical & mmu::kPageOffsetMask);
    shapes_.assign(block.insns, Shape{});
    native_.assign(block.insns, false);
    for (u32 n = 0; n < block.insns; ++n) {
        const Insn& insn = block.code()[n];
        Fields fields;
        const u64 end = (block.physical & mmu::kPageOffsetMask) + insn.offset + insn.length;
        if (end > mmu::kPageSize) continue;
        if (insn.length && split_fields({bytes + insn.offset, insn.length}, fields) != Split::kComplete)
            continue;
        Shape& shape = shapes_[n] = shape_of(fields, insn);
        if ((shape.reg_high && shape.reg_write) || (!shape.rm_memory && shape.rm_high && shape.rm_write))
            shape = Shape{};
        if (shape.kind == Shape::Kind::kCompareExchange && (!is_pinned(shape.reg) || shape.reg_high))
            shape = Shape{};
        native_[n] = shape.kind != Shape::Kind::kUnsupported;
    }
    // A short run is not worth coming back for.
    for (u32 n = 0; n < block.insns;) {
        u32 end = n;
        while (end < block.insns && native_[end]) ++end;
        if (selective_ && n > 0 && end - n < kShortestRun)
            std::fill(native_.begin() + n, native_.begin() + end, false);
        n = end + 1;
    }
    live_.assign(block.insns + 1, true);
    for (u32 n = block.insns; n-- > 0;) {
        const Shape& shape = shapes_[n];
        const bool seen = !native_[n] || shape.may_leave() || shape.flags_read;
        live_[n] = seen || (shape.flags != Shape::FlagWrite::kAll && live_[n + 1]);
    }
}

/// As enter() does.
void Translator::charge(const Block& block) {
    const auto loads = static_cast<u32>(block.references), stores = static_cast<u32>(block.references >> 32);
    if (loads) a_->group(0, Place::at(kCpu, layout_.references), static_cast<i32>(loads), 4);
    if (stores) a_->group(0, Place::at(kCpu, layout_.references + 4), static_cast<i32>(stores), 4);
    a_->group(5, Place::at(kCpu, layout_.budget), static_cast<i32>(block.instructions));
    WayOut* const out = way_out(reinterpret_cast<const void*>(exits_.budget_end), block.code());
    leaves_.push_back({a_->jcc(kSign), out, 0});
}

WayOut* Translator::way_out(const void* handler, const Insn* insn) {
    auto* const out = region_.take_data<WayOut>();
    if (!out) {
        full_ = true;
        return nullptr;
    }
    *out = {insn, handler, rip_};
    return out;
}

/// The interpreter takes over at the instruction at hand.
void Translator::leave_if(u8 condition) {
    const Insn* const insn = block_->code() + at_;
    if (!out_) out_ = way_out(original_handler(at_), insn);
    leaves_.push_back({a_->jcc(condition), out_, state_.xmm_dirty});
}
void Translator::leave_always() {
    const Insn* const insn = block_->code() + at_;
    if (!out_) out_ = way_out(original_handler(at_), insn);
    leaves_.push_back({a_->jmp(), out_, state_.xmm_dirty});
}

const void* Translator::original_handler(u32 n) const {
    return reinterpret_cast<const void*>(n == 0 && block_->first ? block_->first : block_->code()[n].run);
}

void Translator::interpret() {
    need_memory_flags();
    leave_always();
}

void Translator::instruction(u32 n) {
    if (a_->left() < kMostBytesOfOne) {
        full_ = true;
        return;
    }
    const Insn& insn = block_->code()[n];
    const Shape& shape = shapes_[n];
    if (shape.kind == Shape::Kind::kGeneric)
        generic(insn, shape);
    else if (shape.kind == Shape::Kind::kVector)
        vector(insn, shape);
    else if (shape.ends())
        end(insn, shape);
    else
        special(insn, shape);
}

void Translator::write_ways_out() {
    for (usize n = 0; n < leaves_.size() && !full_;) {
        const Leave& first = leaves_[n];
        for (; n < leaves_.size() && leaves_[n].record == first.record &&
               leaves_[n].xmm_dirty == first.xmm_dirty;
             ++n)
            a_->bind(leaves_[n].distance);
        for (u8 number = 0; number < 16; ++number)
            if (first.xmm_dirty >> number & 1) a_->op({0x29, 1, 4}, number, layout_.xmm(number));
        a_->op_relative({0x8d, 0, 8}, kRax, first.record);
        a_->jmp_to_executable(common_.leave);
        if (a_->left() < kMostBytesOfOne) full_ = true;
    }
    for (const auto& [edge, jumps] : edges_) {
        if (full_) return;
        edge->code = edge->unlinked = a_->executable(a_->here());
        for (u8* distance : jumps)
            if (distance) a_->bind(distance);
        a_->op_relative({0x8d, 0, 8}, kRax, edge);
        a_->jmp_to_executable(common_.leave);
        if (a_->left() < kMostBytesOfOne) full_ = true;
    }
}

/// Handlers that lead into the code. Another address than the one it was made for is the original handler's.
void Translator::write_entries(Result& result) {
    for (const auto& [n, target] : entry_points_) {
        if (full_) return;
        const u8* const code = a_->executable(a_->here());
        const Place rip = Place::at(kRdi, layout_.rip);
        if (Assembler::fits32(rip_)) {
            a_->group(7, rip, static_cast<i32>(rip_));
        } else {
            a_->mov_imm(kRax, rip_);
            a_->op({0x3b, 0, 8}, kRax, rip);
        }
        u8* const other = a_->jcc(kNotEqual);
        for (const Reg reg : kSaved) a_->push(reg);
        a_->mov(kCpu, kRdi);
        a_->load(kClock, Place::at(kCpu, layout_.clock));
        for (u8 guest = 0; guest < 16; ++guest)
            if (is_pinned(guest)) a_->load(kPinned[guest], Layout::gpr(guest));
        a_->jmp_to(target);
        a_->bind(other);
        a_->mov_imm(kRax, reinterpret_cast<u64>(original_handler(n)));
        a_->jmp(Place::of(kRax));
        if (a_->left() < kMostBytesOfOne) full_ = true;
        result.entries.push_back({n, code});
    }
}

}  // namespace emu::jit
