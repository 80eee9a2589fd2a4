// What CPUID says: the identity, caches and TLBs of the modelled CPU, and of features exactly those that are
// implemented. SDM Vol. 2A CPUID; AMD APM Vol. 3 appendix E.
#pragma once

#include <string>
#include <vector>

#include "emu/cpu/feature.h"
#include "mmu/tlb_config.h"
#include "mmu/tlb_cpuid.h"

namespace emu {

using mmu::usize;

struct CpuidResult {
    u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
    friend bool operator==(const CpuidResult&, const CpuidResult&) = default;
};

/// State components (SDM Vol. 1 13.1), as bits of XCR0.
struct Xcr0 {
    static constexpr u64 kX87 = 1u << 0, kSse = 1u << 1, kAvx = 1u << 2, kPkru = 1u << 9;
};
/// Offsets and sizes in the standard format of XSAVE, bytes: those that Intel's CPUs report.
struct XsaveLayout {
    static constexpr u32 kAvx = 576, kAvxSize = 256, kPkru = 2688, kPkruSize = 8;
};

class CpuModel {
  public:
    /// The instruction set `features` in the clothes of the CPU that `tlb` describes.
    CpuModel(const mmu::TlbConfig& tlb, FeatureSet features);

    /// Leaves beyond the largest one give zeros (AMD), or the largest basic one (Intel).
    CpuidResult cpuid(u32 leaf, u32 subleaf) const;
    bool has(Feature feature) const { return features_.has(feature); }
    FeatureSet features() const { return features_; }

    /// Of the time-stamp counter, which goes on while the CPU is halted: nanoseconds that the guest has slept.
    u64 tsc_offset = 0;

    const std::string& vendor() const { return tlb_.cpu.vendor; }
    bool is_amd() const { return vendor() == "AuthenticAMD" || vendor() == "HygonGenuine"; }
    /// AT_HWCAP: CPUID.1:EDX. Linux: arch/x86/include/asm/elf.h ELF_HWCAP.
    u32 hwcap() const { return cpuid(1, 0).edx; }
    /// AT_HWCAP2. Linux: arch/x86/include/uapi/asm/hwcap2.h.
    u32 hwcap2() const;
    /// XCR0: the state components that the kernel has enabled; 0 without XSAVE.
    u64 xcr0() const;

  private:
    CpuidResult basic(u32 leaf, u32 subleaf) const;
    CpuidResult extended(u32 leaf, u32 subleaf) const;
    /// The bits of the features whose rows name this register.
    u32 feature_bits(u32 leaf, CpuidWord word) const;
    CpuidResult xsave_leaf(u32 subleaf) const;
    /// What mmu/tlb_cpuid.h says of TLBs, caches and address widths.
    CpuidResult memory_leaf(u32 leaf, u32 subleaf) const;

    mmu::TlbConfig tlb_;
    std::vector<mmu::CpuidLeaf> memory_leaves_;
    FeatureSet features_;
};

}  // namespace emu
