// String instructions: restart, chunks against single elements, overlap, stops.
#include "tests/emu/integer_cases.h"

#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <thread>

#include "mmu/replacement.h"

namespace {

using namespace tests;
using namespace tests::integer;
using mmu::PhysAddr, mmu::VirtAddr;

constexpr std::array<u8, 2> kRepMovsb{0xf3, 0xa4}, kRepStosb{0xf3, 0xaa}, kRepLodsb{0xf3, 0xac};
constexpr std::array<u8, 3> kRepMovsq{0xf3, 0x48, 0xa5};

Registers start() {
    Registers r;
    r.rip = HostCpu::kCode + 0x8000;
    return r;
}

/// Pages of RAM for the tests' own mappings, behind those of GuestCpu.
constexpr u64 kSpare = 10 << 20;

void map(GuestCpu& guest, u64 address, u64 physical, u64 flags = mmu::TableBuilder::kUserPage) {
    guest.machine().tables.map(VirtAddr{address}, PhysAddr{physical}, mmu::PageSize::k4K, flags);
}
u8* ram(GuestCpu& guest, u64 physical) {
    return guest.machine().memory.host(PhysAddr{physical});
}

}  // namespace

TEST_CASE("REP MOVS: a fault keeps what is done, and running it again goes on from there") {
    GuestCpu guest;
    for (u64 n = 0; n < HostCpu::kDataSize; ++n) guest.data()[n] = static_cast<u8>(n * 7);
    Registers before = start();
    before.gpr[mmu::kRsi] = HostCpu::kData;
    before.gpr[mmu::kRdi] = HostCpu::kGuard - 100;
    before.gpr[mmu::kRcx] = 300;
    const auto first = guest.run(kRepMovsb, before);
    REQUIRE(first.exit == Exit::kFault);
    CHECK(first.fault.vector == mmu::Vector::kPageFault);
    CHECK(first.fault.address.value == HostCpu::kGuard);
    CHECK(first.registers.rip == before.rip);
    CHECK(first.registers.gpr[mmu::kRcx] == 200);
    CHECK(first.registers.gpr[mmu::kRsi] == HostCpu::kData + 100);
    CHECK(first.registers.gpr[mmu::kRdi] == HostCpu::kGuard);
    CHECK(first.counters.instructions == 0);
    CHECK(first.counters.loads == 101);  // the element that faulted was loaded
    CHECK(first.counters.stores == 101);

    map(guest, HostCpu::kGuard, kSpare);
    const auto second = guest.run(kRepMovsb, first.registers);
    CHECK(second.exit == Exit::kBudget);
    CHECK(second.registers.rip == before.rip + 2);
    CHECK(second.registers.gpr[mmu::kRcx] == 0);
    CHECK(second.counters.instructions == 1);
    CHECK(second.counters.loads == 200);
    CHECK(second.counters.stores == 200);
    CHECK(std::memcmp(guest.data(), guest.data() + 0x2000 - 100, 100) == 0);
    CHECK(std::memcmp(guest.data() + 100, ram(guest, kSpare), 200) == 0);
}

TEST_CASE("REP MOVS: an element that crosses into a page that is not there leaves no byte behind") {
    GuestCpu guest;
    std::memset(guest.data(), 0x55, HostCpu::kDataSize);
    Registers before = start();
    before.gpr[mmu::kRsi] = HostCpu::kData;
    before.gpr[mmu::kRdi] = HostCpu::kGuard - 12;
    before.gpr[mmu::kRcx] = 3;
    guest.data()[0x1ff8] = 0x77;
    const auto out = guest.run(kRepMovsq, before);
    CHECK(out.exit == Exit::kFault);
    CHECK(out.fault.address.value == HostCpu::kGuard);
    CHECK(out.registers.gpr[mmu::kRcx] == 2);
    CHECK(guest.data()[0x1ffc] == 0x55);
    CHECK(guest.data()[0x1ff8] == 0x55);
    CHECK(out.counters.stores == 3);  // one, and both pages of the second
}

TEST_CASE("REP with a count of 0 makes no reference") {
    GuestCpu guest;
    Registers before = start();
    before.gpr[mmu::kRdi] = before.gpr[mmu::kRsi] = 0x1234;  // nothing there
    const auto out = guest.run(kRepMovsb, before);
    CHECK(out.exit == Exit::kBudget);
    CHECK(out.counters.loads == 0);
    CHECK(out.counters.stores == 0);
    CHECK(out.counters.instructions == 1);
}

