// The block builder keeps what it has built once and makes others like it by copying (emu/decode/shape.h),
// which must not be seen: every encoding of every row is built the long way as well, and at a page's end.
#include <algorithm>
#include <cstring>

#include "emu/cpu/cpu.h"
#include "emu/decode/block_builder.h"
#include "emu/decode/glance.h"
#include "emu/interp/block_ops.h"
#include "mmu/arch/addr.h"
#include "tests/oracle/random_case.h"

#include <catch2/catch.hpp>

using namespace tests;
using mmu::u64, mmu::u8, mmu::usize;

namespace {

constexpr unsigned kCasesPerRow = 150;

struct Built {
    emu::Block header;
    std::vector<emu::Insn> code;
};

Built build(emu::BlockBuilder& builder, std::span<const u8> bytes, u64 offset, bool copies) {
    emu::BlockBuilder::Source source;
    source.bytes = bytes;
    source.offset = offset;
    source.max_instructions = 1;
    source.copies = copies;
    REQUIRE(builder.build(source) == emu::BlockBuilder::Status::kBuilt);
    return {builder.header(), {builder.code(), builder.code() + builder.header().insns}};
}

bool same(const Built& a, const Built& b) {
    return a.header.references == b.header.references && a.header.instructions == b.header.instructions &&
           a.code.size() == b.code.size() &&
           std::memcmp(a.code.data(), b.code.data(), a.code.size() * sizeof(emu::Insn)) == 0;
}

}  // namespace

TEST_CASE("BlockBuilder: an instruction copied from another like it is the one that is built from nothing") {
    emu::Decoder decoder;
    emu::HugePages pages;
    emu::BlockBuilder builder(decoder, pages, emu::builder_handlers());
    mmu::Rng rng(11);
    RandomCase test;
    u64 cases = 0;
    for (const auto chapter : emu::all_chapters())
        for (const emu::OpcodeRow& row : chapter)
            for (unsigned n = 0; n < kCasesPerRow; ++n) {
                if (!make_case(row, rng, test)) continue;
                test.bytes.resize(emu::Glance::kReach + 8);
                const std::span<const u8> bytes = test.bytes;
                const u64 offset = rng.below(mmu::kPageSize - bytes.size());
                const Built built = build(builder, bytes, offset, false);
                const Built copied = build(builder, bytes, offset, true);
                if (!same(copied, built)) FAIL_CHECK(decoder.describe(bytes, 0) << " of " << row.name);
                u8 length = 0;
                for (const emu::Insn& insn : built.code) length = std::max(length, insn.length);
                if (length == 0) continue;  // none: it raises an exception
                const Built last = build(builder, bytes.first(length), offset, true);
                if (!same(last, built)) FAIL_CHECK(decoder.describe(bytes, 0) << " at a page's end");
                ++cases;
            }
    // One question each for those that were built from nothing, so this many of the others were not asked
    // about.
    const u64 copies = 3 * cases - decoder.stats().decoded;
    CHECK(cases > 100'000);
    CHECK(copies > cases / 2);
}
