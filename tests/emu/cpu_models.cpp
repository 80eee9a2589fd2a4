// CPU models: CPUID offers what is implemented, and what it does not offer is #UD.
#include "emu/cpu/cpu_models.h"
#include "emu/cpu/cpu_model.h"
#include "emu/insn/opcode_table.h"
#include "mmu/presets.h"
#include "tests/support/guest_cpu.h"

#include <catch2/catch.hpp>

using namespace emu;

namespace {

/// Features that come with no instruction of their own.
constexpr FeatureSet kWithoutInstruction = {Feature::kPcid, Feature::kOsxsave, Feature::kOspke,
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
