// What CPUID says of TLBs, caches and addresses on the CPU that a TlbConfig describes: the words that a
// guest's lscpu, cpuid or C library (which sizes its memcpy by the caches) read. Which instructions exist is
// the CPU's to say, not this file's. SDM Vol. 2A CPUID, leaves 2, 4, 18h; AMD APM Vol. 3 E.4, leaves
// 8000_0005/6/8/19h/1Dh/21h.
#pragma once

#include <vector>

#include "mmu/tlb_config.h"

namespace mmu {

struct CpuidLeaf {
    u32 leaf = 0, subleaf = 0;
    u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
    /// Bits of the registers that this file answers for; the others (of 8000_0008 and 8000_0021) are the
    /// CPU's.
    u32 eax_mask = ~0u, ebx_mask = ~0u, ecx_mask = ~0u, edx_mask = ~0u;

    friend bool operator==(const CpuidLeaf&, const CpuidLeaf&) = default;
};

/// All leaves and subleaves with something to say, in ascending order; any other subleaf of these leaves is
/// zero. Intel: 2, 4, 18h (where the CPU has it), 8000_0006, 8000_0008. AMD: 8000_0005, 6, 8, 19h, 1Dh, 21h.
std::vector<CpuidLeaf> cpuid_tlb_leaves(const TlbConfig& config);

/// Leaf 1 EAX: family, model and stepping with their extensions.
u32 cpuid_signature(const CpuIdentity& cpu);

}  // namespace mmu
