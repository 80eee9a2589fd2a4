// The SSE chapters against the host CPU: every row of the table, random registers, immediates, operands and
// modes.
#include "emu/insn/chapters.h"
#include "tests/support/guest_cpu.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/emu/sse_cases.h"

namespace {

using namespace tests;
using emu::Exit, emu::Operand, emu::OpcodeRow;
using mmu::Registers, mmu::Vector;

struct Bench {
    HostCpu host;
    GuestCpu guest;
    Rng rng;

    explicit Bench(u64 seed) : rng(seed) {}

    void fill_data() {
        fill_random(rng, guest.data(), HostCpu::kDataSize);
        copy_data_to_host();
    }
    void copy_data_to_host() { std::memcpy(host.data(), guest.data(), HostCpu::kDataSize); }
};

std::string hex(std::span<const u8> bytes) {
    std::string text;
    char digits[4];
    for (const u8 byte : bytes) {
        std::snprintf(digits, sizeof digits, "%02x ", byte);
        text += digits;
    }
    return text;
}

/// MXCSR flags that CPUs differ in: PE beside an overflow or underflow that traps (AMD's leave it, Intel's
/// set it).
u32 open_flags(const GuestCpu::Outcome& guest) {
    constexpr u32 kOverflowOrUnderflow = 0x18, kPrecision = 0x20;
    const u32 mxcsr = guest.registers.mxcsr;
    const bool trapped = guest.exit == Exit::kFault && guest.fault.vector == Vector::kSimdFloatingPoint;
    return trapped && (mxcsr & ~(mxcsr >> 7) & kOverflowOrUnderflow) ? kPrecision : 0;
}

/// The first difference of two outcomes as a sentence; empty when there is none.
std::string difference(const GuestCpu::Outcome& guest, const HostCpu::Outcome& host) {
    const auto differ = [](const char* what, u64 ours, u64 theirs) {
        char text[128];
        std::snprintf(text, sizeof text, "%s is %llx, the host's %llx", what,
                      static_cast<unsigned long long>(ours), static_cast<unsigned long long>(theirs));
        return std::string(text);
    };
    const bool faulted = guest.exit == Exit::kFault;
    if (faulted != (host.signal != 0)) return differ("signal", faulted, static_cast<u64>(host.signal));
    if (faulted) {
        if (static_cast<u64>(guest.fault.vector) != host.trapno)
            return differ("vector", static_cast<u64>(guest.fault.vector), host.trapno);
        if (guest.fault.vector == Vector::kPageFault) {
            if (guest.fault.address.value != host.address)
                return differ("CR2", guest.fault.address.value, host.address);
            if (guest.fault.error_code != host.error)
                return differ("error code", guest.fault.error_code, host.error);
        }
    }
    const Registers &a = guest.registers, &b = host.registers;
    if (a.rip != b.rip) return differ("rip", a.rip, b.rip);
    if (a.rflags != b.rflags) return differ("rflags", a.rflags, b.rflags);
    if (((a.mxcsr ^ b.mxcsr) & ~open_flags(guest)) != 0) return differ("mxcsr", a.mxcsr, b.mxcsr);
    for (unsigned n = 0; n < 16; ++n)
        if (a.gpr[n] != b.gpr[n]) return differ(("gpr " + std::to_string(n)).c_str(), a.gpr[n], b.gpr[n]);
    for (unsigned n = 0; n < 16; ++n)
        if (a.vector[n] != b.vector[n])
            return "xmm" + std::to_string(n) + " is " + hex(a.vector[n].bytes) + ", the host's " +
                   hex(b.vector[n].bytes);
    if (!(a.x87 == b.x87)) return "x87 state differs";
    return {};
}

/// Runs one instruction on both sides; empty when they agree.
std::string compare(Bench& bench, const OpcodeRow& row, const Encoded& code, const Registers& before) {
    const auto ours = bench.guest.run(code.bytes, before);
    const auto theirs = bench.host.run(code.bytes, before);
    std::string found = difference(ours, theirs);
    if (found.empty() && std::memcmp(bench.guest.data(), bench.host.data(), HostCpu::kDataSize) != 0)
        found = "memory differs";
    if (found.empty()) return {};
    char mxcsr[32];
    std::snprintf(mxcsr, sizeof mxcsr, ", mxcsr %x", before.mxcsr);
    return std::string(row.name) + " [" + hex(code.bytes) + "]" + mxcsr + ": " + found;
}

/// Where the operand of a comparison lies.
enum class Place { kAligned, kAnywhere, kNearGuard };

/// `rounds` comparisons of each form of each row; a row's first difference is told.
void compare_rows(Bench& bench, emu::insn::Rows rows, unsigned rounds, Place place, u32 random_masks = 0) {
    for (const OpcodeRow& row : rows)
        for (const bool memory : {false, true}) {
            if (memory ? row.operand == Operand::kRegister : row.operand == Operand::kMemory) continue;
            if (place == Place::kNearGuard && !memory) continue;
            for (unsigned round = 0; round < rounds; ++round) {
                if (round % 16 == 0) bench.fill_data();
                const bool indexed = bench.rng.below(4) == 0;
                const Encoded code = encode(row, bench.rng, memory, indexed);
                Registers before = random_registers(bench.rng);
                before.mxcsr =
                    Mxcsrs::random(bench.rng, 0x1f80 & ~(static_cast<u32>(bench.rng.next()) & random_masks));
                u64 operand = HostCpu::kData + 16 * bench.rng.below(0x1f0);
                if (place == Place::kAnywhere) operand += bench.rng.below(16);
                if (place == Place::kNearGuard) operand = HostCpu::kGuard - 24 + bench.rng.below(32);
                const u64 index = indexed ? bench.rng.below(64) : 0;
                if (indexed) before.gpr[mmu::kR9] = index;
                before.gpr[mmu::kRdi] = memory ? operand - kDisplacement - 2 * index : operand;
                const std::string found = compare(bench, row, code, before);
                INFO(found);
                REQUIRE(found.empty());
            }
        }
}

void compare_chapter(Bench& bench, emu::insn::Rows rows, unsigned rounds) {
    SECTION("operands aligned") {
        compare_rows(bench, rows, rounds, Place::kAligned);
    }
    SECTION("operands anywhere, across a page boundary too") {
        compare_rows(bench, rows, rounds, Place::kAnywhere);
    }
    SECTION("operands at the end of what is mapped") {
        compare_rows(bench, rows, rounds, Place::kNearGuard);
    }
}

constexpr unsigned kRounds = 100;

}  // namespace

