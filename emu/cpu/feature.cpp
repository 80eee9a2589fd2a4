#include "emu/cpu/feature.h"

#include <cpuid.h>

#include <array>

namespace emu {
namespace {

constexpr u32 k1 = 1, k7 = 7, kExtended = 0x80000001;
constexpr auto kEbx = CpuidWord::kEbx, kEcx = CpuidWord::kEcx, kEdx = CpuidWord::kEdx;

constexpr FeatureRow kRows[] = {
    {Feature::kSse3, "sse3", k1, 0, kEcx, 0},
    {Feature::kPclmulqdq, "pclmulqdq", k1, 0, kEcx, 1},
    {Feature::kSsse3, "ssse3", k1, 0, kEcx, 9},
    {Feature::kFma, "fma", k1, 0, kEcx, 12},
    {Feature::kCmpxchg16b, "cx16", k1, 0, kEcx, 13},
    {Feature::kPcid, "pcid", k1, 0, kEcx, 17},
    {Feature::kSse41, "sse4_1", k1, 0, kEcx, 19},
    {Feature::kSse42, "sse4_2", k1, 0, kEcx, 20},
    {Feature::kMovbe, "movbe", k1, 0, kEcx, 22},
    {Feature::kPopcnt, "popcnt", k1, 0, kEcx, 23},
    {Feature::kAes, "aes", k1, 0, kEcx, 25},
    {Feature::kXsave, "xsave", k1, 0, kEcx, 26},
    {Feature::kOsxsave, "osxsave", k1, 0, kEcx, 27},
    {Feature::kAvx, "avx", k1, 0, kEcx, 28},
    {Feature::kF16c, "f16c", k1, 0, kEcx, 29},
    {Feature::kRdrand, "rdrand", k1, 0, kEcx, 30},
    {Feature::kFsgsbase, "fsgsbase", k7, 0, kEbx, 0},
    {Feature::kBmi1, "bmi1", k7, 0, kEbx, 3},
    {Feature::kAvx2, "avx2", k7, 0, kEbx, 5},
    {Feature::kBmi2, "bmi2", k7, 0, kEbx, 8},
    {Feature::kErms, "erms", k7, 0, kEbx, 9},
    {Feature::kInvpcid, "invpcid", k7, 0, kEbx, 10},
    {Feature::kRdseed, "rdseed", k7, 0, kEbx, 18},
    {Feature::kAdx, "adx", k7, 0, kEbx, 19},
    {Feature::kClflushopt, "clflushopt", k7, 0, kEbx, 23},
    {Feature::kClwb, "clwb", k7, 0, kEbx, 24},
    {Feature::kSha, "sha_ni", k7, 0, kEbx, 29},
    {Feature::kPku, "pku", k7, 0, kEcx, 3},
    {Feature::kOspke, "ospke", k7, 0, kEcx, 4},
    {Feature::kRdpid, "rdpid", k7, 0, kEcx, 22},
    {Feature::kFsrm, "fsrm", k7, 0, kEdx, 4},
    {Feature::kVaes, "vaes", k7, 0, kEcx, 9},
    {Feature::kVpclmulqdq, "vpclmulqdq", k7, 0, kEcx, 10},
    {Feature::kLzcnt, "lzcnt", kExtended, 0, kEcx, 5},
    {Feature::kPrefetchw, "3dnowprefetch", kExtended, 0, kEcx, 8},
    {Feature::kRdtscp, "rdtscp", kExtended, 0, kEdx, 27},
};

constexpr bool in_enum_order() {
    for (u8 n = 0; n < std::size(kRows); ++n)
        if (static_cast<u8>(kRows[n].feature) != n + 1) return false;
    return std::size(kRows) + 1 == static_cast<u8>(Feature::kCount);
}
static_assert(in_enum_order());

/// Of the state components of AVX, XCR0 has bits 1 and 2.
bool host_kernel_saves_avx() {
    u32 eax = 0, edx = 0;
    asm volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return (eax & 6) == 6;
}

}  // namespace

std::span<const FeatureRow> feature_rows() {
    return kRows;
}

const char* name_of(Feature feature) {
    return feature == Feature::kBase ? "x86-64" : kRows[static_cast<u8>(feature) - 1].name;
}

std::optional<Feature> find_feature(std::string_view name) {
    for (const FeatureRow& row : kRows)
        if (name == row.name) return row.feature;
    return std::nullopt;
}

std::string names_of(FeatureSet features) {
    std::string text;
    for (const FeatureRow& row : kRows)
        if (features.has(row.feature)) text += (text.empty() ? "" : " ") + std::string(row.name);
    return text;
}

FeatureSet implemented_features() {
    static const FeatureSet features = [] {
        FeatureSet set = {Feature::kSse3,   Feature::kCmpxchg16b, Feature::kPcid,      Feature::kInvpcid,
                          Feature::kSsse3,  Feature::kSse41,      Feature::kSse42,     Feature::kPopcnt,
                          Feature::kMovbe,  Feature::kLzcnt,      Feature::kBmi1,      Feature::kBmi2,
                          Feature::kAdx,    Feature::kAes,        Feature::kPclmulqdq, Feature::kSha,
                          Feature::kRdpid,  Feature::kRdtscp,     Feature::kFsgsbase,  Feature::kRdrand,
                          Feature::kRdseed, Feature::kErms,       Feature::kFsrm,      Feature::kClflushopt,
                          Feature::kClwb,   Feature::kPrefetchw};
        // These run as the host's own instructions only.
        for (const Feature feature : {Feature::kSsse3, Feature::kSse41, Feature::kSse42})
            if (!host_features().has(feature)) set = set.without({feature});
        // So do vector instructions with VEX encodings.
        constexpr FeatureSet kVectors = {Feature::kAvx, Feature::kAvx2, Feature::kFma, Feature::kF16c};
        if (host_features().contains(kVectors))
            set = set | kVectors |
                  FeatureSet{Feature::kXsave, Feature::kOsxsave, Feature::kPku, Feature::kOspke};
        for (const Feature feature : {Feature::kVaes, Feature::kVpclmulqdq})
            if (set.has(Feature::kAvx) && host_features().has(feature)) set.add(feature);
        return set;
    }();
    return features;
}

FeatureSet host_features() {
    static const FeatureSet features = [] {
        FeatureSet set;
        // Each leaf once: in a virtual machine CPUID takes a microsecond and more.
        u32 leaf = 0, subleaf = 0;
        std::array<u32, 4> words{};
        for (const FeatureRow& row : kRows) {
            if (row.leaf != leaf || row.subleaf != subleaf) {
                leaf = row.leaf;
                subleaf = row.subleaf;
                if (!__get_cpuid_count(leaf, subleaf, &words[0], &words[1], &words[2], &words[3])) words = {};
            }
            if (words[static_cast<u8>(row.word)] >> row.bit & 1) set.add(row.feature);
        }
        constexpr FeatureSet kNeedAvx = {Feature::kAvx,  Feature::kAvx2, Feature::kFma,
                                         Feature::kF16c, Feature::kVaes, Feature::kVpclmulqdq};
        if (!set.has(Feature::kOsxsave) || !host_kernel_saves_avx()) set = set.without(kNeedAvx);
        return set;
    }();
    return features;
}

}  // namespace emu
