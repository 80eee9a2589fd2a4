#include "emu/decode/block_builder.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "emu/cpu/cpu.h"
#include "emu/cpu/debug_hooks.h"
#include "emu/insn/branches.h"
#include "emu/insn/flag_table.h"

namespace emu {
namespace {

/// Opcodes whose immediate is a distance from the next instruction.
bool is_relative_branch(const Fields& f) {
    if (f.map == Map::k0F) return f.opcode >= 0x80 && f.opcode <= 0x8f;
    if (f.map != Map::kOne) return false;
    return (f.opcode >= 0x70 && f.opcode <= 0x7f) || (f.opcode >= 0xe0 && f.opcode <= 0xe3) ||
           f.opcode == 0xe8 || f.opcode == 0xe9 || f.opcode == 0xeb;
}

bool has_absolute_address(const Fields& f) {
    return f.map == Map::kOne && f.opcode >= 0xa0 && f.opcode <= 0xa3;
}

bool fits_displacement(i64 value) {
    return value >= std::numeric_limits<i32>::min() && value <= std::numeric_limits<i32>::max();
}

}  // namespace

BlockBuilder::Status BlockBuilder::build(const Source& source) {
    size_ = instructions_ = end_offset_ = 0;
    crosses_ = false;
    Step step = Step::kGoOn;
    while (step == Step::kGoOn && instructions_ < source.max_instructions &&
           end_offset_ < source.bytes.size())
        step = add_instruction(source, end_offset_);
    if (step == Step::kNeedSecondPage) return Status::kNeedSecondPage;
    finish(source, end_offset_);
    return Status::kBuilt;
}

BlockBuilder::Step BlockBuilder::add_instruction(const Source& source, u32 offset) {
    const auto here = source.bytes.subspan(offset);
    if (source.debug && source.debug->breaks_at_offset(source.offset + offset))
        add_pseudo(handlers_.probe, offset, 0, 0);
    Decoder::Result result =
        decoder_.decode(here.first(std::min<usize>(here.size(), Fields::kMaxLength + 1)));
    if (result.status == DecodeStatus::kNeedMore) {
        if (instructions_ > 0) return Step::kEnd;  // it begins a block of its own
        if (source.second_bytes.empty()) return Step::kNeedSecondPage;
        u8 joined[2 * (Fields::kMaxLength + 1)];
        const usize more = std::min<usize>(source.second_bytes.size(), Fields::kMaxLength + 1);
        std::memcpy(joined, here.data(), here.size());
        std::memcpy(joined + here.size(), source.second_bytes.data(), more);
        result = decoder_.decode({joined, here.size() + more});
        crosses_ = true;
        add_pseudo(handlers_.check_second_page, offset, source.second_host_page, 0);
    }
    switch (result.status) {
        case DecodeStatus::kTooLong:
            return add_exception(handlers_.too_long, offset);
        case DecodeStatus::kOk:
            break;
        default:
            return add_exception(handlers_.undefined, offset);
    }
    const bool lock_wrong = result.fields.lock && !(result.row->lockable && result.fields.memory());
    if (lock_wrong) return add_exception(handlers_.undefined, offset);
    if (result.row->alone && instructions_ > 0) return Step::kEnd;
    add(result.fields, *result.row, offset, result.fields.length);
    const bool ends = code_[size_ - 1].cost & Cost::kEnd;
    return ends || result.row->alone || crosses_ ? Step::kEnd : Step::kGoOn;
}

BlockBuilder::Step BlockBuilder::add_exception(Handler handler, u32 offset) {
    add_pseudo(handler, offset, 0, Cost::kInstruction | Cost::kEnd);
    ++instructions_;
    return Step::kEnd;
}

void BlockBuilder::add_pseudo(Handler handler, u32 offset, u64 imm, u8 cost) {
    Insn& insn = code_[size_++] = Insn{};
    insn.run = handler;
    insn.imm = imm;
    insn.base = insn.index = insn.segment = Slot::kZero;
    insn.offset = static_cast<u16>(offset);
    insn.cost = cost;
}

void BlockBuilder::add(const Fields& fields, const OpcodeRow& row, u32 offset, u32 length) {
    Insn insn;
    insn.offset = static_cast<u16>(offset);
    insn.length = static_cast<u8>(length);
    insn.base = insn.index = insn.segment = Slot::kZero;
    insn.imm = static_cast<u64>(fields.signed_immediate());
    if (is_relative_branch(fields)) insn.imm += offset + length;
    if (fields.memory() || has_absolute_address(fields)) set_memory_operand(fields, insn, offset);
    if (!row.build(fields, insn)) {
        add_exception(handlers_.undefined, offset);
        return;
    }
    code_[size_++] = insn;
    ++instructions_;
    end_offset_ = offset + length;
}

void BlockBuilder::set_memory_operand(const Fields& f, Insn& insn, u32 offset) {
    insn.address32 = f.address32;
    if (f.segment) insn.segment = f.segment == 0x64 ? Slot::kFs : Slot::kGs;
    i64 displacement = f.displacement();
    if (has_absolute_address(f)) {
        displacement = static_cast<i64>(f.immediate());
    } else if (f.rip_relative()) {
        insn.base = Slot::kRip;
        displacement += offset + f.length;
    } else if (f.has_sib) {
        const u8 base = static_cast<u8>((f.sib & 7) | (f.rex_b() ? 8 : 0));
        const u8 index = static_cast<u8>((f.sib >> 3 & 7) | (f.rex_x() ? 8 : 0));
        if (!(f.mod == 0 && (f.sib & 7) == 5)) insn.base = Slot::of(base);
        if (index != mmu::kRsp) {
            insn.index = Slot::of(index);
            insn.scale = f.sib >> 6;
        }
    } else {
        insn.base = Slot::of(f.rm);
    }
    if (fits_displacement(displacement)) {
        insn.disp = static_cast<i32>(displacement);
        return;
    }
    // A displacement that does not fit: an operation of its own computes the address.
    add_pseudo(handlers_.set_scratch, offset, static_cast<u64>(displacement), 0);
    code_[size_ - 1].aux = insn.base == Slot::kRip;
    insn.base = Slot::kScratch;
    insn.disp = 0;
}

/// Gives instructions their quiet twins where their flags die within the block, going backwards from its end,
/// where they live.
void BlockBuilder::hush() {
    const FlagTable& table = flag_table();
    bool dead = false;
    for (u32 n = size_ - 1; n-- > 0;) {
        Insn& insn = code_[n];
        const FlagTable::Entry entry = table.find(insn.run);
        if (dead && entry.quiet) insn.run = entry.quiet;
        if (entry.effect == FlagTable::Effect::kSees) dead = false;
        if (entry.effect == FlagTable::Effect::kOverwrites) dead = true;
    }
}

/// Instructions that run together, or without what nobody sees.
void BlockBuilder::join() {
    if (size_ < 2) return;
    hush();
    const Insn& last = code_[size_ - 1];
    if (last.length != 0)
        if (const Handler fused = handlers_.fuse(code_[size_ - 2].run, last.run))
            code_[size_ - 2].run = fused;
    for (u32 n = 0; n + 1 < size_; ++n)
        if (const Handler both = handlers_.pair(code_[n].run, code_[n + 1].run)) code_[n++].run = both;
}

void BlockBuilder::finish(const Source& source, u32 end_offset) {
    if (!(code_[size_ - 1].cost & Cost::kEnd)) add_pseudo(handlers_.fall_through, end_offset, 0, Cost::kEnd);

    Insn& last = code_[size_ - 1];
    const auto leaves_page = [&](u64 offset_in_block) {
        return !source.links || crosses_ || source.offset + offset_in_block >= mmu::kPageSize;
    };
    // Wrapping arithmetic: a target before the page is a huge offset.
    last.aux = static_cast<u8>((leaves_page(last.imm) ? insn::Far::kTaken : 0) |
                               (leaves_page(u64{last.offset} + last.length) ? insn::Far::kFall : 0));
    if (!source.plain) join();

    header_ = Block{};
    header_.insns = size_;
    header_.instructions = instructions_;
    for (u32 n = 0; n < size_; ++n) {
        const u8 cost = code_[n].cost;
        header_.references += static_cast<u64>(cost & Cost::kLoadMask) +
                              (static_cast<u64>((cost & Cost::kStoreMask) / Cost::kStore) << 32);
    }
}

}  // namespace emu
