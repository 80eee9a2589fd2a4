// Rows of CPUs; see cpu_models.h. Levels: the x86-64 psABI, section 3.1.1. CPUs: Intel SDM and CPUID dumps
// (InstLatx64), without AVX-512 and what else is not modelled at all.
#include "emu/cpu/cpu_models.h"

#include <algorithm>
#include <cstdio>

#include "mmu/presets.h"

namespace emu {
namespace {

using enum Feature;
using mmu::Error, mmu::Expected, mmu::Unexpected;

/// Of the MMU; user code cannot tell.
constexpr FeatureSet kPaging = {kPcid, kInvpcid};
constexpr FeatureSet kV1 = kPaging | FeatureSet{kPrefetchw};
constexpr FeatureSet kV2 = kV1 | FeatureSet{kSse3, kSsse3, kSse41, kSse42, kPopcnt, kCmpxchg16b};
constexpr FeatureSet kV3 =
    kV2 | FeatureSet{kAvx, kAvx2, kBmi1, kBmi2, kF16c, kFma, kLzcnt, kMovbe, kXsave, kOsxsave};

constexpr FeatureSet kSkylake = kV3 | FeatureSet{kPclmulqdq,  kAes,  kRdrand, kRdseed, kFsgsbase, kErms, kAdx,
                                                 kClflushopt, kClwb, kPku,    kOspke,  kRdtscp};
constexpr FeatureSet kIceLake = kSkylake | FeatureSet{kSha, kRdpid, kFsrm, kVaes, kVpclmulqdq};
constexpr FeatureSet kZen2 = (kV3 | FeatureSet{kPclmulqdq, kAes, kRdrand, kRdseed, kFsgsbase, kAdx,
                                               kClflushopt, kClwb, kSha, kRdpid, kRdtscp})
                                 .without(kPaging);
constexpr FeatureSet kZen3 = kZen2 | kPaging | FeatureSet{kErms, kFsrm, kPku, kOspke, kVaes, kVpclmulqdq};

/// A feature that another one is useless or undefined without.
struct Dependency {
    Feature feature, needed;
};
constexpr Dependency kDependencies[] = {
    {kSsse3, kSse3},
    {kSse41, kSsse3},
    {kSse42, kSse41},
    {kAvx, kXsave},
    {kAvx, kSse42},
    {kAvx2, kAvx},
    {kFma, kAvx},
    {kF16c, kAvx},
    {kVaes, kAvx},
    {kVaes, kAes},
    {kPku, kXsave},
    {kVpclmulqdq, kAvx},
    {kVpclmulqdq, kPclmulqdq},
};

/// What follows from the others, and what does not go without them.
FeatureSet consistent(FeatureSet set) {
    set = set.without({kOsxsave, kOspke});
    for (const Dependency& each : kDependencies)  // in an order in which one pass is enough
        if (!set.has(each.needed)) set = set.without({each.feature});
    if (set.has(kXsave)) set.add(kOsxsave);
    if (set.has(kPku)) set.add(kOspke);
    return set;
}

Error unknown(const std::string& name) {
    std::string text = "--cpu: '" + name + "' is none of";
    for (const CpuDescription& cpu : cpu_models()) text += " " + cpu.name;
    return Error{text};
}

/// "+aes" or "-popcnt"; what is wrong with it otherwise.
std::string change(FeatureSet& set, const std::string& text) {
    const auto feature = find_feature(std::string_view(text).substr(std::min<std::size_t>(1, text.size())));
    if (text.empty() || (text[0] != '+' && text[0] != '-') || !feature)
        return "--cpu: '" + text + "' is no +FEATURE or -FEATURE (mmuscope cpu show max lists them)";
    if (text[0] == '-') {
        set = set.without({*feature});
        return {};
    }
    if (!implemented_features().has(*feature)) return "--cpu: " + text.substr(1) + " is not implemented";
    set.add(*feature);
    return {};
}

}  // namespace

std::vector<CpuDescription> cpu_models() {
    return {
        {"x86-64-v1", "the x86-64 baseline: SSE2", kV1, "", true},
        {"x86-64-v2", "x86-64 psABI level 2: to SSE4.2 and POPCNT", kV2, "", true},
        {"x86-64-v3", "x86-64 psABI level 3: AVX2, BMI2, FMA", kV3, "", true},
        {"skylake", "Intel Skylake-SP", kSkylake, "skylake-sp"},
        {"icelake", "Intel Ice Lake server", kIceLake, "ice-lake"},
        {"sapphire-rapids", "Intel Sapphire Rapids (Golden Cove)", kIceLake, "golden-cove"},
        {"zen2", "AMD Zen 2", kZen2, "zen2"},
        {"zen3", "AMD Zen 3", kZen3, "zen3"},
        {"zen4", "AMD Zen 4", kZen3, "zen4"},
        {"zen5", "AMD Zen 5", kZen3, "zen5"},
        {"max", "all that is implemented", FeatureSet::all(), ""},
    };
}

std::string default_cpu() {
    const FeatureSet here = implemented_features();
    return here.contains(kV3) ? "x86-64-v3" : here.contains(kV2) ? "x86-64-v2" : "x86-64-v1";
}

Expected<CpuDescription, Error> find_cpu(const std::string& text) {
    const std::string name = text.substr(0, text.find(','));
    const std::vector<CpuDescription> models = cpu_models();
    const auto found = std::find_if(models.begin(), models.end(),
                                    [&](const CpuDescription& cpu) { return cpu.name == name; });
    if (found == models.end()) return Unexpected{unknown(name)};
    CpuDescription cpu = *found;
    const FeatureSet missing = cpu.features.without(implemented_features());
    if (cpu.exact && missing != FeatureSet{})
        return Unexpected{Error{"--cpu: " + name + " needs what is not implemented: " + names_of(missing)}};
    cpu.features = cpu.features & implemented_features();
    for (std::size_t at = text.find(','); at != std::string::npos;) {
        const std::size_t end = text.find(',', at + 1);
        const std::string problem = change(cpu.features, text.substr(at + 1, end - at - 1));
        if (!problem.empty()) return Unexpected{Error{problem}};
        at = end;
    }
    cpu.features = consistent(cpu.features);
    return cpu;
}

mmu::TlbConfig with_identity(mmu::TlbConfig tlb, const mmu::CpuIdentity& cpu) {
    mmu::CpuIdentity identity = cpu;
    identity.caches = tlb.cpu.caches;
    identity.leaf2_descriptors = tlb.cpu.leaf2_descriptors;
    identity.leaf18 = tlb.cpu.leaf18;
    if (identity.leaf2_descriptors.empty() && identity.vendor == "GenuineIntel") {
        // The TLBs are another maker's: no descriptor byte tells of them, leaves 4 and 18h do.
        identity.leaf2_descriptors = {0xfe, 0xff};
        identity.leaf18 = true;
    }
    tlb.cpu = identity;
    return tlb;
}

std::string cpu_list_text() {
    std::string text = "name             TLBs         CPU\n";
    for (const CpuDescription& cpu : cpu_models()) {
        const FeatureSet missing = cpu.features.without(implemented_features());
        const char* note = cpu.name == default_cpu()              ? " (default)"
                           : cpu.exact && missing != FeatureSet{} ? " (not implemented whole)"
                                                                  : "";
        char line[160];
        std::snprintf(line, sizeof line, "%-16s %-12s %s%s\n", cpu.name.c_str(),
                      cpu.preset.empty() ? "any" : cpu.preset.c_str(), cpu.description.c_str(), note);
        text += line;
    }
    return text + "`mmuscope cpu show NAME` lists its features. --tlb puts other TLBs into any of them.\n";
}

Expected<std::string, Error> cpu_show_text(const std::string& name) {
    const std::vector<CpuDescription> models = cpu_models();
    const auto found = std::find_if(models.begin(), models.end(),
                                    [&](const CpuDescription& each) { return each.name == name; });
    CpuDescription cpu;
    if (found != models.end()) {
        cpu = *found;
        if (cpu.name == "max") cpu.features = implemented_features();
    } else {
        const auto changed = find_cpu(name);
        if (!changed) return Unexpected{changed.error()};
        cpu = *changed;
    }
    const FeatureSet offered = consistent(cpu.features & implemented_features());
    std::string text = name + ": " + cpu.description + "\n";
    if (const auto preset = mmu::find_preset(cpu.preset))
        text += "identity  " + preset->cpu.vendor + ", " + preset->cpu.brand + ", family " +
                std::to_string(preset->cpu.family) + ", model " + std::to_string(preset->cpu.model) +
                ", stepping " + std::to_string(preset->cpu.stepping) + "\nTLBs      " + cpu.preset +
                " (unless --tlb says otherwise)\n";
    else
        text += "identity  that of the CPU whose TLBs are chosen with --tlb\n";
    text += "features  " + names_of(offered) + "\n";
    if (const FeatureSet missing = cpu.features.without(offered); missing != FeatureSet{})
        text += "missing   " + names_of(missing) +
                " (the hardware has it, this emulator has not: CPUID does not offer it)\n";
    return text;
}

}  // namespace emu
