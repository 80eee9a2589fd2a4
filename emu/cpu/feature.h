// The instruction-set features of a CPU as a value: which instructions exist, and the bit of CPUID that says
// so. SDM Vol. 2A CPUID table 3-8; AMD APM Vol. 3 appendix E. Which CPU has which is cpu_models.h's.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mmu/base/ints.h"

namespace emu {

using mmu::u32, mmu::u64, mmu::u8;

/// What x86-64-v1 has is kBase and has no bit here.
enum class Feature : u8 {
    kBase,
    kSse3,
    kPclmulqdq,
    kSsse3,
    kFma,
    kCmpxchg16b,
    kPcid,
    kSse41,
    kSse42,
    kMovbe,
    kPopcnt,
    kAes,
    kXsave,
    kOsxsave,  ///< the kernel has set CR4.OSXSAVE: with kXsave, always
    kAvx,
    kF16c,
    kRdrand,
    kFsgsbase,
    kBmi1,
    kAvx2,
    kBmi2,
    kErms,
    kInvpcid,
    kRdseed,
    kAdx,
    kClflushopt,
    kClwb,
    kSha,
    kPku,
    kOspke,  ///< the kernel has set CR4.PKE: with kPku, always
    kRdpid,
    kFsrm,
    kVaes,
    kVpclmulqdq,
    kLzcnt,
    kPrefetchw,
    kRdtscp,
    kCount,
};

class FeatureSet {
  public:
    constexpr FeatureSet(std::initializer_list<Feature> features = {}) {
        for (const Feature feature : features) add(feature);
    }
    static constexpr FeatureSet all() {
        FeatureSet set;
        set.bits_ = (u64{1} << static_cast<u8>(Feature::kCount)) - 1;
        return set;
    }

    constexpr bool has(Feature feature) const { return bits_ >> static_cast<u8>(feature) & 1; }
    constexpr bool contains(FeatureSet other) const { return (other.bits_ & ~bits_) == 0; }
    constexpr void add(Feature feature) { bits_ |= u64{1} << static_cast<u8>(feature); }
    /// kBase stays.
    constexpr FeatureSet without(FeatureSet other) const { return FeatureSet((bits_ & ~other.bits_) | 1); }
    friend constexpr FeatureSet operator|(FeatureSet a, FeatureSet b) {
        return FeatureSet(a.bits_ | b.bits_);
    }
    friend constexpr FeatureSet operator&(FeatureSet a, FeatureSet b) {
        return FeatureSet(a.bits_ & b.bits_);
    }
    friend constexpr bool operator==(FeatureSet, FeatureSet) = default;

  private:
    constexpr explicit FeatureSet(u64 bits) : bits_(bits) {}
    u64 bits_ = 1;
};

enum class CpuidWord : u8 { kEax, kEbx, kEcx, kEdx };

/// A feature's name as Linux's /proc/cpuinfo has it, and its bit.
struct FeatureRow {
    Feature feature;
    const char* name;
    u32 leaf, subleaf;
    CpuidWord word;
    u8 bit;
};

/// All but kBase, in the order of the enum.
std::span<const FeatureRow> feature_rows();
const char* name_of(Feature feature);
std::optional<Feature> find_feature(std::string_view name);
/// "avx avx2 bmi1", in the order of the enum; kBase is left out.
std::string names_of(FeatureSet features);

/// What this emulator executes on this host. CPUID offers nothing else, whatever CPU is asked for.
FeatureSet implemented_features();

/// What the host's CPU and kernel offer: which handlers may be the host's own instructions.
FeatureSet host_features();

}  // namespace emu
