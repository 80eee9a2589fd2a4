// The run loop: budgets, blocks that are written while they run, instructions across pages, links and the
// counts that go with them. Programs are bytes, named in the comment beside them.
#include "tests/support/guest_cpu.h"

#include <vector>

#include <catch2/catch.hpp>

using emu::Exit;
using mmu::kRax, mmu::kRbx, mmu::kRcx, mmu::kRsp;
using mmu::u64, mmu::u8;
using tests::GuestCpu, tests::HostCpu;

namespace {

mmu::Registers at(u64 rip) {
    mmu::Registers registers;
    registers.rip = rip;
    registers.gpr[kRsp] = HostCpu::kData + 0x1800;
    registers.gpr[kRbx] = HostCpu::kData;
    return registers;
}

constexpr u64 kCode = HostCpu::kCode;

// mov ecx, 1000; 1: add rax, rcx; mov [rbx], rax; dec rcx; jnz 1b; int3
const std::vector<u8> kLoop = {0xb9, 0xe8, 3, 0,    0,    0x48, 1,    0xc8,
                               0x48, 0x89, 3, 0x48, 0xff, 0xc9, 0x75, 0xf5};

}  // namespace

TEST_CASE("Interpreter: a budget ends exactly where it says, within a block too") {
    GuestCpu whole;
    const auto reference = whole.run(kLoop, at(kCode), 1 + 4 * 1000);
    REQUIRE(reference.exit == Exit::kBudget);
    REQUIRE(reference.registers.gpr[kRax] == 500500);
    for (u64 budget : {1, 2, 3, 4, 5, 6, 7, 8, 9, 500, 501, 502, 503, 4000}) {
        GuestCpu cpu;
        const auto outcome = cpu.run(kLoop, at(kCode), budget);
        REQUIRE(outcome.exit == Exit::kBudget);
        REQUIRE(outcome.counters.instructions == budget);
        REQUIRE(outcome.counters.fetches == budget);
        REQUIRE(outcome.counters.stores == (budget + 1) / 4);
    }
}

TEST_CASE("Interpreter: the pieces of a divided run add up to the whole") {
    GuestCpu whole, pieces;
    const auto expected = whole.run(kLoop, at(kCode), 4001);
    (void)pieces.run(kLoop, at(kCode), 7);
    emu::Interpreter& interpreter = pieces.interpreter();
    for (u64 size = 1; pieces.cpu().counters.instructions < 4001; size = size % 11 + 1)
        REQUIRE(interpreter.run(std::min(size, 4001 - pieces.cpu().counters.instructions)) == Exit::kBudget);
    REQUIRE(pieces.cpu().regs == expected.registers);
    REQUIRE(pieces.cpu().counters == expected.counters);
}

TEST_CASE("Interpreter: code that overwrites the instruction behind it runs the new one") {
    // mov byte [rip+1f], 0xbb (the opcode of the next mov: eax becomes ebx); 1: mov eax, 7; int3
    const std::vector<u8> code = {0xc6, 5, 0, 0, 0, 0, 0xbb, 0xb8, 7, 0, 0, 0};
    GuestCpu cpu;
    auto registers = at(kCode);
    registers.gpr[kRax] = 1;
    for (int round = 0; round < 3; ++round) {
        const auto outcome = cpu.run(code, registers, 2);
        REQUIRE(outcome.exit == Exit::kBudget);
        REQUIRE(outcome.registers.gpr[kRax] == 1);
        REQUIRE(outcome.registers.gpr[kRbx] == 7);
        REQUIRE(outcome.counters.instructions == 2);
        REQUIRE(outcome.counters.stores == 1);
    }
}

TEST_CASE("Interpreter: a loop that rewrites its own immediate computes with each value") {
    // mov ecx, 50; 1: add eax, 0 (imm32 at +7); inc dword [rip-10: that imm32]; dec ecx; jnz 1b
    const std::vector<u8> code = {0xb9, 50, 0,    0,    0,    5,    0,    0,    0,    0,
                                  0xff, 5,  0xf6, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x75, 0xf1};
    GuestCpu cpu;
    const auto outcome = cpu.run(code, at(kCode), 1 + 4 * 50);
    REQUIRE(outcome.registers.gpr[kRax] == 49 * 50 / 2);
}

