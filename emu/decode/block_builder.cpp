#include "emu/decode/block_builder.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "emu/cpu/cpu.h"
#include "emu/cpu/debug_hooks.h"
#include "emu/decode/shape.h"
#include "emu/insn/branches.h"
#include "emu/insn/encoding.h"
#include "emu/insn/fused.h"
#include "emu/insn/pairs.h"
#include "mmu/base/bits.h"
#include "mmu/base/check.h"

namespace emu {
namespace {

bool has_absolute_address(const Fields& f) {
    return f.map == Map::kOne && f.opcode >= 0xa0 && f.opcode <= 0xa3;
}

bool fits_displacement(i64 value) {
    return value >= std::numeric_limits<i32>::min() && value <= std::numeric_limits<i32>::max();
}

}  // namespace

/// The shapes that were met, by their keys: two places each, the last two have them.
struct BlockBuilder::Known {
    static constexpr unsigned kBits = 11;
    struct Ways {
        Shape first, second;
    };
    explicit Known(const ModrmRoles& known_roles) : roles(known_roles) {}

    Ways& ways(u64 key) { return shapes[key * 0x9e3779b97f4a7c15 >> (64 - kBits)]; }

    /// The shape with this key, or one with another.
    const Shape& find(u64 key) {
        const Ways& both = ways(key);
        return both.first.key == key ? both.first : both.second;
    }
    void add(const Shape& shape) {
        Ways& both = ways(shape.key);
        both.second = both.first;
        both.first = shape;
    }

    void allocate(HugePages& pages) {
        shapes = static_cast<Ways*>(pages.take(sizeof(Ways) << kBits));
        pairs = &insn::pairs();
        fused = &insn::fused();
    }

