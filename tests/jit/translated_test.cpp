// The translated tier against the interpreter: registers, flags, memory, counts, and the TLB model to its
// last stamp. (Single instructions and straight runs meet the host CPU in tests/oracle.)
#include <memory>
#include <thread>

#include "emu/jit/translated_tier.h"
#include "tests/jit/programs.h"
#include "tests/support/guest_cpu.h"

#include <catch2/catch.hpp>

using namespace tests;
using emu::Exit;

namespace {

constexpr emu::TierConfig kEverything{.heat = 1, .selective = false};

/// A GuestCpu with its tier, if it has one; the interpreter goes first.
struct Engine {
    std::unique_ptr<emu::TranslatedTier> tier;
    GuestCpu guest;

    explicit Engine(const mmu::TlbConfig& tlb) : guest(tlb) {}
    Engine(const mmu::TlbConfig& tlb, const emu::TierConfig& config) : guest(tlb) {
        tier = emu::make_translated_tier(guest.cpu(), config);
        if (tier) guest.interpreter().set_tier(tier.get());
    }
    void load(const Program& program) {
        u8* const code = guest.machine().memory.host(mmu::PhysAddr{8 << 20}) + 0x400;
        std::memcpy(code, program.bytes.data(), program.bytes.size());
        for (u64 frame = 8 << 8; frame < (8 << 8) + 16; ++frame)
            guest.machine().memory.note_write(mmu::Pfn{frame});
        guest.cpu().regs = program.start;
    }
};

/// What differs, or nothing.
std::string difference(Engine& a, Engine& b) {
    emu::Cpu &x = a.guest.cpu(), &y = b.guest.cpu();
    std::string found;
    for (unsigned n = 0; n < 16; ++n)
        if (x.regs.gpr[n] != y.regs.gpr[n]) found += " register " + std::to_string(n);
    if (x.regs.rip != y.regs.rip) found += " rip";
    if (x.regs.rflags != y.regs.rflags) found += " rflags";
    if (x.counters != y.counters) found += " counters";
    if (x.l0.clock != y.l0.clock) found += " clock";
    if (std::memcmp(a.guest.data(), b.guest.data(), HostCpu::kDataSize) != 0) found += " memory";
    const auto left = a.guest.machine().mmu.tlb().arrays(), right = b.guest.machine().mmu.tlb().arrays();
    for (std::size_t n = 0; n < left.size(); ++n)
        for (u32 way = 0; way < left[n].size(); ++way)
            if (left[n].valid(way) != right[n].valid(way) || left[n].stamp(way) != right[n].stamp(way))
                found += " TLB " + std::to_string(n) + "." + std::to_string(way);
    return found;
}

/// Runs both in pieces of random lengths and compares after each.
std::string compare(Engine& interpreted, Engine& translated, const Program& program, mmu::Rng& rng) {
    interpreted.load(program);
    translated.load(program);
    for (unsigned piece = 0; piece < 60; ++piece) {
        const u64 budget = 1 + rng.below(piece % 2 ? 40 : 400);
        const Exit exit = interpreted.guest.interpreter().run(budget);
        if (translated.guest.interpreter().run(budget) != exit) return "another exit";
        const std::string found = difference(interpreted, translated);
        if (!found.empty()) return "piece " + std::to_string(piece) + ":" + found;
        if (exit == Exit::kBudget) continue;
        if (exit != Exit::kFault) return "an odd exit";
        const mmu::Fault &x = interpreted.guest.cpu().fault, &y = translated.guest.cpu().fault;
        if (x.vector != y.vector || x.address.value != y.address.value || x.error_code != y.error_code)
            return "another fault";
        return "";
    }
    return "";
}

void run_programs(const mmu::TlbConfig& tlb, const emu::TierConfig& config, unsigned count, u64 seed) {
    mmu::Rng rng(seed);
    Engine interpreted(tlb), translated(tlb, config);
    if (!translated.tier) return;
    for (unsigned n = 0; n < count; ++n) {
        const Program program = random_program(rng, n % 2);
        const std::string found = compare(interpreted, translated, program, rng);
        INFO("program " << n << ": " << found);
        REQUIRE(found.empty());
    }
    CHECK(translated.tier->stats().translated > count);
    CHECK(translated.tier->stats().linked > 0);
}

}  // namespace

