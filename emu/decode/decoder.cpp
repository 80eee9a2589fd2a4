#include "emu/decode/decoder.h"

#include <capstone/capstone.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <vector>

#include "emu/decode/capstone_quirks.h"
#include "emu/decode/capstone_x86.h"
#include "emu/insn/modrm_roles.h"
#include "mmu/base/check.h"

namespace emu {
namespace {

/// All that decides whether an encoding without VEX exists, in one word; never 0. Instructions that differ in
/// registers, displacement or immediate alone share it.
u64 template_of(const Fields& f, const ModrmRoles& roles) {
    u64 key = 1 | u64{f.opcode} << 8 | u64{static_cast<u8>(f.map)} << 16 | u64{f.operand16} << 18 |
              u64{f.address32} << 19 | u64{f.repeat} << 24 | u64{f.rex != 0} << 20 | u64{f.rex_w()} << 21;
    if (!f.has_modrm) return key;
    const ModrmRole role = roles.of(f.map, f.opcode);
    key |= u64{f.memory()} << 37;
    if (role == ModrmRole::kExtension) key |= u64{f.modrm_reg()} << 40;
    if (role == ModrmRole::kAll) key |= u64{f.modrm} << 48 | u64{f.rex & 7u} << 56;
    return key;
}

/// Capstone's answers by template, the row or none: open addressing, at most half full.
class TemplateTable {
  public:
    struct Slot {
        u64 key = 0;  ///< 0: free
        const OpcodeRow* row = nullptr;
    };
    /// The slot of `key`, to be filled if it is free.
    Slot& at(u64 key) {
        if (2 * (used_ + 1) > slots_.size()) grow();
        Slot& slot = slots_[place(slots_, key)];
        used_ += slot.key == 0;
        return slot;
    }

  private:
    using Slots = std::vector<Slot>;
    static usize place(const Slots& slots, u64 key) {
        usize n = (key * 0x9e3779b97f4a7c15 >> 40) & (slots.size() - 1);
        while (slots[n].key != 0 && slots[n].key != key) n = (n + 1) & (slots.size() - 1);
        return n;
    }
    void grow() {
        Slots larger(2 * slots_.size());
        for (const Slot& slot : slots_)
            if (slot.key != 0) larger[place(larger, slot.key)] = slot;
        slots_.swap(larger);
    }
    Slots slots_ = Slots(64);
    usize used_ = 0;
};

/// Opened when it is first asked: that takes as long as decoding a thousand instructions.
class Capstone {
  public:
    Capstone() = default;
    ~Capstone() {
        if (!insn_) return;
        cs_free(insn_, 1);
        cs_close(&handle_);
    }
    Capstone(const Capstone&) = delete;
    Capstone& operator=(const Capstone&) = delete;

    /// The first instruction of `bytes`, valid until the next question; null when they are none.
    const cs_insn* ask(std::span<const u8> bytes, u64 address) {
        if (!insn_) open();
        const u8* code = bytes.data();
        size_t size = bytes.size();
        return cs_disasm_iter(handle_, &code, &size, &address, insn_) ? insn_ : nullptr;
    }

  private:
    void open() {
        handle_ = open_capstone();
        insn_ = cs_malloc(handle_);
        CHECK(insn_ != nullptr);
    }
    csh handle_ = 0;
    cs_insn* insn_ = nullptr;
};

}  // namespace

struct Decoder::State {
    FeatureSet features;
    Capstone capstone;
    ModrmRoles roles;
    TemplateTable templates;
    DecodeStats stats;

    const OpcodeRow* row_of(const Fields& fields) {
        const OpcodeRow* const row = find_row(fields, features);
        if (!row || !capstone_decides(fields)) return row;
        const u64 key = template_of(fields, roles);
        TemplateTable::Slot& slot = templates.at(key);
        if (slot.key == 0) slot = {key, confirmed(fields, row)};
        return slot.row;
    }

    const OpcodeRow* confirmed(const Fields& fields, const OpcodeRow* row) {
        ++stats.capstone_calls;
        std::array<u8, 16> canonical{};
        const unsigned length = canonical_form(fields, canonical);
        const cs_insn* const answer = capstone.ask({canonical.data(), length}, 0);
        return answer && answer->size == length ? row : nullptr;
    }
};

Decoder::Decoder(FeatureSet features) : state_(std::make_unique<State>()) {
    state_->features = features;
}

Decoder::~Decoder() = default;

Decoder::Result Decoder::decode(std::span<const u8> bytes) {
    Result result;
    switch (split_fields(bytes, result.fields)) {
        case Split::kComplete:
            break;
        case Split::kNeedMore:
            result.status = DecodeStatus::kNeedMore;
            return result;
        case Split::kTooLong:
            result.status = DecodeStatus::kTooLong;
            return result;
        case Split::kInvalid:
            return result;
    }
    ++state_->stats.decoded;
    result.row = state_->row_of(result.fields);
    if (result.row) result.status = DecodeStatus::kOk;
    return result;
}

std::string Decoder::describe(std::span<const u8> bytes, u64 address) const {
    const cs_insn* const known = state_->capstone.ask(bytes, address);
    const usize length = known ? known->size : std::min<usize>(bytes.size(), 8);
    std::string text;
    char byte[4];
    for (usize n = 0; n < length; ++n) {
        std::snprintf(byte, sizeof byte, "%02x ", bytes[n]);
        text += byte;
    }
    text += ' ';
    if (!known) return text + "(bad)";
    text += known->mnemonic;
    if (known->op_str[0]) text += std::string(" ") + known->op_str;
    Fields fields;
    if (split_fields(bytes, fields) == Split::kComplete)
        if (const OpcodeRow* row = find_row(fields); row && !state_->features.has(row->feature))
            text += std::string(" (this CPU has no ") + name_of(row->feature) + ")";
    return text;
}

const ModrmRoles& Decoder::modrm_roles() const {
    return state_->roles;
}

const DecodeStats& Decoder::stats() const {
    return state_->stats;
}

}  // namespace emu
