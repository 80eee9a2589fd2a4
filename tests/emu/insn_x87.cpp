// x87 and MMX over several instructions: what one leaves behind for the next. Single instructions are
// tests/oracle's.
#include <vector>

#include "tests/support/guest_cpu.h"

#include <catch2/catch.hpp>

#include "mmu/base/rng.h"

namespace {

using namespace tests;
using emu::Exit;
using mmu::Registers, mmu::u16, mmu::Vector;
using Code = std::vector<u8>;

Registers start() {
    Registers r;
    r.rip = HostCpu::kCode + 0x8000;
    r.gpr[mmu::kRsp] = HostCpu::kData + 0x1000;
    r.gpr[mmu::kRdi] = HostCpu::kData;
    return r;
}

Code joined(const std::vector<Code>& instructions) {
    Code all;
    for (const Code& one : instructions) all.insert(all.end(), one.begin(), one.end());
    return all;
}

const Code kFld1 = {0xd9, 0xe8}, kFldz = {0xd9, 0xee}, kFldpi = {0xd9, 0xeb}, kFnclex = {0xdb, 0xe2};
const Code kFdivp = {0xde, 0xf9}, kFaddp = {0xde, 0xc1}, kFwait = {0x9b}, kFnstsw = {0xdf, 0xe0};
const Code kFldcw = {0xd9, 0x2f}, kFnstenv = {0xd9, 0x37}, kFnsave = {0xdd, 0x37}, kFrstor = {0xdd, 0x27};
const Code kFidiv = {0xde, 0x37}, kFild = {0xdf, 0x07}, kEmms = {0x0f, 0x77},
           kMovqMm0Mm1 = {0x0f, 0x6f, 0xc1};

/// Instructions that leave the stack and the flags in all sorts of states; [rdi + 8 n] are their operands.
Code random_instruction(mmu::Rng& rng) {
    const u8 other = static_cast<u8>(rng.below(8)), displacement = static_cast<u8>(8 * rng.below(8));
    const auto reg = [&](u8 opcode, u8 modrm) { return Code{opcode, static_cast<u8>(modrm + other)}; };
    const auto memory = [&](u8 opcode, u8 extension) {
        return Code{opcode, static_cast<u8>(0x47 | extension << 3), displacement};
    };
    switch (rng.below(20)) {
        case 0:
            return kFld1;
        case 1:
            return kFldz;
        case 2:
            return kFldpi;
        case 3:
            return reg(0xd9, 0xc0);  // fld st(i)
        case 4:
            return reg(0xd9, 0xc8);  // fxch
        case 5:
            return reg(0xd8, static_cast<u8>(0xc0 + 8 * rng.below(8)));  // op st, st(i)
        case 6:
            return reg(0xdc, static_cast<u8>(0xc0 + 8 * rng.below(8)));  // op st(i), st
        case 7:
            return reg(0xde, static_cast<u8>(rng.below(2) ? 0xc0 : 0xe0));  // faddp, fsubrp
        case 8:
            return memory(static_cast<u8>(rng.below(2) ? 0xd8 : 0xdc), static_cast<u8>(rng.below(8)));
        case 9:
            return memory(static_cast<u8>(0xd9 + 2 * rng.below(4)), 0);  // fld, fild
        case 10:
            return memory(static_cast<u8>(rng.below(2) ? 0xd9 : 0xdd),
                          static_cast<u8>(2 + rng.below(2)));  // fst, fstp
        case 11:
            return memory(static_cast<u8>(rng.below(2) ? 0xdb : 0xdf), 3);  // fistp
        case 12:
            return reg(0xdb, static_cast<u8>(rng.below(2) ? 0xe8 : 0xf0));  // fucomi, fcomi
        case 13:
            return rng.below(4) ? kFnclex : Code{0xdb, 0xe3};  // fnclex, fninit
        case 14:
            return {0xd9, static_cast<u8>(0xf8 + rng.below(8))};  // fprem .. fcos
        case 15:
            return {0xd9, static_cast<u8>(0xf0 + rng.below(8))};  // f2xm1 .. fincstp
        case 16:
            return {0xd9, static_cast<u8>(rng.below(2) ? 0xe0 : 0xe1)};  // fchs, fabs
        case 17:
            return reg(0xdd, static_cast<u8>(0xd8));  // fstp st(i)
        case 18:
            return rng.below(4) ? reg(0xdd, 0xe0) : kEmms;  // fucom
        default:
            return {0x0f, 0xfd, static_cast<u8>(0xc0 + rng.below(64))};  // paddw mm, mm
    }
}

}  // namespace

