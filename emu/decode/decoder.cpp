#include "emu/decode/decoder.h"

#include <capstone/capstone.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <unordered_map>

#include "emu/decode/capstone_quirks.h"
#include "mmu/base/check.h"

namespace emu {
namespace {

/// The instruction's bytes with displacement and immediate cleared, and its length: all that selects a row
/// and decides whether the encoding exists.
struct Template {
    std::array<u8, 16> bytes{};
    friend bool operator==(const Template&, const Template&) = default;
};

Template template_of(const Fields& f) {
    Template t;
    std::memcpy(t.bytes.data(), f.bytes, f.length);
    std::memset(t.bytes.data() + f.displacement_at, 0, f.displacement_size);
    std::memset(t.bytes.data() + f.immediate_at, 0, f.immediate_size);
    t.bytes[15] = f.length;
    return t;
}

struct TemplateHash {
    std::size_t operator()(const Template& t) const {
        u64 low, high;
        std::memcpy(&low, t.bytes.data(), 8);
        std::memcpy(&high, t.bytes.data() + 8, 8);
        u64 h = (low ^ (high * 0x9e3779b97f4a7c15)) * 0xff51afd7ed558ccd;
        return h ^ (h >> 32);
    }
};

}  // namespace

struct Decoder::State {
    FeatureSet features;
    csh handle = 0;
    cs_insn* insn = nullptr;
    std::unordered_map<Template, const OpcodeRow*, TemplateHash> templates;
    DecodeStats stats;

    /// Length of the first instruction according to Capstone; 0 when it refuses.
    unsigned length_of(std::span<const u8> bytes) {
        const u8* code = bytes.data();
        size_t size = bytes.size();
        u64 address = 0;
        return cs_disasm_iter(handle, &code, &size, &address, insn) ? insn->size : 0;
    }

    const OpcodeRow* confirm(const Fields& fields) {
        const OpcodeRow* row = find_row(fields, features);
        if (!row) return nullptr;
        ++stats.capstone_calls;
        std::array<u8, 16> canonical{};
        const unsigned length = canonical_form(fields, canonical);
        const unsigned answer = length_of({canonical.data(), length});
        return answer == length || refused_by_capstone(fields) ? row : nullptr;
    }
};

Decoder::Decoder(FeatureSet features) : state_(std::make_unique<State>()) {
    state_->features = features;
    CHECK(cs_open(CS_ARCH_X86, CS_MODE_64, &state_->handle) == CS_ERR_OK);
    state_->insn = cs_malloc(state_->handle);
    CHECK(state_->insn != nullptr);
}

Decoder::~Decoder() {
    cs_free(state_->insn, 1);
    cs_close(&state_->handle);
}

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
    const auto [entry, is_new] = state_->templates.try_emplace(template_of(result.fields), nullptr);
    if (is_new) entry->second = state_->confirm(result.fields);
    result.row = entry->second;
    if (result.row) result.status = DecodeStatus::kOk;
    return result;
}

std::string Decoder::describe(std::span<const u8> bytes, u64 address) const {
    const u8* code = bytes.data();
    size_t size = bytes.size();
    const bool known = cs_disasm_iter(state_->handle, &code, &size, &address, state_->insn);
    const usize length = known ? state_->insn->size : std::min<usize>(bytes.size(), 8);
    std::string text;
    char byte[4];
    for (usize n = 0; n < length; ++n) {
        std::snprintf(byte, sizeof byte, "%02x ", bytes[n]);
        text += byte;
    }
    text += ' ';
    if (!known) return text + "(bad)";
    text += state_->insn->mnemonic;
    if (state_->insn->op_str[0]) text += std::string(" ") + state_->insn->op_str;
    Fields fields;
    if (split_fields(bytes, fields) == Split::kComplete)
        if (const OpcodeRow* row = find_row(fields); row && !state_->features.has(row->feature))
            text += std::string(" (this CPU has no ") + name_of(row->feature) + ")";
    return text;
}

const DecodeStats& Decoder::stats() const {
    return state_->stats;
}

}  // namespace emu
