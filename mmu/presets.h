// The TLBs of known CPUs, one data row each, with the source of every figure; and small ones made for
// lessons.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "mmu/tlb_config.h"

namespace mmu {

inline constexpr std::string_view kDefaultPreset = "skylake-sp";

/// All of them, in the order in which they are listed.
std::vector<TlbConfig> presets();
/// Nothing where no preset has this name.
std::optional<TlbConfig> find_preset(std::string_view name);

}  // namespace mmu