TEST_CASE("x87: random programs leave the host's registers, status and memory") {
    HostCpu host;
    GuestCpu guest;
    mmu::Rng rng(5);
    for (unsigned program = 0; program < 3000; ++program) {
        for (unsigned n = 0; n < 64; ++n) {
            const u64 word = rng.below(3) ? rng.next() : rng.below(100);
            std::memcpy(host.data() + 8 * n, &word, 8);
        }
        std::memcpy(guest.data(), host.data(), HostCpu::kDataSize);
        Registers before = start();
        if (rng.below(3) == 0) before.x87.control = static_cast<u16>(0x7f | rng.below(16) << 8);
        std::vector<Code> instructions;
        HostCpu::Outcome native;
        native.registers = before;
        for (unsigned n = 0; n < 14; ++n) {
            instructions.push_back(random_instruction(rng));
            Registers now = native.registers;
            now.rip = before.rip;
            native = host.run(instructions.back(), now);
            REQUIRE(native.signal == 0);
            if (instructions.back()[0] == 0xdb && instructions.back()[1] >= 0xe8)
                native.registers.x87.status &= 0xfdff;  // C1 after FCOMI: AMD's leave it
        }
        const auto out = guest.run(joined(instructions), before, instructions.size());
        INFO("program " << program);
        REQUIRE(out.exit == Exit::kBudget);
        Registers found = out.registers, expected = native.registers;
        found.rip = expected.rip = 0;
        found.x87.instruction = found.x87.operand = found.x87.opcode = 0;
        expected.x87.instruction = expected.x87.operand = expected.x87.opcode = 0;
        CHECK(found.x87.status == expected.x87.status);
        CHECK(found.x87 == expected.x87);
        found.rflags = expected.rflags = 0;
        CHECK(found == expected);
        CHECK(std::memcmp(guest.data(), host.data(), HostCpu::kDataSize) == 0);
    }
}

TEST_CASE("x87: an exact result is not flagged inexact because of an earlier one that was cleared") {
    GuestCpu guest;
    const u16 three = 3;
    std::memcpy(guest.data(), &three, 2);
    const std::vector<Code> inexact = {kFld1, kFidiv};
    auto out = guest.run(joined(inexact), start(), 2);
    CHECK((out.registers.x87.status & 0x3f) == 0x20);
    out = guest.run(joined({kFld1, kFidiv, kFnclex, kFld1, kFld1, kFaddp}), start(), 6);
    CHECK((out.registers.x87.status & 0x3f) == 0);
}

TEST_CASE("x87: an unmasked exception is raised by the next waiting instruction") {
    GuestCpu guest;
    const u16 zero_divide_unmasked = 0x37b;
    std::memcpy(guest.data(), &zero_divide_unmasked, 2);
    const Code code = joined({kFldcw, kFld1, kFldz, kFdivp, kFnstsw, kFwait});
    const auto out = guest.run(code, start(), 100);
    CHECK(out.exit == Exit::kFault);
    CHECK(out.fault.vector == Vector::kX87FloatingPoint);
    CHECK(out.registers.rip == start().rip + code.size() - kFwait.size());
    CHECK((out.registers.gpr[mmu::kRax] & 0x80) != 0);
    CHECK((out.registers.x87.status & 0x84) == 0x84);
    CHECK(out.registers.x87.instruction == start().rip + 6);
}

TEST_CASE("x87: FNSTENV tells the last instruction that was no control instruction, and its operand") {
    GuestCpu guest;
    auto before = start();
    before.gpr[mmu::kRdi] += 0x100;
    const auto out = guest.run(joined({{0xdf, 0x07}, kFnclex, kFnstenv}), before, 3);
    CHECK(out.exit == Exit::kBudget);
    u32 fields[7];
    std::memcpy(fields, guest.data() + 0x100, sizeof fields);
    CHECK(fields[3] == before.rip);
    CHECK(fields[5] == before.gpr[mmu::kRdi]);
    CHECK((out.registers.x87.control & 0x3f) == 0x3f);
}

TEST_CASE("x87: FRSTOR undoes FNSAVE") {
    GuestCpu guest;
    auto before = start();
    before.gpr[mmu::kRdi] = HostCpu::kData + 0x1000 - 50;  // over the page's end
    const auto filled = guest.run(joined({kFld1, kFldpi, kFldz}), before, 3);
    auto again = filled.registers;
    again.rip = before.rip;
    const auto saved = guest.run(kFnsave, again, 1);
    CHECK(saved.registers.x87.valid == 0);
    CHECK(saved.registers.x87.control == 0x37f);
    again = saved.registers;
    again.rip = before.rip;
    const auto restored = guest.run(kFrstor, again, 1);
    CHECK(restored.registers.x87.physical == filled.registers.x87.physical);
    CHECK(restored.registers.x87.valid == filled.registers.x87.valid);
    CHECK(restored.registers.x87.top == filled.registers.x87.top);
}

TEST_CASE("x87: FNSAVE whose second page is missing stores nothing") {
    GuestCpu guest;
    std::memset(guest.data(), 0x5a, HostCpu::kDataSize);
    auto before = start();
    before.gpr[mmu::kRdi] = HostCpu::kGuard - 100;
    const auto out = guest.run(kFnsave, before, 1);
    CHECK(out.exit == Exit::kFault);
    CHECK(out.fault.address.value == HostCpu::kGuard);
    CHECK(out.registers == before);
    for (unsigned n = 0; n < 100; ++n) REQUIRE(guest.data()[HostCpu::kDataSize - 1 - n] == 0x5a);
}