TEST_CASE("Interpreter: an instruction across a page makes a reference to both, every time") {
    // The loop laid so that `add rax, rcx` (3 bytes) begins one byte before the end of the first page.
    GuestCpu cpu;
    const u64 start = kCode + mmu::kPageSize - 6;
    const auto outcome = cpu.run(kLoop, at(start), 1 + 4 * 1000);
    REQUIRE(outcome.registers.gpr[kRax] == 500500);
    REQUIRE(outcome.counters.fetches == 4001 + 1000);
}

TEST_CASE(
    "Interpreter: an instruction whose second page is not executable faults there, in the instruction") {
    GuestCpu cpu;
    const u64 second = kCode + mmu::kPageSize;
    cpu.machine().tables.set(mmu::VirtAddr{second}, 1, mmu::Pte::kNoExecute);
    const auto outcome = cpu.run(kLoop, at(second - 6), 100);
    REQUIRE(outcome.exit == Exit::kFault);
    REQUIRE(outcome.fault.vector == mmu::Vector::kPageFault);
    REQUIRE(outcome.fault.address == mmu::VirtAddr{second});
    REQUIRE((outcome.fault.error_code & mmu::PageFaultCode::kFetch) != 0);
    REQUIRE(outcome.registers.rip == second - 1);
    REQUIRE(outcome.counters.instructions == 1);
}

TEST_CASE("Interpreter: a crossing instruction is decoded anew when its second page is another one") {
    GuestCpu cpu;
    const u64 second = kCode + mmu::kPageSize;
    const std::vector<u8> code = {0xb8, 1, 0, 0, 0};  // mov eax, 1: the immediate lies in the second page
    const auto registers = at(second - 1);
    REQUIRE(cpu.run(code, registers, 1).registers.gpr[kRax] == 1);
    // Another frame behind the second page, with another immediate.
    const mmu::PhysAddr other{12 << 20};
    const u8 immediate[] = {9, 0, 0, 0, 0xcc};
    std::memcpy(cpu.machine().memory.host(other), immediate, sizeof immediate);
    cpu.machine().tables.map(mmu::VirtAddr{second}, other);
    cpu.machine().mmu.invlpg(mmu::VirtAddr{second});
    cpu.cpu().regs = registers;
    REQUIRE(cpu.interpreter().run(1) == Exit::kBudget);
    REQUIRE(cpu.cpu().regs.gpr[kRax] == 9);
}

TEST_CASE("Interpreter: one frame of code serves every virtual address that it is mapped at") {
    GuestCpu cpu;
    const u64 alias = kCode + (u64{1} << 30);
    cpu.machine().tables.map(mmu::VirtAddr{alias}, mmu::PhysAddr{8 << 20});
    const std::vector<u8> code = {0x48, 0x8d, 5, 0, 0, 0, 0};  // lea rax, [rip]
    REQUIRE(cpu.run(code, at(kCode), 1).registers.gpr[kRax] == kCode + 7);
    cpu.cpu().regs = at(alias);
    REQUIRE(cpu.interpreter().run(1) == Exit::kBudget);
    REQUIRE(cpu.cpu().regs.gpr[kRax] == alias + 7);
}

TEST_CASE("Interpreter: an undefined instruction raises #UD at its address and is not retired") {
    GuestCpu cpu;
    const auto outcome = cpu.run(std::vector<u8>{0x90, 0x06}, at(kCode), 10);  // nop; (bad)
    REQUIRE(outcome.exit == Exit::kFault);
    REQUIRE(outcome.fault.vector == mmu::Vector::kInvalidOpcode);
    REQUIRE(outcome.registers.rip == kCode + 1);
    REQUIRE(outcome.counters.instructions == 1);
}

TEST_CASE("Interpreter: sixteen bytes of one instruction raise #GP") {
    GuestCpu cpu;
    std::vector<u8> code(15, 0x66);
    code.push_back(0x90);
    const auto outcome = cpu.run(code, at(kCode), 1);
    REQUIRE(outcome.exit == Exit::kFault);
    REQUIRE(outcome.fault.vector == mmu::Vector::kGeneralProtection);
}

TEST_CASE("Interpreter: a fault in the middle of a block takes back what the rest was charged") {
    // mov [rbx], rax; mov [rbx+0x10000000], rax (not mapped); mov [rbx], rax
    const std::vector<u8> code = {0x48, 0x89, 3, 0x48, 0x89, 0x83, 0, 0, 0, 0x10, 0x48, 0x89, 3};
    GuestCpu cpu;
    const auto outcome = cpu.run(code, at(kCode), 10);
    REQUIRE(outcome.exit == Exit::kFault);
    REQUIRE(outcome.registers.rip == kCode + 3);
    REQUIRE(outcome.counters.instructions == 1);
    REQUIRE(outcome.counters.stores == 2);  // the one that faulted was a reference too
    REQUIRE(outcome.counters.fetches == 2);
}

