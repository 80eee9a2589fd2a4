// MXCSR and the FXSAVE area against the host CPU; what the SSE forms cost and leave alone when they fault.
#include "tests/support/guest_cpu.h"

#include <catch2/catch.hpp>
#include <vector>

#include "tests/emu/sse_cases.h"

namespace {

using namespace tests;
using emu::Exit;
using mmu::Registers, mmu::u16, mmu::Vector;

constexpr u64 kArea = HostCpu::kData + 0x400;
constexpr std::size_t kAreaOffset = 0x400, kAreaSize = 512;

struct Bench {
    HostCpu host;
    GuestCpu guest;
    Rng rng{11};

    void fill_data() {
        fill_random(rng, guest.data(), HostCpu::kDataSize);
        std::memcpy(host.data(), guest.data(), HostCpu::kDataSize);
    }
    template <class T>
    void put_data(std::size_t offset, T value) {
        std::memcpy(guest.data() + offset, &value, sizeof value);
        std::memcpy(host.data() + offset, &value, sizeof value);
    }
    bool same_data(std::size_t from, std::size_t to) {
        return std::memcmp(guest.data() + from, host.data() + from, to - from) == 0;
    }
};

Registers registers_at(Rng& rng, u64 rdi) {
    Registers r = random_registers(rng);
    r.gpr[mmu::kRdi] = rdi;
    r.mxcsr = Mxcsrs::random(rng);
    r.x87.top = static_cast<u8>(rng.below(8));
    r.x87.valid = static_cast<u8>(rng.next());
    r.x87.status = static_cast<u16>(rng.next() & 0x477f);
    for (auto& value : r.x87.physical)
        value = {rng.next() | u64{1} << 63, static_cast<u16>(rng.next() & 0xbfff), {}};
    return r;
}

const std::vector<u8> kFxsave = {0x0f, 0xae, 0x07}, kFxsave64 = {0x48, 0x0f, 0xae, 0x07};
const std::vector<u8> kFxrstor = {0x0f, 0xae, 0x0f}, kFxrstor64 = {0x48, 0x0f, 0xae, 0x0f};
const std::vector<u8> kLdmxcsr = {0x0f, 0xae, 0x17}, kStmxcsr = {0x0f, 0xae, 0x1f};
const std::vector<u8> kAddps = {0x0f, 0x58, 0x07};             // addps xmm0, [rdi]
const std::vector<u8> kMovupsStore = {0x0f, 0x11, 0x07};       // movups [rdi], xmm0
const std::vector<u8> kDivss = {0xf3, 0x0f, 0x5e, 0xca};       // divss xmm1, xmm2
const std::vector<u8> kMaskmovdqu = {0x66, 0x0f, 0xf7, 0xca};  // maskmovdqu xmm1, xmm2

}  // namespace

TEST_CASE("FXSAVE: the area is the host's, but for the pointers of the last x87 instruction and MXCSR_MASK") {
    Bench bench;
    for (const auto& code : {kFxsave, kFxsave64})
        for (int round = 0; round < 200; ++round) {
            bench.fill_data();
            const Registers before = registers_at(bench.rng, kArea);
            const auto ours = bench.guest.run(code, before);
            const auto theirs = bench.host.run(code, before);
            REQUIRE(ours.exit == Exit::kBudget);
            REQUIRE(theirs.signal == 0);
            REQUIRE(ours.registers == theirs.registers);
            REQUIRE(bench.same_data(0, kAreaOffset + 6));
            REQUIRE(bench.same_data(kAreaOffset + 24, kAreaOffset + 28));
            REQUIRE(bench.same_data(kAreaOffset + 32, HostCpu::kDataSize));
            u32 mask;
            std::memcpy(&mask, bench.guest.data() + kAreaOffset + 28, 4);
            REQUIRE(mask == 0xffff);
        }
}

TEST_CASE("FXRSTOR: registers become what the host makes of the same area") {
    Bench bench;
    for (const auto& code : {kFxrstor, kFxrstor64})
        for (int round = 0; round < 400; ++round) {
            bench.fill_data();
            bench.put_data(kAreaOffset, static_cast<u16>(bench.rng.next()));
            bench.put_data(kAreaOffset + 2, static_cast<u16>(bench.rng.next()));
            bench.put_data(kAreaOffset + 24,
                           Mxcsrs::random(bench.rng) | (round % 8 ? 0 : 1u << 16 << bench.rng.below(16)));
            u32 mxcsr;
            std::memcpy(&mxcsr, bench.guest.data() + kAreaOffset + 24, 4);
            if (mxcsr & 1u << 17) continue;  // MXCSR.MM exists on some hosts
            const Registers before = registers_at(bench.rng, kArea);
            auto ours = bench.guest.run(code, before);
            const auto theirs = bench.host.run(code, before);
            REQUIRE((ours.exit == Exit::kFault) == (theirs.signal != 0));
            if (theirs.signal != 0) REQUIRE(static_cast<u64>(ours.fault.vector) == theirs.trapno);
            ours.registers.x87.opcode = theirs.registers.x87.opcode;
            ours.registers.x87.instruction = theirs.registers.x87.instruction;
            ours.registers.x87.operand = theirs.registers.x87.operand;
            REQUIRE(ours.registers.x87.control == theirs.registers.x87.control);
            REQUIRE(ours.registers.x87.status == theirs.registers.x87.status);
            REQUIRE(ours.registers == theirs.registers);
        }
}