TEST_CASE("Translated code: random programs end each piece of a run in the interpreter's state") {
    run_programs(mmu::small_tlb(16, 64), kEverything, 300, 1);
}

TEST_CASE("Translated code: a TLB of two entries, which misses all the time, is the same TLB") {
    run_programs(mmu::small_tlb(2, 4), kEverything, 100, 2);
}

TEST_CASE("Translated code: what gets hot in the middle of a run goes on from there") {
    run_programs(mmu::small_tlb(16, 64), {.heat = 7}, 200, 3);
}

TEST_CASE("Translated code: when its memory is full it begins anew") {
    emu::TierConfig small = kEverything;
    small.code_bytes = 32 << 10;
    mmu::Rng rng(4);
    Engine interpreted(mmu::small_tlb(16, 64)), translated(mmu::small_tlb(16, 64), small);
    if (!translated.tier) return;
    for (unsigned n = 0; n < 60; ++n) {
        const std::string found = compare(interpreted, translated, random_program(rng, false), rng);
        INFO("program " << n << ": " << found);
        REQUIRE(found.empty());
    }
    CHECK(translated.tier->stats().dropped > 10);
}

TEST_CASE("Translated code: a loop that rewrites its own immediate computes with each value") {
    // mov ecx, 50; 1: add eax, 0 (imm32 at +7); inc dword [rip-10: that imm32]; dec ecx; jnz 1b
    Program program;
    program.bytes = {0xb9, 50, 0,    0,    0,    5,    0,    0,    0,    0,
                     0xff, 5,  0xf6, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x75, 0xf1};
    program.start.rip = HostCpu::kCode + 0x400;
    Engine translated(mmu::small_tlb(16, 64), kEverything);
    translated.load(program);
    CHECK(translated.guest.interpreter().run(1 + 4 * 50) == Exit::kBudget);
    CHECK(translated.guest.cpu().regs.gpr[mmu::kRax] == 49 * 50 / 2);
}

TEST_CASE("Translated code: a frame mapped twice runs at both addresses") {
    Engine translated(mmu::small_tlb(16, 64), kEverything);
    const u64 alias = HostCpu::kCode + (u64{1} << 30);
    translated.guest.machine().tables.map(mmu::VirtAddr{alias}, mmu::PhysAddr{8 << 20});
    Program program;
    program.bytes = {0x48, 0x8d, 5, 0, 0, 0, 0, 0xeb, 0xf7};  // 1: lea rax, [rip]; jmp 1b
    program.start.rip = HostCpu::kCode + 0x400;
    translated.load(program);
    for (unsigned round = 0; round < 3; ++round)
        for (const u64 page : {HostCpu::kCode, alias}) {
            translated.guest.cpu().regs.rip = page + 0x400;
            CHECK(translated.guest.interpreter().run(101) == Exit::kBudget);
            CHECK(translated.guest.cpu().regs.gpr[mmu::kRax] == page + 0x407);
        }
}

TEST_CASE("Translated code: a stop from outside ends a tight loop") {
    Engine translated(mmu::small_tlb(16, 64), kEverything);
    Program program;
    program.bytes = {0xeb, 0xfe};
    program.start.rip = HostCpu::kCode + 0x400;
    translated.load(program);
    std::thread outside([&] { translated.guest.cpu().stop.store(true); });
    CHECK(translated.guest.interpreter().run(~u64{0} >> 1) == Exit::kBudget);
    outside.join();
}

TEST_CASE("Translated code: a return to an address that is not canonical faults at the return") {
    for (const u64 target : {u64{1} << 62, u64{1} << 47, (u64{1} << 62) + 1}) {
        Engine translated(mmu::small_tlb(16, 64), kEverything);
        Program program;
        program.bytes = {0xc3};
        program.start.rip = HostCpu::kCode + 0x400;
        program.start.gpr[mmu::kRsp] = HostCpu::kData;
        translated.load(program);
        std::memcpy(translated.guest.data(), &target, 8);
        CHECK(translated.guest.interpreter().run(10) == Exit::kFault);
        CHECK(translated.guest.cpu().fault.vector == mmu::Vector::kGeneralProtection);
        CHECK(translated.guest.cpu().regs.rip == HostCpu::kCode + 0x400);
        CHECK(translated.guest.cpu().regs.gpr[mmu::kRsp] == HostCpu::kData);
    }
}
