// What CPUID says: the identity, caches and TLBs of the modelled CPU, and of features exactly those that are
// implemented. SDM Vol. 2A CPUID; AMD APM Vol. 3 appendix E.
#pragma once

#include <string>
#include <vector>

#include "mmu/tlb_config.h"
#include "mmu/tlb_cpuid.h"

namespace emu {

using mmu::u32, mmu::u8, mmu::usize;

struct CpuidResult {
    u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
    friend bool operator==(const CpuidResult&, const CpuidResult&) = default;
};

/// Features that an instruction's existence hangs on.
enum class Feature : u8 {
    kSse3,
    kSsse3,
    kSse41,
    kSse42,
    kPopcnt,
    kCmpxchg16b,
    kMovbe,
    kLzcnt,
    kBmi1,
    kBmi2,
    kRdtscp,
    kFsgsbase,
    kInvpcid,
    kXsave,
    kAvx,
    kAvx2,
    kCount,
};

class CpuModel {
  public:
    /// The x86-64-v1 instruction set (and SSE3) in the clothes of the CPU that `tlb` describes.
    explicit CpuModel(const mmu::TlbConfig& tlb);

    /// Leaves beyond the largest one give zeros (AMD), or the largest basic one (Intel).
    CpuidResult cpuid(u32 leaf, u32 subleaf) const;
    bool has(Feature feature) const { return features_ >> static_cast<u8>(feature) & 1; }

    const std::string& vendor() const { return tlb_.cpu.vendor; }
    bool is_amd() const { return vendor() == "AuthenticAMD" || vendor() == "HygonGenuine"; }
    /// AT_HWCAP: CPUID.1:EDX. Linux: arch/x86/include/asm/elf.h ELF_HWCAP.
    u32 hwcap() const { return cpuid(1, 0).edx; }

  private:
    CpuidResult basic(u32 leaf, u32 subleaf) const;
    CpuidResult extended(u32 leaf, u32 subleaf) const;
    /// What mmu/tlb_cpuid.h says of TLBs, caches and address widths.
    CpuidResult memory_leaf(u32 leaf, u32 subleaf) const;

    mmu::TlbConfig tlb_;
    std::vector<mmu::CpuidLeaf> memory_leaves_;
    u32 features_ = 0;
};

}  // namespace emu
