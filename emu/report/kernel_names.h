// The names of the kernel's functions in two versions of Linux: ours, 6.12's, and what the same functions
// were called in 2.6.32. One table for stories, tables, debuggers and the symbols that they load.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "mmu/base/ints.h"

namespace emu {

/// Whose names are shown.
enum class KernelNames : mmu::u8 { kCurrent, k2632 };

/// "6.12" or "2.6.32"; nothing: no such version is known.
std::optional<KernelNames> kernel_names_of(std::string_view version);
/// `name` (of a function of ours) as that kernel has it; itself where it is the same, or was not there.
std::string_view name_in(KernelNames names, std::string_view name);
/// The function of ours that was called `name` in 2.6.32; empty: none was.
std::string_view current_name(std::string_view name);
/// Both names where they differ.
std::span<const std::pair<std::string_view, std::string_view>> renamed_functions();

}  // namespace emu
