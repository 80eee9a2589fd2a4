// MMX and the x87 registers that it lives in.
#include <vector>

#include "tests/support/guest_cpu.h"

#include <catch2/catch.hpp>

using namespace tests;
using mmu::u16;

namespace {

mmu::Registers start() {
    mmu::Registers r;
    r.rip = HostCpu::kCode + 0x8000;
    r.gpr[mmu::kRsp] = HostCpu::kData + 0x1000;
    r.gpr[mmu::kRax] = 0x1122334455667788;
    r.x87.top = 5;
    return r;
}

}  // namespace

TEST_CASE("MMX: a write makes all x87 registers valid, the top 0 and the written one's exponent all ones") {
    GuestCpu guest;
    const std::vector<u8> movq = {0x48, 0x0f, 0x6e, 0xd0};  // movq mm2, rax
    const auto out = guest.run(movq, start(), 1).registers;
    CHECK(out.x87.top == 0);
    CHECK(out.x87.valid == 0xff);
    CHECK(out.x87.physical[2].significand == 0x1122334455667788);
    CHECK(out.x87.physical[2].sign_exponent == 0xffff);
}

TEST_CASE("MMX: EMMS makes all x87 registers empty and leaves their contents") {
    GuestCpu guest;
    const std::vector<u8> code = {0x48, 0x0f, 0x6e, 0xd0, 0x0f, 0x77};
    const auto out = guest.run(code, start(), 2).registers;
    CHECK(out.x87.valid == 0);
    CHECK(out.x87.physical[2].significand == 0x1122334455667788);
}

TEST_CASE("MMX: a store that faults leaves the x87 state alone") {
    GuestCpu guest;
    auto before = start();
    before.gpr[mmu::kRdi] = HostCpu::kGuard;
    const std::vector<u8> store = {0x0f, 0x7f, 0x07};  // movq [rdi], mm0
    const auto out = guest.run(store, before, 1);
    CHECK(out.exit == emu::Exit::kFault);
    CHECK(out.registers.x87 == before.x87);
}

TEST_CASE("MMX: a pending x87 exception comes first") {
    GuestCpu guest;
    auto before = start();
    before.x87.control = 0x37e;
    before.x87.status = 0x8081;
    const std::vector<u8> code = {0x0f, 0xfe, 0xc1};  // paddd mm0, mm1
    const auto out = guest.run(code, before, 1);
    CHECK(out.fault.vector == mmu::Vector::kX87FloatingPoint);
    CHECK(out.registers == before);
}