TEST_CASE("FXRSTOR: brings back what FXSAVE stored, with the pointers in the width of the form") {
    Bench bench;
    Registers before = registers_at(bench.rng, kArea);
    before.x87.opcode = 0x5a5;
    before.x87.instruction = 0x1234'5678'9abc;
    before.x87.operand = 0x7fff'1234'5678;
    Registers other = registers_at(bench.rng, kArea);
    other.gpr = before.gpr;
    other.rflags = before.rflags;
    for (unsigned n = 0; n < 16; ++n)
        std::memcpy(&other.vector[n].bytes[16], &before.vector[n].bytes[16], 16);
    bench.guest.run(kFxsave64, before);
    Registers after = bench.guest.run(kFxrstor64, other).registers;
    after.rip = before.rip;
    CHECK((after == before));
    bench.guest.run(kFxsave, before);
    after = bench.guest.run(kFxrstor, other).registers;
    CHECK(after.x87.instruction == 0x5678'9abc);
    CHECK(after.x87.operand == 0x1234'5678);
}

TEST_CASE("FXSAVE and FXRSTOR: a misaligned area raises #GP before any reference") {
    Bench bench;
    for (const auto& code : {kFxsave, kFxrstor}) {
        const Registers before = registers_at(bench.rng, kArea + 8);
        const auto out = bench.guest.run(code, before);
        CHECK(out.exit == Exit::kFault);
        CHECK(out.fault.vector == Vector::kGeneralProtection);
        CHECK((out.registers == before));
        CHECK(out.counters.loads + out.counters.stores == 0);
    }
}

TEST_CASE("FXSAVE: nothing is stored when the second of its two pages cannot be written") {
    Bench bench;
    for (u64 below = 16; below < 416; below += 16) {
        bench.fill_data();
        const Registers before = registers_at(bench.rng, HostCpu::kGuard - below);
        const auto out = bench.guest.run(kFxsave64, before);
        REQUIRE(out.exit == Exit::kFault);
        REQUIRE(out.fault.address.value == HostCpu::kGuard);
        REQUIRE((out.registers == before));
        REQUIRE(bench.same_data(0, HostCpu::kDataSize));
    }
}

TEST_CASE("FXRSTOR: no register changes when the second of its two pages cannot be read") {
    Bench bench;
    for (u64 below = 16; below < 416; below += 16) {
        const Registers before = registers_at(bench.rng, HostCpu::kGuard - below);
        const auto out = bench.guest.run(kFxrstor64, before);
        REQUIRE(out.exit == Exit::kFault);
        REQUIRE(out.fault.address.value == HostCpu::kGuard);
        REQUIRE((out.registers == before));
    }
}

TEST_CASE("LDMXCSR: the value is taken, and a reserved bit raises #GP") {
    Bench bench;
    for (int round = 0; round < 500; ++round) {
        const u32 value = Mxcsrs::random(bench.rng, static_cast<u32>(bench.rng.next()) & 0x1f80) |
                          (round % 4 ? 0 : 1u << 16 << bench.rng.below(16));
        if (value & 1u << 17) continue;  // MXCSR.MM exists on some hosts
        bench.put_data(0, value);
        const Registers before = registers_at(bench.rng, HostCpu::kData);
        const auto ours = bench.guest.run(kLdmxcsr, before);
        const auto theirs = bench.host.run(kLdmxcsr, before);
        REQUIRE((ours.exit == Exit::kFault) == (theirs.signal != 0));
        REQUIRE(ours.registers == theirs.registers);
        if (theirs.signal != 0) REQUIRE(ours.fault.vector == Vector::kGeneralProtection);
    }
}

TEST_CASE("STMXCSR: flags raised by earlier instructions of the same run are in it") {
    Bench bench;
    Registers before = registers_at(bench.rng, HostCpu::kData);
    before.mxcsr = 0x1f80;
    before.vector[1].bytes.fill(0);
    before.vector[2].bytes.fill(0);
    before.vector[1].bytes[3] = 0x3f;  // 0.5 / 0
    std::vector<u8> code = kDivss;
    code.insert(code.end(), kStmxcsr.begin(), kStmxcsr.end());
    const auto out = bench.guest.run(code, before, 2);
    CHECK(out.exit == Exit::kBudget);
    u32 stored;
    std::memcpy(&stored, bench.guest.data(), 4);
    CHECK(stored == 0x1f84);
    CHECK(out.registers.mxcsr == 0x1f84);
}

TEST_CASE(
    "LDMXCSR: what it sets holds for the next instruction of the same run, and no longer than the run") {
    Bench bench;
    // Control bits alone: the host's own arithmetic on the way sets sticky flags.
    const auto host_control = [] { return __builtin_ia32_stmxcsr() & ~0x3fu; };
    const u32 host_before = host_control();
    Registers before = registers_at(bench.rng, HostCpu::kData);
    before.mxcsr = 0x1f80;
    const float third[] = {1.0f, 3.0f};
    std::memcpy(before.vector[1].bytes.data(), &third[0], 4);
    std::memcpy(before.vector[2].bytes.data(), &third[1], 4);
    bench.put_data(0, u32{0x1f80 | 2u << 13});  // round up
    std::vector<u8> code = kLdmxcsr;
    code.insert(code.end(), kDivss.begin(), kDivss.end());
    const auto out = bench.guest.run(code, before, 2);
    u32 quotient;
    std::memcpy(&quotient, out.registers.vector[1].bytes.data(), 4);
    CHECK(quotient == 0x3eaaaaab);
    CHECK(host_control() == host_before);
}

TEST_CASE("SSE: an exception that the guest unmasks leaves the destination and sets its flag") {
    Bench bench;
    Registers before = registers_at(bench.rng, HostCpu::kData);
    before.mxcsr = 0x1f80 & ~(4u << 7);
    before.vector[1].bytes.fill(0);
    before.vector[2].bytes.fill(0);
    before.vector[1].bytes[3] = 0x3f;
    const auto out = bench.guest.run(kDivss, before);
    CHECK(out.exit == Exit::kFault);
    CHECK(out.fault.vector == Vector::kSimdFloatingPoint);
    Registers expected = before;
    expected.mxcsr |= 4;
    CHECK((out.registers == expected));
}

TEST_CASE("SSE: a misaligned 16-byte operand raises #GP before any reference") {
    Bench bench;
    const Registers before = registers_at(bench.rng, HostCpu::kGuard - 1);
    const auto out = bench.guest.run(kAddps, before);
    CHECK(out.exit == Exit::kFault);
    CHECK(out.fault == mmu::Fault{});
    CHECK(out.counters.loads == 0);
    CHECK((out.registers == before));
}

TEST_CASE("SSE: references are counted, two where the operand lies in two pages") {
    Bench bench;
    const auto loads = [&](const std::vector<u8>& code, u64 rdi) {
        return bench.guest.run(code, registers_at(bench.rng, rdi)).counters.loads;
    };
    const auto stores = [&](const std::vector<u8>& code, u64 rdi) {
        return bench.guest.run(code, registers_at(bench.rng, rdi)).counters.stores;
    };
    CHECK(loads(kAddps, HostCpu::kData) == 1);
    CHECK(stores(kAddps, HostCpu::kData) == 0);
    CHECK(stores(kMovupsStore, HostCpu::kData) == 1);
    CHECK(stores(kMovupsStore, HostCpu::kData + 0xff9) == 2);
    CHECK(loads(kMovupsStore, HostCpu::kData + 0xff9) == 0);
    CHECK(loads(kAddps, HostCpu::kGuard) == 1);
    CHECK(stores(kMovupsStore, HostCpu::kGuard - 8) == 2);
}

TEST_CASE("MASKMOVDQU: a mask without a byte references nothing, also where nothing is mapped") {
    Bench bench;
    Registers before = registers_at(bench.rng, HostCpu::kGuard);
    before.vector[2].bytes.fill(0x7f);
    const auto out = bench.guest.run(kMaskmovdqu, before);
    CHECK(out.exit == Exit::kBudget);
    CHECK(out.counters.loads == 0);
    CHECK(out.counters.stores == 0);
}

TEST_CASE("MASKMOVDQU: the address is cut to 32 bits with prefix 67h, and has its segment's base") {
    Bench bench;
    bench.fill_data();
    const std::vector<u8> code = {0x64, 0x67, 0x66, 0x0f, 0xf7, 0xca};
    Registers before = registers_at(bench.rng, 0xdead'0000'0000'0010);
    before.fs_base = HostCpu::kData;
    before.vector[2].bytes.fill(0x80);
    CHECK(bench.guest.run(code, before).exit == Exit::kBudget);
    CHECK(std::memcmp(bench.guest.data() + 0x10, before.vector[1].bytes.data(), 16) == 0);
}
