#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <vector>

#include "emu/cpu/cpu.h"
#include "emu/decode/block_builder.h"
#include "emu/decode/capstone_quirks.h"
#include "emu/decode/capstone_x86.h"
#include "emu/decode/glance.h"
#include "emu/interp/block_ops.h"
#include "mmu/base/check.h"
#include "tests/fuzz/mnemonics.h"
#include "tests/fuzz/targets.h"

namespace tests {

using emu::Decoder, emu::DecodeStatus, emu::Fields;

struct DecodeTarget::State {
    csh handle = 0;
    cs_insn* disassembled = nullptr;
    Decoder decoder;
    emu::HugePages pages;
    emu::BlockBuilder builder{decoder, pages, emu::builder_handlers()};

    std::string check_one(std::span<const u8> bytes, usize& length);
    std::string check_copy(std::span<const u8> bytes);
    std::string check_block(std::span<const u8> bytes);
    std::span<const emu::Insn> build_one(std::span<const u8> bytes);
};

namespace {

std::string complain(const Decoder& decoder, std::span<const u8> bytes, const std::string& what) {
    return decoder.describe(bytes, 0) + ": " + what;
}

}  // namespace

/// `length`: how far to go on.
std::string DecodeTarget::State::check_one(std::span<const u8> bytes, usize& length) {
    length = 1;
    const Decoder::Result first = decoder.decode(bytes), again = decoder.decode(bytes);
    if (first.status != again.status || first.row != again.row)
        return complain(decoder, bytes, "decoded otherwise when asked again");
    const Fields& f = first.fields;
    if (first.status == DecodeStatus::kNeedMore && bytes.size() > Fields::kMaxLength)
        return complain(decoder, bytes, "wants more than 15 bytes");
    if (first.status != DecodeStatus::kOk) return {};
    length = f.length;
    if (f.length == 0 || f.length > Fields::kMaxLength || f.length > bytes.size() ||
        f.displacement_at + f.displacement_size > f.length || f.immediate_at + f.immediate_size > f.length)
        return complain(decoder, bytes, "fields beyond the instruction");
    if (emu::refused_by_capstone(f)) return {};
    std::array<u8, 16> canonical{};
    const unsigned size = emu::canonical_form(f, canonical);
    const u8* code = canonical.data();
    size_t left = size;
    u64 address = 0;
    if (!cs_disasm_iter(handle, &code, &left, &address, disassembled))
        return complain(decoder, bytes,
                        std::string("executed as ") + first.row->name + ", refused by Capstone");
    if (disassembled->size != size)
        return complain(decoder, bytes,
                        "of another length: " + std::to_string(size) + ", to Capstone " +
                            std::to_string(disassembled->size));
    if (!is_name_of(first.row->name, disassembled->mnemonic))
        return complain(
            decoder, bytes,
            std::string("executed as ") + first.row->name + ", to Capstone " + disassembled->mnemonic);
    return {};
}

std::span<const emu::Insn> DecodeTarget::State::build_one(std::span<const u8> bytes) {
    emu::BlockBuilder::Source source;
    source.bytes = bytes;
    source.max_instructions = 1;
    CHECK(builder.build(source) == emu::BlockBuilder::Status::kBuilt);
    return {builder.code(), builder.header().insns};
}

/// The builder copies what it has built before, unless it sees too few bytes: both must give the same.
std::string DecodeTarget::State::check_copy(std::span<const u8> bytes) {
    if (bytes.size() < emu::Glance::kReach) return {};
    const auto copied = build_one(bytes);
    const std::vector<emu::Insn> kept(copied.begin(), copied.end());
    const auto built = build_one(bytes.first(Fields::kMaxLength + 1));
    if (kept.size() != built.size() || std::memcmp(kept.data(), built.data(), built.size_bytes()) != 0)
        return complain(decoder, bytes, "copied from another one, it is not what it is when built");
    return {};
}

/// Bytes at the end of a page, so that instructions cross into the next one too.
std::string DecodeTarget::State::check_block(std::span<const u8> bytes) {
    const std::array<u8, Fields::kMaxLength + 1> second{};
    emu::BlockBuilder::Source source;
    source.bytes = bytes;
    source.offset = mmu::kPageSize - bytes.size();
    if (builder.build(source) == emu::BlockBuilder::Status::kNeedSecondPage) {
        source.second_bytes = second;
        source.second_host_page = 1;
        if (builder.build(source) != emu::BlockBuilder::Status::kBuilt) return "a block cannot be built";
    }
    const emu::Block& header = builder.header();
    if (header.insns == 0 || header.instructions == 0 || header.instructions > header.insns)
        return "an empty block";
    u32 instructions = 0, offset = 0;
    for (u32 n = 0; n < header.insns; ++n) {
        const emu::Insn& insn = builder.code()[n];
        if (!insn.run) return "an operation without a handler";
        if (insn.offset < offset) return "operations out of order";
        offset = insn.offset;
        instructions += (insn.cost & emu::Cost::kInstruction) != 0;
        if ((insn.cost & emu::Cost::kEnd) != 0 && n + 1 < header.insns) return "an end before the end";
    }
    if (!(builder.code()[header.insns - 1].cost & emu::Cost::kEnd)) return "a block without an end";
    if (instructions != header.instructions) return "instructions miscounted";
    return {};
}

DecodeTarget::DecodeTarget() : state_(std::make_unique<State>()) {
    state_->handle = emu::open_capstone();
    state_->disassembled = cs_malloc(state_->handle);
}

DecodeTarget::~DecodeTarget() {
    cs_free(state_->disassembled, 1);
    cs_close(&state_->handle);
}

std::string DecodeTarget::check(std::span<const u8> bytes) {
    if (bytes.empty() || bytes.size() > mmu::kPageSize) return {};
    for (usize at = 0, length = 0; at < bytes.size(); at += length) {
        const auto rest = bytes.subspan(at);
        std::string found = state_->check_one(rest.first(std::min<usize>(rest.size(), 16)), length);
        if (found.empty()) found = state_->check_copy(rest);
        if (!found.empty()) return found;
    }
    return state_->check_block(bytes);
}

}  // namespace tests
