// The integer chapters against the host CPU: every row of the table, random prefixes, registers and operands.
#include "emu/insn/chapters.h"
#include "tests/emu/integer_cases.h"

#include <catch2/catch.hpp>

namespace {

using namespace tests;
using namespace tests::integer;

/// What the manual leaves undefined and is not the host's own: CPUs differ.
u64 undefined_flags(const OpcodeRow& row) {
    const std::string_view name = row.name;
    if (name == "bt" || name == "bts" || name == "btr" || name == "btc")
        return Rflags::kOf | Rflags::kSf | Rflags::kAf | Rflags::kPf;
    if (name == "bsf" || name == "bsr") return Rflags::kStatus & ~Rflags::kZf;
    if (name == "mul" || name == "imul") return Rflags::kSf | Rflags::kZf | Rflags::kAf | Rflags::kPf;
    if (name == "div" || name == "idiv") return Rflags::kStatus;
    return 0;
}

/// Intel's manual says that a fault of a repeated comparison leaves the flags as they were; AMD's CPUs do
/// not.
u64 open_in_fault(const OpcodeRow& row) {
    const std::string_view name = row.name;
    return name == "cmps" || name == "scas" ? Rflags::kStatus : 0;
}

/// Some instructions need more than random operands.
void prepare(Bench& bench, const OpcodeRow& row, Code& code, Registers& before) {
    Rng& rng = bench.rng;
    const std::string_view name = row.name;
    const Fields& f = code.fields;
    const auto set_immediate = [&](u64 value) {
        for (unsigned n = 0; n < f.immediate_size; ++n)
            code.bytes[f.immediate_at + n] = static_cast<u8>(value >> 8 * n);
    };
    const bool is_bit = name == "bt" || name == "bts" || name == "btr" || name == "btc";
    if (is_bit && f.memory() && row.extension < 0) {
        // The position reaches beyond the operand, but not beyond what both sides know.
        if (f.reg == mmu::kRdi) return;  // taken below as a page of nothing
        before.gpr[f.reg] = rng.below(0x8000) - 0x4000;
        if (f.has_sib && f.reg == mmu::kR9) before.gpr[mmu::kR9] = rng.below(64);
    }
    if (is_string(row)) {
        if (rng.below(4)) before.gpr[mmu::kRcx] = (f.address32 ? rng.next() << 32 : 0) | rng.below(90);
        if (f.address32)
            for (const auto number : {mmu::kRsi, mmu::kRdi}) before.gpr[number] |= rng.next() << 32;
    }
    if (name == "mov" && row.map == Map::kOne && row.opcode >= 0xa0 && row.opcode <= 0xa3)
        set_immediate(random_place(rng));
    // Of a 16-bit destination's source Intel's CPUs read 16 bits, AMD's 32.
    if (name == "movsxd" && f.operand16 && f.memory()) before.gpr[mmu::kRdi] = HostCpu::kData + 0x800;
    if (name == "enter") set_immediate(rng.below(0x40) | rng.below(256) << 16);
    if (name == "xlat" && f.address32) before.gpr[mmu::kRbx] |= rng.next() << 32;
}

void compare_row(Bench& bench, const OpcodeRow& row, unsigned rounds) {
    for (const bool memory : {false, true}) {
        if (memory ? row.operand == Operand::kRegister : row.operand == Operand::kMemory) continue;
        for (unsigned round = 0; round < rounds; ++round) {
            if (round % 32 == 0) bench.fill();
            Code code = encode(bench.rng, row, memory);
            if (memory && !code.fields.has_modrm) break;
            Registers before = random_registers(bench.rng, code);
            prepare(bench, row, code, before);
            const std::string found =
                bench.compare(code.bytes, before, undefined_flags(row), open_in_fault(row));
            INFO(row.name << " " << found);
            CHECK(found.empty());
            if (!found.empty()) break;
        }
    }
}

void compare_chapter(u64 seed, emu::insn::Rows rows, unsigned rounds = 1500) {
    Bench bench(seed);
    for (const OpcodeRow& row : rows) compare_row(bench, row, rounds);
}

}  // namespace

