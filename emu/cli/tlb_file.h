// A TLB configuration as a TOML file: reading one's own, writing any. The only place that knows TOML.
#pragma once

#include <string>
#include <string_view>

#include "mmu/base/expected.h"
#include "mmu/tlb_config.h"

namespace emu {

/// What --tlb names: a preset or else a TOML file. Errors are one line, "file:line: what was expected".
mmu::Expected<mmu::TlbConfig, mmu::Error> load_tlb(const std::string& preset_or_file);

/// `file` is the name that errors give. What the text leaves out is as in its `base` preset, where it names
/// one.
mmu::Expected<mmu::TlbConfig, mmu::Error> parse_tlb_toml(std::string_view text, const std::string& file);

/// A file that loads back equal, with a comment for each choice there is.
std::string to_toml(const mmu::TlbConfig& config);

}  // namespace emu
