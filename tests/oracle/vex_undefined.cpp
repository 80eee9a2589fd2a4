// VEX encodings that are no instructions: the host says #UD, and so must the emulator.
#include <sstream>
#include <vector>

#include "tests/oracle/emulated_cpu.h"
#include "tests/support/host_cpu.h"

#include <catch2/catch.hpp>

using namespace tests;

namespace {

constexpr u64 kInvalidOpcode = 6;

void check_undefined(HostCpu& host, EmulatedCpu& emulated, const std::vector<u8>& bytes) {
    mmu::Registers before;
    before.rip = HostCpu::kCode + 0x100;
    before.gpr[mmu::kRax] = before.gpr[mmu::kRsp] = HostCpu::kData + 0x100;
    std::ostringstream text;
    for (const u8 byte : bytes) text << std::hex << unsigned{byte} << " ";
    INFO(text.str());
    CHECK(host.run(bytes, before).trapno == kInvalidOpcode);
    const EmulatedCpu::Outcome out = emulated.run(bytes, before);
    CHECK(!out.executed);
    CHECK(out.fault.vector == mmu::Vector::kInvalidOpcode);
    CHECK(out.registers.rip == before.rip);
}

}  // namespace

TEST_CASE("VEX: behind a mandatory prefix, LOCK or REX it is #UD") {
    if (!__builtin_cpu_supports("avx2")) return;
    HostCpu host;
    EmulatedCpu emulated;
    std::vector<u8> prefixes = {0x66, 0xf2, 0xf3, 0xf0};
    for (u8 rex = 0x40; rex < 0x50; ++rex) prefixes.push_back(rex);
    for (const u8 prefix : prefixes) {
        check_undefined(host, emulated, {prefix, 0xc5, 0xf4, 0x58, 0xc2});        // vaddps ymm0, ymm1, ymm2
        check_undefined(host, emulated, {prefix, 0xc4, 0xe2, 0x75, 0x40, 0xc2});  // vpmulld
        check_undefined(host, emulated, {prefix, 0xc5, 0xfc, 0x11, 0x00});        // vmovups [rax], ymm0
    }
}

TEST_CASE("VEX: a length, a W or a register that the instruction has not is #UD") {
    if (!__builtin_cpu_supports("avx2")) return;
    HostCpu host;
    EmulatedCpu emulated;
    const std::vector<std::vector<u8>> encodings = {
        {0xc5, 0xe8, 0x10, 0xc2},              // vmovups with vvvv
        {0xc5, 0xe9, 0x6f, 0xc2},              // vmovdqa with vvvv
        {0xc5, 0xea, 0x10, 0x00},              // vmovss from memory with vvvv
        {0xc5, 0xe8, 0x77},                    // vzeroupper with vvvv
        {0xc5, 0xe9, 0xd7, 0xc2},              // vpmovmskb with vvvv
        {0xc5, 0xf9, 0xd7, 0x00},              // vpmovmskb of memory
        {0xc5, 0xfd, 0x6e, 0xc0},              // vmovd, 256 bits
        {0xc5, 0xfd, 0xd6, 0xc1},              // vmovq, 256 bits
        {0xc5, 0xec, 0x12, 0xc1},              // vmovhlps, 256 bits
        {0xc5, 0xed, 0xc4, 0xc0, 0x01},        // vpinsrw, 256 bits
        {0xc4, 0xe2, 0x79, 0x19, 0xc2},        // vbroadcastsd, 128 bits
        {0xc4, 0xe2, 0x79, 0x1a, 0x00},        // vbroadcastf128, 128 bits
        {0xc4, 0xe2, 0x7d, 0x1a, 0xc0},        // vbroadcastf128 of a register
        {0xc4, 0xe2, 0x7d, 0x41, 0xc1},        // vphminposuw, 256 bits
        {0xc4, 0xe2, 0xed, 0x0c, 0xc1},        // vpermilps with W
        {0xc4, 0xe2, 0xfd, 0x0e, 0xc1},        // vtestps with W
        {0xc4, 0xe2, 0xfd, 0x13, 0xc1},        // vcvtph2ps with W
        {0xc4, 0xe2, 0xfd, 0x18, 0xc1},        // vbroadcastss with W
        {0xc4, 0xe3, 0x69, 0x06, 0xc1, 0x00},  // vperm2f128, 128 bits
        {0xc4, 0xe3, 0x69, 0x18, 0xc1, 0x00},  // vinsertf128, 128 bits
        {0xc4, 0xe3, 0x79, 0x19, 0xc1, 0x00},  // vextractf128, 128 bits
        {0xc4, 0xe3, 0xed, 0x4a, 0xc1, 0x30},  // vblendvps with W
        {0xc4, 0xe3, 0x7d, 0x63, 0xc1, 0x00},  // vpcmpistri, 256 bits
        {0xc4, 0xe2, 0x69, 0x16, 0xc1},        // vpermps, 128 bits
        {0xc4, 0xe2, 0x69, 0x92, 0x04, 0x00},  // vgatherdps, destination and index the same
        {0xc4, 0xe2, 0x69, 0x90, 0x14, 0x08},  // vpgatherdd, destination and mask the same
        {0xc4, 0xe2, 0x71, 0x90, 0x14, 0x08},  // vpgatherdd, index and mask the same
        {0xc4, 0xe2, 0x71, 0x90, 0xd0},        // vpgatherdd without memory
        {0xc4, 0xe2, 0x71, 0x90, 0x10},        // vpgatherdd without an index
    };
    for (const std::vector<u8>& bytes : encodings) check_undefined(host, emulated, bytes);
}