TEST_CASE("SSE moves: every form does what the host does") {
    Bench bench(1);
    compare_chapter(bench, emu::insn::sse_move(), kRounds);
}

TEST_CASE("SSE integers: every form does what the host does") {
    Bench bench(2);
    compare_chapter(bench, emu::insn::sse_integer(), kRounds);
}

TEST_CASE("SSE shuffles: every form does what the host does, with every order") {
    Bench bench(3);
    compare_chapter(bench, emu::insn::sse_shuffle(), 2000);
}

TEST_CASE("SSE floating point: every form does what the host does, in every rounding and denormal mode") {
    Bench bench(4);
    compare_chapter(bench, emu::insn::sse_float(), 400);
}

TEST_CASE("SSE conversions: every form does what the host does, in every rounding and denormal mode") {
    Bench bench(5);
    compare_chapter(bench, emu::insn::sse_convert(), 600);
}

TEST_CASE("SSE floating point: exceptions that the guest unmasks are raised as on the host") {
    Bench bench(6);
    SECTION("arithmetic") {
        compare_rows(bench, emu::insn::sse_float(), 1000, Place::kAligned, 0x1f80);
    }
    SECTION("conversions") {
        compare_rows(bench, emu::insn::sse_convert(), 1000, Place::kAligned, 0x1f80);
    }
    SECTION("one exception at a time") {
        for (unsigned bit = 7; bit < 13; ++bit)
            compare_rows(bench, emu::insn::sse_float(), 200, Place::kAligned, 1u << bit);
    }
}

namespace {

/// Opcodes of map 0F that vector instructions have to themselves.
bool is_vector_opcode(unsigned opcode) {
    return (opcode >= 0x10 && opcode <= 0x17) || (opcode >= 0x28 && opcode <= 0x2f) ||
           (opcode >= 0x50 && opcode <= 0x76) || (opcode >= 0x7c && opcode <= 0x7f) || opcode == 0xc2 ||
           (opcode >= 0xc4 && opcode <= 0xc6) || (opcode >= 0xd0 && opcode <= 0xfe);
}

/// MMX has another chapter; AMD's MOVNTSS and MOVNTSD are in none.
bool is_elsewhere(unsigned prefix, unsigned opcode) {
    const bool converts_mmx = opcode == 0x2a || opcode == 0x2c || opcode == 0x2d;
    switch (prefix) {
        case 0x00:
            return converts_mmx || (opcode >= 0x60 && opcode != 0xc2 && opcode != 0xc6);
        case 0x66:
            return converts_mmx;
        default:
            return opcode == 0x2b || opcode == 0xd6;
    }
}

}  // namespace

TEST_CASE("SSE: an encoding is in the table if and only if the host executes it") {
    Bench bench(7);
    for (unsigned opcode = 0; opcode < 256; ++opcode)
        for (const unsigned prefix : {0x00u, 0x66u, 0xf3u, 0xf2u}) {
            if (!is_vector_opcode(opcode) || is_elsewhere(prefix, opcode)) continue;
            for (unsigned modrm = 0x07; modrm < 0x100; modrm += 8) {
                if (modrm >= 0x40 && modrm < 0xc0) continue;
                std::vector<u8> bytes;
                if (prefix) bytes.push_back(static_cast<u8>(prefix));
                for (const unsigned byte : {0x0fu, opcode, modrm}) bytes.push_back(static_cast<u8>(byte));
                bytes.resize(15);
                emu::Fields fields;
                REQUIRE(emu::split_fields(bytes, fields) == emu::Split::kComplete);
                bytes.resize(fields.length);
                Registers before = random_registers(bench.rng);
                before.gpr[mmu::kRdi] = HostCpu::kData;
                before.mxcsr = 0x1f80;
                INFO(hex(bytes));
                REQUIRE((bench.host.run(bytes, before).signal != SIGILL) ==
                        (emu::find_row(fields) != nullptr));
            }
        }
}
