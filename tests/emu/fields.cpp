// The length decoder against Capstone, and the prefixes that Capstone misreads.
#include "emu/insn/fields.h"

#include <fstream>
#include <iterator>
#include <vector>

#include "emu/decode/capstone_x86.h"
#include "emu/decode/decoder.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string_view>

using emu::Decoder, emu::DecodeStatus, emu::Fields, emu::Split;
using mmu::u64, mmu::u8, mmu::usize;

namespace {

Split split(std::vector<u8> bytes, Fields& fields) {
    return split_fields(bytes, fields);
}

std::vector<u8> file(const char* path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

TEST_CASE("Fields: lengths equal Capstone's over the code of a real program") {
    const std::vector<u8> program = file("/proc/self/exe");
    REQUIRE(program.size() > 1 << 20);
    csh handle = emu::open_capstone();
    cs_insn* insn = cs_malloc(handle);
    const u8* code = program.data() + program.size() / 4;
    size_t left = 1 << 18;
    u64 address = 0, compared = 0, different = 0;
    while (left > 16) {
        const u8* const at = code;
        if (!cs_disasm_iter(handle, &code, &left, &address, insn)) {
            ++code;
            --left;
            continue;
        }
        Fields fields;
        const Split result = split_fields({at, 15}, fields);
        // EVEX is no part of the instruction set here; AMD's XOP and FMA4 are not either.
        if (insn->bytes[0] == 0x62 || insn->bytes[0] == 0x8f || result == Split::kInvalid) continue;
        // 66 before a near branch: Intel ignores it, as is done here; AMD and Capstone take 16 bits.
        const bool branch = insn->mnemonic[0] == 'j' || std::string_view(insn->mnemonic) == "call";
        if (branch && std::find(insn->bytes, insn->bytes + insn->size, 0x66) != insn->bytes + insn->size)
            continue;
        // UD0 and UD1 (ud2b) have a ModRM byte on Intel, as here; for Capstone they have none.
        const std::string_view name = insn->mnemonic;
        if (name == "ud0" || name == "ud2b") continue;
        ++compared;
        if (result != Split::kComplete || fields.length != insn->size) {
            ++different;
            UNSCOPED_INFO("at offset " << at - program.data() << ": " << insn->mnemonic << " " << insn->op_str
                                       << ", " << insn->size << " bytes, not " << int{fields.length});
        }
    }
    cs_free(insn, 1);
    cs_close(&handle);
    REQUIRE(different == 0);
    REQUIRE(compared > 20000);
}

TEST_CASE("Fields: an instruction that goes on behind its bytes asks for more, at every cut") {
    const std::vector<u8> bytes = {0x66, 0x41, 0x81, 0x84, 0x24, 1,
                                   2,    3,    4,    5,    6};  // add word [r12+disp32], imm16
    Fields fields;
    REQUIRE(split(bytes, fields) == Split::kComplete);
    REQUIRE(fields.length == bytes.size());
    REQUIRE(fields.immediate() == 0x0605);
    REQUIRE(fields.displacement() == 0x04030201);
    for (usize cut = 0; cut < bytes.size(); ++cut)
        REQUIRE(split({bytes.begin(), bytes.begin() + static_cast<long>(cut)}, fields) == Split::kNeedMore);
}

TEST_CASE("Fields: sixteen bytes are one too many") {
    std::vector<u8> bytes(14, 0x66);
    bytes.push_back(0x90);
    Fields fields;
    REQUIRE(split(bytes, fields) == Split::kComplete);
    bytes.insert(bytes.begin(), 0x66);
    REQUIRE(split(bytes, fields) == Split::kTooLong);
}

TEST_CASE("Fields: REX counts only right before the opcode, and 66 does not shorten a near branch") {
    Fields fields;
    REQUIRE(split({0x48, 0x66, 0x89, 0xc8}, fields) == Split::kComplete);
    REQUIRE(fields.width() == 2);
    REQUIRE(split({0x66, 0xe8, 1, 2, 3, 4}, fields) == Split::kComplete);
    REQUIRE(fields.length == 6);
}

TEST_CASE("Decoder: encodings that Capstone refuses or misreads are executed all the same") {
    Decoder decoder;
    const auto name = [&](std::vector<u8> bytes) -> std::string {
        const Decoder::Result result = decoder.decode(bytes);
        return result.status == DecodeStatus::kOk ? result.row->name : "(none)";
    };
    REQUIRE(name({0xf3, 0x48, 0x0f, 0x1e, 0xc8}) != "(none)");  // rdsspq rax: every C++ throw executes it
    REQUIRE(name({0xf3, 0x0f, 0x1e, 0xfa}) != "(none)");        // endbr64
    REQUIRE(name({0x0f, 0x18, 0xc0}) != "(none)");              // hint, register form
    REQUIRE(name({0x0f, 0xae, 0xe9}) == "lfence");              // any r/m
    REQUIRE(name({0x63, 0xc8}) == "movsxd");
    REQUIRE(name({0x0f, 0x0b}) == "ud2");
    REQUIRE(name({0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00}) == "(none)");  // EVEX
    REQUIRE(name({0x06}) == "(none)");                                // push es: not in 64-bit mode
}

TEST_CASE("Decoder: Capstone is asked once a template where a row is wider than what exists, else never") {
    Decoder decoder;
    for (u8 n = 0; n < 100; ++n) {
        const std::vector<u8> add = {0x48, 0x81, 0x83, n, 1, 2, 3, n, 4, 5, 6};
        const std::vector<u8> fild = {0xdb, 0x83, n, 1, 2, 3};
        REQUIRE(decoder.decode(add).status == DecodeStatus::kOk);
        REQUIRE(decoder.decode(fild).status == DecodeStatus::kOk);
    }
    REQUIRE(decoder.stats().capstone_calls == 1);
    REQUIRE(decoder.stats().decoded == 200);
}

TEST_CASE("Decoder: a description names bytes and mnemonic") {
    const Decoder decoder;
    const std::vector<u8> good = {0x0f, 0x0b}, bad = {0x06, 0, 0};
    REQUIRE(decoder.describe(good, 0).find("0f 0b") == 0);
    REQUIRE(decoder.describe(good, 0).find("ud2") != std::string::npos);
    REQUIRE(decoder.describe(bad, 0).find("(bad)") != std::string::npos);
}
