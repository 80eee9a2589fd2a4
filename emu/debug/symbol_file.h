// Symbols of the functions that have no code (kernel_functions.h): an ELF file with DWARF 4 debug
// information, and the text that stands for their source. GDB takes it as any program's. Source: DWARF 4,
// chapters 6 and 7.
#pragma once

#include <string>

#include "emu/debug/kernel_functions.h"
#include "emu/report/kernel_names.h"

namespace emu {

/// The ELF file; `folder` is where its source is found. Its symbols have both kernels' names, so a breakpoint
/// can be set by either; `names` are those that are shown.
std::string kernel_symbol_file(const std::string& folder, KernelNames names = KernelNames::kCurrent);
/// The source: three lines a function and a heading.
std::string kernel_source(KernelNames names = KernelNames::kCurrent);
/// Bytes of the functions: what a debugger reads at kKernelText.
std::string kernel_text();

inline constexpr const char* kKernelSourceName = "vmkernel.c";

}  // namespace emu
