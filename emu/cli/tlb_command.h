// `mmuscope tlb list` and `mmuscope tlb show`.
#pragma once

#include <string>

#include "mmu/base/expected.h"

namespace emu {

/// The presets, one a line: name, sizes of the levels, which CPU it is.
std::string tlb_list_text();

/// A preset or a file as a TOML file with comments; an error as of load_tlb().
mmu::Expected<std::string, mmu::Error> tlb_show_text(const std::string& preset_or_file);

/// The commands themselves: the text on stdout, an error on stderr; the exit status.
int list_tlbs();
int show_tlb(const std::string& preset_or_file);

}  // namespace emu
