// CPUs by name: which instructions each has, and the preset (mmu/presets.h) that it takes its identity,
// caches and TLBs from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "emu/cpu/feature.h"
#include "mmu/base/expected.h"
#include "mmu/tlb_config.h"

namespace emu {

struct CpuDescription {
    std::string name;
    std::string description;  ///< one line
    FeatureSet features;      ///< of the hardware; CPUID offers those of them that are implemented
    std::string preset;       ///< "": dressed as the CPU whose TLBs are chosen
    bool exact = false;       ///< refused as long as one of its features is not implemented
};

/// All of them, in the order in which they are listed.
std::vector<CpuDescription> cpu_models();

/// The highest level of the x86-64 psABI that is implemented whole.
std::string default_cpu();

/// "x86-64-v2", "zen4", and with features added or taken away "x86-64-v2,+aes,-popcnt". An error is a
/// sentence for the user.
mmu::Expected<CpuDescription, mmu::Error> find_cpu(const std::string& text);

/// The TLBs and caches of `tlb` in a CPU with the identity of `cpu`.
mmu::TlbConfig with_identity(mmu::TlbConfig tlb, const mmu::CpuIdentity& cpu);

/// `mmuscope cpu list` and `mmuscope cpu show NAME`.
std::string cpu_list_text();
mmu::Expected<std::string, mmu::Error> cpu_show_text(const std::string& name);

}  // namespace emu