TEST_CASE("Arithmetic: every form does what the host does") {
    compare_chapter(11, emu::insn::arithmetic(), 600);
}
TEST_CASE("Data transfer: every form does what the host does") {
    compare_chapter(12, emu::insn::data_transfer());
}
TEST_CASE("Exchanges: every form does what the host does") {
    compare_chapter(13, emu::insn::exchange());
}
TEST_CASE("SETcc and CMOVcc: every form does what the host does") {
    compare_chapter(14, emu::insn::conditional(), 5000);
}
TEST_CASE("Shifts and rotates: every form does what the host does, flags too") {
    compare_chapter(15, emu::insn::shifts());
}
TEST_CASE("Bit operations: every form does what the host does") {
    compare_chapter(16, emu::insn::bits());
}
TEST_CASE("Products and quotients: every form does what the host does, #DE too") {
    compare_chapter(17, emu::insn::multiply(), 3000);
}
TEST_CASE("Strings: every form does what the host does, up to the element that faults") {
    compare_chapter(18, emu::insn::strings(), 4000);
}
TEST_CASE("Flags: every form does what the host does") {
    Bench bench(19);
    for (const OpcodeRow& row : emu::insn::flags())
        if (std::string_view(row.name) != "popf") compare_row(bench, row, 1500);
}

TEST_CASE("The one-byte map: an opcode is undefined exactly where it is on the host") {
    Bench bench(20);
    Registers before;
    before.rip = HostCpu::kCode + 0x8000;
    for (u64& value : before.gpr) value = HostCpu::kData + 0x800;
    before.gpr[mmu::kRcx] = 3;
    for (unsigned opcode = 0; opcode < 256; ++opcode) {
        const auto is_in = [&](std::initializer_list<unsigned> list) {
            return std::find(list.begin(), list.end(), opcode) != list.end();
        };
        // Prefixes, escapes; what leaves the window or the test's hands; TSX and XOP, which some hosts have.
        if ((opcode & 0xf0) == 0x40 || (opcode >= 0x64 && opcode <= 0x67) || (opcode & 0xf0) == 0x70 ||
            is_in({0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x62, 0x8f, 0xc4, 0xc5, 0xf0, 0xf2, 0xf3}) ||
            is_in({0x8e, 0x9d, 0xcd, 0xcf, 0xe0, 0xe1, 0xe2, 0xe3, 0xe8, 0xe9, 0xeb, 0xf1}))
            continue;
        for (unsigned modrm = 0x40; modrm < 0x100; ++modrm) {
            const bool memory = modrm < 0x80;
            const unsigned extension = modrm >> 3 & 7;
            if ((modrm & 7) != 7 || (!memory && modrm < 0xc0)) continue;
            if (opcode == 0xff && extension >= 2 && extension <= 5) continue;  // branches
            if ((opcode | 1) == 0xc7 && extension == 7) continue;
            Code code;
            code.bytes = {static_cast<u8>(opcode)};
            u8 padded[16] = {static_cast<u8>(opcode), static_cast<u8>(modrm), 0x10};
            emu::split_fields(padded, code.fields);
            if (code.fields.has_modrm) code.bytes.push_back(static_cast<u8>(modrm));
            if (code.fields.memory()) code.bytes.push_back(0x10);
            append(code.bytes, 1, code.fields.immediate_size);
            const auto ours = bench.guest.run(code.bytes, before);
            const auto theirs = bench.host.run(code.bytes, before);
            INFO(hex(code.bytes));
            CHECK((ours.exit == Exit::kFault && ours.fault.vector == mmu::Vector::kInvalidOpcode) ==
                  (theirs.signal == SIGILL));
            if (!code.fields.has_modrm) break;
        }
    }
}
