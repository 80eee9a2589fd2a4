// The oracle itself: what is known without it must come out of it.
#include "tests/support/host_cpu.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <initializer_list>
#include <vector>

using mmu::u64;
using mmu::u8;
using tests::HostCpu;

namespace {

mmu::Registers start() {
    mmu::Registers r;
    r.rip = HostCpu::kCode + 0x8000;
    r.gpr[mmu::kRsp] = HostCpu::kData + 0x1000;
    for (unsigned i = 0; i < 16; ++i)
        if (i != mmu::kRsp) r.gpr[i] = u64{0x1111'1111'1111'1111} * i;
    return r;
}

HostCpu::Outcome run(HostCpu& cpu, std::initializer_list<u8> bytes, const mmu::Registers& before) {
    const std::vector<u8> code(bytes);
    return cpu.run(code, before);
}

}  // namespace

TEST_CASE("HostCpu: a NOP changes nothing but RIP") {
    HostCpu cpu;
    auto before = start();
    before.x87.physical[3] = {0xc000'0000'0000'0000, 0x4001};
    before.x87.top = 3;
    before.x87.valid = 1 << 3;
    before.mxcsr = 0x1fa0;
    for (unsigned i = 0; i < 16; ++i) before.vector[i].bytes[i] = static_cast<u8>(i + 1);
    const auto out = run(cpu, {0x90}, before);
    CHECK(out.signal == 0);
    auto expected = before;
    expected.rip += 1;
    CHECK(out.registers == expected);
}

TEST_CASE("HostCpu: an addition brings its result and its flags") {
    HostCpu cpu;
    auto before = start();
    before.gpr[mmu::kRax] = ~u64{0};
    before.gpr[mmu::kRcx] = 1;
    const auto out = run(cpu, {0x48, 0x01, 0xc8}, before);
    CHECK(out.registers.gpr[mmu::kRax] == 0);
    CHECK((out.registers.rflags & mmu::Rflags::kStatus) ==
          (mmu::Rflags::kCf | mmu::Rflags::kZf | mmu::Rflags::kPf | mmu::Rflags::kAf));
}

TEST_CASE("HostCpu: RSP is the instruction's own") {
    HostCpu cpu;
    const auto before = start();
    const auto out = run(cpu, {0x53}, before);  // push rbx
    CHECK(out.registers.gpr[mmu::kRsp] == before.gpr[mmu::kRsp] - 8);
    u64 pushed;
    std::memcpy(&pushed, cpu.data() + 0xff8, 8);
    CHECK(pushed == before.gpr[mmu::kRbx]);
}

TEST_CASE("HostCpu: a store into the guard page is a page fault at the instruction, with its address") {
    HostCpu cpu;
    auto before = start();
    before.gpr[mmu::kRdi] = HostCpu::kGuard + 0x123;
    const auto out = run(cpu, {0x48, 0x89, 0x07}, before);
    CHECK(out.signal == SIGSEGV);
    CHECK(out.trapno == 14);
    CHECK((out.error & 6) == 6);
    CHECK(out.address == HostCpu::kGuard + 0x123);
    CHECK(out.registers == before);
}

TEST_CASE("HostCpu: each exception arrives with its vector") {
    HostCpu cpu;
    auto before = start();
    before.gpr[mmu::kRcx] = 0;
    CHECK(run(cpu, {0x0f, 0x0b}, before).trapno == 6);  // ud2
    CHECK(run(cpu, {0x0f, 0x0b}, before).signal == SIGILL);
    CHECK(run(cpu, {0xf7, 0xf1}, before).trapno == 0);  // div ecx
    CHECK(run(cpu, {0xf7, 0xf1}, before).signal == SIGFPE);
    CHECK(run(cpu, {0xf4}, before).trapno == 13);  // hlt
    before.gpr[mmu::kRdi] = u64{1} << 60;
    CHECK(run(cpu, {0x8b, 0x07}, before).trapno == 13);  // a non-canonical address
    CHECK(run(cpu, {0xcc}, before).signal == SIGTRAP);
}

TEST_CASE("HostCpu: alignment checking ends with the instruction") {
    HostCpu cpu;
    auto before = start();
    before.rflags |= mmu::Rflags::kAc;
    before.gpr[mmu::kRdi] = HostCpu::kData + 1;
    CHECK(run(cpu, {0x8b, 0x07}, before).signal == SIGBUS);
    before.gpr[mmu::kRdi] = HostCpu::kData;
    CHECK(run(cpu, {0x8b, 0x07}, before).signal == 0);
}

TEST_CASE("HostCpu: a branch ends where it leads") {
    HostCpu cpu;
    const auto before = start();
    const auto out = run(cpu, {0xeb, 0x40}, before);
    CHECK(out.signal == 0);
    CHECK(out.registers.rip == before.rip + 2 + 0x40);
    const auto away = run(cpu, {0xe9, 0x00, 0x00, 0x00, 0x40}, before);
    CHECK(away.signal == SIGSEGV);
    CHECK(away.registers.rip == before.rip + 5 + 0x4000'0000);
}

TEST_CASE("HostCpu: x87 and vector registers reach the instruction and come back") {
    HostCpu cpu;
    auto before = start();
    before.x87.top = 6;
    before.x87.valid = 1 << 6;
    before.x87.physical[6] = {u64{1} << 63, 0x3fff};
    auto out = run(cpu, {0xd9, 0xe8}, before);  // fld1
    CHECK(out.registers.x87.top == 5);
    CHECK(out.registers.x87.valid == 0x60);
    CHECK(out.registers.x87.physical[5] == before.x87.physical[6]);
    before.vector[1].bytes[0] = 5;
    out = run(cpu, {0x66, 0x0f, 0xfe, 0xc9}, before);  // paddd xmm1, xmm1
    CHECK(out.registers.vector[1].bytes[0] == 10);
}

TEST_CASE("HostCpu: thirty thousand instructions a second and more") {
    HostCpu cpu;
    const auto before = start();
    const auto begin = std::chrono::steady_clock::now();
    for (unsigned i = 0; i < 20'000; ++i) REQUIRE(run(cpu, {0x0f, 0xc8}, before).signal == 0);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    CHECK(20'000 / seconds.count() > 30'000);
}
