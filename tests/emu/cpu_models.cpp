// CPU models: CPUID offers what is implemented, and what it does not offer is #UD.
#include "emu/cpu/cpu_models.h"

#include <array>

#include "emu/cpu/cpu_model.h"
#include "emu/insn/opcode_table.h"
#include "mmu/presets.h"
#include "tests/support/guest_cpu.h"

#include <catch2/catch.hpp>

using namespace emu;

namespace {

/// Features that come with no instruction of their own.
constexpr FeatureSet kWithoutInstruction = {Feature::kPcid, Feature::kOsxsave, Feature::kPku,
                                            Feature::kErms, Feature::kFsrm,    Feature::kPrefetchw};

u32 word_of(const CpuidResult& result, CpuidWord word) {
    const u32 words[] = {result.eax, result.ebx, result.ecx, result.edx};
    return words[static_cast<u8>(word)];
}

}  // namespace

TEST_CASE("CpuModel: the bit of each feature is set exactly where the CPU has it") {
    for (const mmu::TlbConfig& preset : mmu::presets())
        for (const FeatureRow& row : feature_rows()) {
            INFO(preset.name << " " << row.name);
            const CpuModel without(preset, FeatureSet::all().without({row.feature}));
            const CpuModel with(preset, FeatureSet{row.feature});
            CHECK((word_of(with.cpuid(row.leaf, row.subleaf), row.word) >> row.bit & 1) == 1);
            CHECK((word_of(without.cpuid(row.leaf, row.subleaf), row.word) >> row.bit & 1) == 0);
        }
}

TEST_CASE("CpuModel: what is said to be implemented has its instructions in the opcode table") {
    FeatureSet in_table;
    for (const auto chapter : all_chapters())
        for (const OpcodeRow& row : chapter) in_table.add(row.feature);
    CHECK(names_of(implemented_features().without(in_table | kWithoutInstruction)) == "");
}

TEST_CASE("CpuModel: an instruction is undefined on a CPU without its feature") {
    // One of each feature that has been implemented: bytes that execute with all registers 0 but RSP.
    const struct {
        Feature feature;
        std::vector<u8> bytes;
    } kExamples[] = {
        {Feature::kSse3, {0xf2, 0x0f, 0xd0, 0xc1}},  // addsubps xmm0, xmm1
        {Feature::kSse3, {0xdb, 0x0c, 0x24}},        // fisttp dword [rsp]
        {Feature::kRdtscp, {0x0f, 0x01, 0xf9}},
        {Feature::kCmpxchg16b, {0x48, 0x0f, 0xc7, 0x0c, 0x24}},
        {Feature::kSsse3, {0x66, 0x0f, 0x38, 0x00, 0xc1}},        // pshufb xmm0, xmm1
        {Feature::kSsse3, {0x0f, 0x3a, 0x0f, 0xc1, 0x03}},        // palignr mm0, mm1, 3
        {Feature::kSse41, {0x66, 0x0f, 0x38, 0x17, 0xc1}},        // ptest xmm0, xmm1
        {Feature::kSse41, {0x66, 0x0f, 0x3a, 0x0b, 0xc1, 0x01}},  // roundsd xmm0, xmm1, 1
        {Feature::kSse42, {0x66, 0x0f, 0x3a, 0x63, 0xc1, 0x1a}},  // pcmpistri xmm0, xmm1, 1Ah
        {Feature::kSse42, {0xf2, 0x48, 0x0f, 0x38, 0xf1, 0xc1}},  // crc32 rax, rcx
        {Feature::kMovbe, {0x0f, 0x38, 0xf0, 0x04, 0x24}},        // movbe eax, [rsp]
        {Feature::kBmi1, {0xc4, 0xe2, 0x70, 0xf2, 0xc2}},         // andn eax, ecx, edx
        {Feature::kBmi2, {0xc4, 0xe3, 0xfb, 0xf0, 0xc1, 0x05}},   // rorx rax, rcx, 5
        {Feature::kAdx, {0xf3, 0x0f, 0x38, 0xf6, 0xc1}},          // adox eax, ecx
        {Feature::kAes, {0x66, 0x0f, 0x38, 0xdc, 0xc1}},          // aesenc xmm0, xmm1
        {Feature::kPclmulqdq, {0x66, 0x0f, 0x3a, 0x44, 0xc1, 0x11}},
        {Feature::kSha, {0x0f, 0x3a, 0xcc, 0xc1, 0x02}},       // sha1rnds4 xmm0, xmm1, 2
        {Feature::kFsgsbase, {0xf3, 0x48, 0x0f, 0xae, 0xc0}},  // rdfsbase rax
        {Feature::kRdpid, {0xf3, 0x0f, 0xc7, 0xf8}},
        {Feature::kRdrand, {0x0f, 0xc7, 0xf0}},
        {Feature::kRdseed, {0x48, 0x0f, 0xc7, 0xf8}},
        {Feature::kClflushopt, {0x66, 0x0f, 0xae, 0x3c, 0x24}},
        {Feature::kClwb, {0x66, 0x0f, 0xae, 0x34, 0x24}},
    };
    for (const auto& [feature, bytes] : kExamples) {
        INFO(name_of(feature));
        mmu::Registers before;
        before.rip = tests::HostCpu::kCode;
        before.gpr[mmu::kRsp] = tests::HostCpu::kData + 0x100;
        tests::GuestCpu with(mmu::small_tlb(16, 64), FeatureSet{feature});
        CHECK(with.run(bytes, before).exit == Exit::kBudget);
        tests::GuestCpu without(mmu::small_tlb(16, 64), FeatureSet::all().without({feature}));
        const auto out = without.run(bytes, before);
        CHECK(out.exit == Exit::kFault);
        CHECK(out.fault.vector == mmu::Vector::kInvalidOpcode);
        CHECK(out.registers.rip == before.rip);
    }
}