    const ModrmRoles& roles;
    Ways* shapes = nullptr;
    const HandlerPairs* pairs = nullptr;
    const HandlerPairs* fused = nullptr;
    Glance glance;             ///< at the instruction that add_instruction() is to add
    Insn bare;                 ///< the last instruction that a row built, before that
    u64 references = 0;        ///< as in Block, of code_
    Traits traits[kMaxInsns];  ///< of code_
};

BlockBuilder::BlockBuilder(Decoder& decoder, HugePages& pages, const BuilderHandlers& handlers)
    : decoder_(decoder),
      pages_(pages),
      handlers_(handlers),
      known_(std::make_unique<Known>(decoder.modrm_roles())) {}

BlockBuilder::~BlockBuilder() = default;

namespace {

/// Loads, and stores << 32.
u64 references_of(u8 cost) {
    const u64 loads = cost & Cost::kLoadMask, stores = (cost & Cost::kStoreMask) / Cost::kStore;
    return loads + (stores << 32);
}

}  // namespace

/// The instruction behind the last one of the code is whole.
BlockBuilder::Step BlockBuilder::append(u32 length) {
    ++instructions_;
    end_offset_ = code_[size_].offset + length;
    const u8 cost = code_[size_++].cost;
    known_->references += references_of(cost);
    return cost & Cost::kEnd ? Step::kEnd : Step::kGoOn;
}

/// The instructions that come now, `most` of them, as long as each is like one that is known.
BlockBuilder::Step BlockBuilder::copy_known(const Source& source, u32 most) {
    Known& known = *known_;
    const u8* const bytes = source.bytes.data();
    const usize size = source.bytes.size();
    Insn* out = code_ + size_;
    Traits* traits = known.traits + size_;
    u32 offset = end_offset_, copied = 0;
    u64 references = 0;
    u8 cost = 0;
    known.glance.key = 0;
    while (copied < most && offset < size && !(cost & Cost::kEnd)) {
        const u8* here = bytes + offset;
        u8 padded[Glance::kReach];
        const bool at_end = size - offset < sizeof padded;
        if (at_end) [[unlikely]] {
            std::memset(padded, 0, sizeof padded);
            std::memcpy(padded, here, size - offset);
            here = padded;
        }
        const Glance glance = Glance::at(here, known.roles);
        const Shape& shape = known.find(glance.key);
        if (shape.key != glance.key || glance.key == 0 || glance.length > size - offset ||
            !shape.make(glance, here, offset, *out)) [[unlikely]] {
            if (!at_end) known.glance = glance;  // to be learned
            break;
        }
        *traits++ = shape.traits;
        cost = shape.insn.cost;
        references += references_of(cost);
        offset += glance.length;
        ++out;
        ++copied;
    }
    size_ += copied;
    instructions_ += copied;
    end_offset_ = offset;
    known.references += references;
    return cost & Cost::kEnd ? Step::kEnd : Step::kGoOn;
}

BlockBuilder::Status BlockBuilder::build(const Source& source) {
    if (!known_->shapes) known_->allocate(pages_);
    size_ = instructions_ = end_offset_ = 0;
    crosses_ = false;
    known_->references = known_->glance.key = 0;
    Step step = Step::kGoOn;
    const auto goes_on = [&] {
        return step == Step::kGoOn && instructions_ < source.max_instructions &&
               end_offset_ < source.bytes.size();
    };
    while (goes_on()) {
        if (source.debug && source.debug->breaks_at_offset(source.offset + end_offset_))
            add_pseudo(handlers_.probe, end_offset_, 0, 0);
        const u32 before = instructions_, most = source.debug ? 1 : source.max_instructions - before;
        if (source.copies) step = copy_known(source, most);
        if (instructions_ - before < most && goes_on()) step = add_instruction(source, end_offset_);
    }
    if (step == Step::kNeedSecondPage) return Status::kNeedSecondPage;
    finish(source, end_offset_);
    // Where the flow may go on, if it branches within the page: the next block that is asked for.
    __builtin_prefetch(
        reinterpret_cast<const void*>(reinterpret_cast<u64>(source.bytes.data()) + code_[size_ - 1].imm));
    return Status::kBuilt;
}

/// The long way, by the decoder and the row of the opcode table.
BlockBuilder::Step BlockBuilder::add_instruction(const Source& source, u32 offset) {
    const auto here = source.bytes.subspan(offset);
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
    const u32 before = size_;
    const Step step = add(result.fields, *result.row, offset);
    if (result.row->alone || crosses_) return Step::kEnd;
    if (known_->glance.key != 0 && size_ == before + 1) learn(known_->glance, here.data(), result);
    return step;
}

/// Keeps the shape of the instruction that was just added.
void BlockBuilder::learn(const Glance& glance, const u8* code, const Decoder::Result& decoded) {
    const Fields& fields = decoded.fields;
    Shape shape = Shape::of(glance, code, fields, *decoded.row,
                            fields.vex ? ModrmRole::kAll : known_->roles.of(fields.map, fields.opcode),
                            known_->bare, code_[size_ - 1]);
    if (shape.key == 0) return;
    shape.traits = known_->traits[size_ - 1];
    known_->add(shape);
}

BlockBuilder::Step BlockBuilder::add_exception(Handler handler, u32 offset) {
    add_pseudo(handler, offset, 0, Cost::kInstruction | Cost::kEnd);
    ++instructions_;
    return Step::kEnd;
}

void BlockBuilder::add_pseudo(Handler handler, u32 offset, u64 imm, u8 cost) {
    known_->traits[size_] = Traits{};
    Insn& insn = code_[size_++] = Insn{};
    insn.run = handler;
    insn.imm = imm;
    insn.base = insn.index = insn.segment = Slot::kZero;
    insn.offset = static_cast<u16>(offset);
    insn.cost = cost;
}

BlockBuilder::Step BlockBuilder::add(const Fields& fields, const OpcodeRow& row, u32 offset) {
    Insn insn;
    insn.offset = static_cast<u16>(offset);
    insn.length = fields.length;
    insn.base = insn.index = insn.segment = Slot::kZero;
    insn.imm = static_cast<u64>(fields.signed_immediate());
    if (is_relative_branch(fields)) insn.imm += offset + fields.length;
    if (fields.memory() || has_absolute_address(fields)) set_memory_operand(fields, insn, offset);
    known_->bare = insn;
    if (!row.build(fields, insn)) return add_exception(handlers_.undefined, offset);
    code_[size_] = insn;
    known_->traits[size_] = Traits::of(insn.run);
    return append(fields.length);
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
    using enum FlagTable::Effect;
    bool dead = false;
    // Without a jump, for nobody can predict them.
    for (u32 n = size_ - 1; n-- > 0;) {
        Traits& traits = known_->traits[n];
        const bool hushed = dead & (traits.quiet != nullptr);
        code_[n].run = hushed ? traits.quiet : code_[n].run;
        traits.pair_row = hushed ? traits.quiet_row : traits.pair_row;
        traits.pair_column = hushed ? traits.quiet_column : traits.pair_column;
        dead = (dead & (traits.effect != kSees)) | (traits.effect == kOverwrites);
    }
}

/// Instructions that run together, or without what nobody sees.
void BlockBuilder::join() {
    if (size_ < 2) return;
    hush();
    Traits* const traits = known_->traits;
    const HandlerPairs& pairs = *known_->pairs;
    const u32 last = size_ - 1;
    if (const Handler fused = known_->fused->at(traits[last - 1].fused_row, traits[last].fused_column)) {
        code_[last - 1].run = fused;
        traits[last - 1].pair_row = 0;
        traits[last - 1].pair_column = pairs.column(fused);
    }
    for (u32 n = 0; n < last; ++n)
        if (const Handler both = pairs.at(traits[n].pair_row, traits[n + 1].pair_column))
            code_[n++].run = both;
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
    header_.references = known_->references;
}

}  // namespace emu