TEST_CASE("Interpreter: flags are right at a fault though the instruction behind it would overwrite them") {
    // sub eax, eax (ZF); mov [rbx+0x10000000], rax: fault; add eax, 1
    const std::vector<u8> code = {0x29, 0xc0, 0x48, 0x89, 0x83, 0, 0, 0, 0x10, 0x83, 0xc0, 1};
    GuestCpu cpu;
    const auto outcome = cpu.run(code, at(kCode), 10);
    REQUIRE(outcome.exit == Exit::kFault);
    REQUIRE((outcome.registers.rflags & mmu::Rflags::kZf) != 0);
}

TEST_CASE("Interpreter: flags that die within a block do not change what comes after") {
    // mov eax, 5; sub eax, 5; xor ecx, ecx; add eax, 3; neg eax; shl eax, 1; cmp eax, -6; setz cl
    const std::vector<u8> code = {0xb8, 5,    0,    0,    0,    0x83, 0xe8, 5,    0x31, 0xc9, 0x83, 0xc0,
                                  3,    0xf7, 0xd8, 0xd1, 0xe0, 0x83, 0xf8, 0xfa, 0x0f, 0x94, 0xc1};
    GuestCpu at_once, stepwise;
    const auto expected = at_once.run(code, at(kCode), 8);
    (void)stepwise.run(code, at(kCode), 1);
    for (int n = 1; n < 8; ++n) REQUIRE(stepwise.interpreter().run(1) == Exit::kBudget);
    REQUIRE(expected.registers.gpr[kRcx] == 1);
    REQUIRE(stepwise.cpu().regs == expected.registers);
}

TEST_CASE("Interpreter: a stop that is asked for ends an endless loop") {
    GuestCpu cpu;
    cpu.cpu().stop.store(true);
    const auto outcome = cpu.run(std::vector<u8>{0xeb, 0xfe}, at(kCode), u64{1} << 60);
    REQUIRE(outcome.exit == Exit::kBudget);
    REQUIRE(outcome.counters.instructions == 0);
}

TEST_CASE("Interpreter: decoding leaves the guest's floating-point flags alone") {
    // Enough distinct blocks that every table of the decoder grows: jmp +0; each a block and a template of
    // its own.
    GuestCpu cpu;
    std::vector<u8> code;
    for (u8 n = 0; n < 250; ++n) {
        const u8 block[] = {0x48, 0x8d, static_cast<u8>(0x43 + (n & 4)),
                            n,    0x83, static_cast<u8>(0xc0 | (n & 3)),
                            n,    0xeb, 0};
        code.insert(code.end(), block, block + sizeof block);
    }
    const auto outcome = cpu.run(code, at(kCode), 3 * 250);
    REQUIRE(outcome.exit == Exit::kBudget);
    REQUIRE(outcome.counters.instructions == 750);
    REQUIRE((outcome.registers.mxcsr & 0x3f) == 0);
}

TEST_CASE("Interpreter: pairs of neighbours do what the two do one by one") {
    // mov eax, 3; mov edx, eax; add edx, eax; xor eax, edx; shl edx, 4; lea rcx, [rdx+rax*2]; mov [rbx], rcx;
    // movzx esi, byte [rbx]; add eax, edx; cmp eax, 5; jne +0
    const std::vector<u8> code = {0xb8, 3,    0, 0,    0,    0x89, 0xc2, 1,    0xc2, 0x31, 0xd0,
                                  0xc1, 0xe2, 4, 0x48, 0x8d, 0x0c, 0x42, 0x48, 0x89, 0x0b, 0x0f,
                                  0xb6, 0x33, 1, 0xd0, 0x83, 0xf8, 5,    0x75, 0};
    GuestCpu at_once, stepwise;
    const auto expected = at_once.run(code, at(kCode), 11);
    (void)stepwise.run(code, at(kCode), 1);
    for (int n = 1; n < 11; ++n) REQUIRE(stepwise.interpreter().run(1) == Exit::kBudget);
    REQUIRE(expected.exit == Exit::kBudget);
    REQUIRE(expected.counters.instructions == 11);
    REQUIRE(stepwise.cpu().regs == expected.registers);
    REQUIRE(stepwise.cpu().counters == expected.counters);
}