TEST_CASE(
    "F3 BSF and F3 BSR count zeros only where the CPU has TZCNT and LZCNT; POPCNT has no such fallback") {
    const auto run = [](FeatureSet features, std::vector<u8> bytes) {
        mmu::Registers before;
        before.rip = tests::HostCpu::kCode;
        before.gpr[mmu::kRcx] = 0x100;
        return tests::GuestCpu(mmu::small_tlb(16, 64), features).run(bytes, before);
    };
    const std::vector<u8> bsr = {0xf3, 0x0f, 0xbd, 0xc1}, bsf = {0xf3, 0x0f, 0xbc, 0xc1};
    CHECK(run({}, bsr).registers.gpr[mmu::kRax] == 8);
    CHECK(run({Feature::kLzcnt}, bsr).registers.gpr[mmu::kRax] == 23);
    CHECK(run({}, bsf).registers.gpr[mmu::kRax] == 8);
    CHECK(run({Feature::kBmi1}, bsf).registers.gpr[mmu::kRax] == 8);
    CHECK(run({}, {0xf3, 0x0f, 0xb8, 0xc1}).exit == Exit::kFault);
    CHECK(run({Feature::kPopcnt}, {0xf3, 0x0f, 0xb8, 0xc1}).registers.gpr[mmu::kRax] == 1);
}

TEST_CASE("RDRAND: the same numbers with the same seed, others with another or later") {
    const auto numbers = [](u64 seed) {
        tests::GuestCpu guest;
        guest.cpu().random_seed = seed;
        mmu::Registers before;
        before.rip = tests::HostCpu::kCode;
        const std::vector<u8> code = {0x48, 0x0f, 0xc7, 0xf0, 0x48, 0x0f, 0xc7, 0xf1, 0x48, 0x0f, 0xc7, 0xfa};
        const auto out = guest.run(code, before, 3);  // rdrand rax; rdrand rcx; rdseed rdx
        CHECK((out.registers.rflags & mmu::Rflags::kStatus) == mmu::Rflags::kCf);
        return std::array<u64, 3>{out.registers.gpr[0], out.registers.gpr[1], out.registers.gpr[2]};
    };
    const auto first = numbers(1);
    CHECK(first == numbers(1));
    CHECK(first != numbers(2));
    CHECK(first[0] != first[1]);
    CHECK(first[1] != first[2]);
}