TEST_CASE("REP MOVS: two mappings of one page overlap as one mapping does") {
    constexpr u64 kAlias = 0x4000'0000;
    GuestCpu guest;
    map(guest, kAlias, kSpare);
    map(guest, kAlias + 0x10'0000, kSpare);
    for (const u64 distance : {1, 3, 8, 11}) {
        u8* const bytes = ram(guest, kSpare);
        u8 expected[256];
        for (unsigned n = 0; n < 256; ++n) expected[n] = bytes[n] = static_cast<u8>(n * 13 + 5);
        for (unsigned n = 0; n < 200; ++n) expected[distance + n] = expected[n];
        Registers before = start();
        before.gpr[mmu::kRsi] = kAlias;
        before.gpr[mmu::kRdi] = kAlias + 0x10'0000 + distance;
        before.gpr[mmu::kRcx] = 200;
        CHECK(guest.run(kRepMovsb, before).exit == Exit::kBudget);
        CHECK(std::memcmp(bytes, expected, 256) == 0);
    }
}

TEST_CASE("REP STOS onto the page that the code is in goes on to its end") {
    GuestCpu guest;
    Registers before = start();
    before.gpr[mmu::kRax] = 0x90;
    before.gpr[mmu::kRdi] = before.rip + 0x10;
    before.gpr[mmu::kRcx] = 64;
    const auto out = guest.run(kRepStosb, before, 3);  // two of the NOPs that it wrote follow INT3
    CHECK(out.registers.gpr[mmu::kRcx] == 0);
    CHECK(out.counters.stores == 64);
    CHECK(out.exit == Exit::kFault);
    Registers there = out.registers;
    there.rip = before.rip + 0x20;
    constexpr std::array<u8, 1> kNop{0x90};
    CHECK(guest.run(kNop, there).exit == Exit::kBudget);
}

TEST_CASE("REP: a stop is answered in the middle, and what is left is done later") {
    constexpr u64 kBase = 0x80'0000'0000, kSize = u64{1} << 30;
    GuestCpu guest;
    for (u64 at = 0; at < kSize; at += u64{2} << 20)
        guest.machine().tables.map(VirtAddr{kBase + at}, PhysAddr{12 << 20}, mmu::PageSize::k2M);
    Registers state = start();
    state.gpr[mmu::kRsi] = kBase;
    state.gpr[mmu::kRcx] = kSize;
    u64 loads = 0, instructions = 0;
    for (unsigned tries = 0; tries < 1000 && state.gpr[mmu::kRcx] != 0; ++tries) {
        guest.cpu().stop = false;
        std::thread stopper([&] { guest.cpu().stop = true; });
        const auto out = guest.run(kRepLodsb, state);
        stopper.join();
        REQUIRE(out.exit == Exit::kBudget);
        REQUIRE(out.registers.gpr[mmu::kRsi] + out.registers.gpr[mmu::kRcx] == kBase + kSize);
        if (out.registers.gpr[mmu::kRcx] != 0) CHECK(out.registers.rip == state.rip);
        loads += out.counters.loads;
        instructions += out.counters.instructions;
        state = out.registers;
        if (tries == 900) state.gpr[mmu::kRcx] = 0;
    }
    CHECK(loads == state.gpr[mmu::kRsi] - kBase);
    CHECK(instructions <= 1);
}

namespace {

/// The same random string instructions on two CPUs, of which the second makes each reference by itself.
void compare_with_single_references(const mmu::TlbConfig& tlb, unsigned rounds) {
    const auto fast = std::make_unique<GuestCpu>(tlb), slow = std::make_unique<GuestCpu>(tlb);
    slow->machine().mmu.enable_verify();  // takes the L0 away
    constexpr u64 kBase = 0x4000'0000, kPages = 8;
    for (GuestCpu* guest : {fast.get(), slow.get()})
        for (u64 page = 0; page < kPages; ++page)
            map(*guest, kBase + page * 0x1000, kSpare + (page % 6) * 0x1000);  // two of them twice
    Rng rng(77);
    constexpr u8 kOpcodes[] = {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};
    for (unsigned round = 0; round < rounds; ++round) {
        std::vector<u8> code;
        if (rng.below(8)) code.push_back(rng.below(2) ? 0xf3 : 0xf2);
        if (rng.below(4) == 0) code.push_back(0x48);
        code.push_back(kOpcodes[rng.below(std::size(kOpcodes))]);
        Registers before = start();
        if (rng.below(4) == 0) before.rflags |= Rflags::kDf;
        before.gpr[mmu::kRax] = rng.below(2) ? 0 : random_number(rng);
        before.gpr[mmu::kRcx] = rng.below(rng.below(4) ? 100 : 6000);
        before.gpr[mmu::kRsi] = kBase + rng.below(kPages * 0x1000);
        before.gpr[mmu::kRdi] = kBase + rng.below(kPages * 0x1000);
        const auto a = fast->run(code, before), b = slow->run(code, before);
        INFO(tlb.name << ", round " << round << ", " << hex(code));
        REQUIRE(a.exit == b.exit);
        REQUIRE(a.fault == b.fault);
        REQUIRE(a.registers == b.registers);
        REQUIRE(a.counters == b.counters);
        REQUIRE(fast->machine().mmu.stats() == slow->machine().mmu.stats());
        REQUIRE(std::memcmp(ram(*fast, kSpare), ram(*slow, kSpare), 6 * 0x1000) == 0);
    }
    CHECK_FALSE(slow->machine().mmu.verify_failure().has_value());
}

}  // namespace

TEST_CASE("Strings: chunks leave the counts and TLBs that single references leave, with every policy") {
    for (const mmu::Policy& policy : mmu::kPolicies) {
        if (policy.refuse(4) || policy.refuse(8)) continue;
        mmu::TlbConfig tlb = mmu::small_tlb(4, 8);
        tlb.name = policy.name;
        for (auto* list : {&tlb.l1_instruction, &tlb.l1_load, &tlb.l2})
            for (auto& array : *list) array.policy = policy.name;
        compare_with_single_references(tlb, 600);
    }
}

TEST_CASE("Strings: chunks leave the counts and TLBs that single references leave, on every preset") {
    for (const mmu::TlbConfig& preset : mmu::presets()) compare_with_single_references(preset, 200);
}