TEST_CASE("WRFSBASE of a non-canonical address is #GP and changes nothing") {
    tests::GuestCpu guest;
    mmu::Registers before;
    before.rip = tests::HostCpu::kCode;
    before.fs_base = 5;
    before.gpr[mmu::kRax] = u64{1} << 47;
    const auto out = guest.run(std::vector<u8>{0xf3, 0x48, 0x0f, 0xae, 0xd0}, before);
    CHECK(out.exit == Exit::kFault);
    CHECK(out.fault.vector == mmu::Vector::kGeneralProtection);
    CHECK(out.registers.fs_base == 5);
    CHECK(guest.run(std::vector<u8>{0xf3, 0x0f, 0xae, 0xd0}, before).registers.fs_base == 0);  // 32 bits
}

TEST_CASE("RDPKRU and WRPKRU: #UD without CR4.PKE, #GP unless ECX is 0, and the MMU obeys") {
    using Bytes = std::vector<u8>;
    tests::GuestCpu guest;
    mmu::Registers before;
    before.rip = tests::HostCpu::kCode;
    before.gpr[mmu::kRax] = 0xc;
    const Bytes rdpkru = {0x0f, 0x01, 0xee}, wrpkru = {0x0f, 0x01, 0xef};
    CHECK(guest.run(rdpkru, before).fault.vector == mmu::Vector::kInvalidOpcode);
    auto& mmu = guest.machine().mmu;
    REQUIRE(mmu.write_cr4(mmu.control().cr4 | mmu::ControlRegisters::kCr4Pke).has_value());
    CHECK(guest.run(wrpkru, before).exit == Exit::kBudget);
    CHECK(mmu.control().pkru == 0xc);
    before.gpr[mmu::kRax] = before.gpr[mmu::kRdx] = ~u64{0};
    const auto out = guest.run(rdpkru, before);
    CHECK(out.registers.gpr[mmu::kRax] == 0xc);
    CHECK(out.registers.gpr[mmu::kRdx] == 0);
    CHECK(guest.run(wrpkru, before).fault.vector == mmu::Vector::kGeneralProtection);  // EDX
    before.gpr[mmu::kRdx] = 0;
    before.gpr[mmu::kRcx] = 1;
    CHECK(guest.run(rdpkru, before).fault.vector == mmu::Vector::kGeneralProtection);
}

TEST_CASE("find_cpu: a name, and features added or taken away") {
    CHECK(find_cpu(default_cpu()).has_value());
    CHECK(find_cpu("zen4")->preset == "zen4");
    CHECK(implemented_features().contains(find_cpu("zen4")->features));
    CHECK(find_cpu("max")->features.has(Feature::kSse3));
    CHECK_FALSE(find_cpu("max,-sse3")->features.has(Feature::kSse3));
    CHECK(find_cpu("x86-64-v1,+cx16")->features.has(Feature::kCmpxchg16b));
    for (const char* wrong : {"", "zen", "max,", "max,sse3", "max,+nothing", "max,+sse3,"}) {
        INFO(wrong);
        REQUIRE_FALSE(find_cpu(wrong).has_value());
        CHECK(find_cpu(wrong).error().message.starts_with("--cpu: "));
    }
}

TEST_CASE("CPU models name presets that exist, and other TLBs fit into each") {
    for (const CpuDescription& cpu : cpu_models()) {
        INFO(cpu.name);
        CHECK(cpu_show_text(cpu.name).has_value());
        if (cpu.preset.empty()) continue;
        const auto own = mmu::find_preset(cpu.preset);
        REQUIRE(own.has_value());
        for (const mmu::TlbConfig& tlb : mmu::presets()) {
            const mmu::TlbConfig both = with_identity(tlb, own->cpu);
            CHECK(both.validate().has_value());
            CHECK(both.cpu.vendor == own->cpu.vendor);
            CHECK(both.l1_load == tlb.l1_load);
        }
    }
}
