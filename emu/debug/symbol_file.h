// Symbols of the functions that have no code (kernel_functions.h): an ELF file with DWARF 4 debug
// information, and the text that stands for their source. GDB takes it as any program's. Source: DWARF 4,
// chapters 6 and 7.
#pragma once

#include <string>

namespace emu {

/// The ELF file; `folder` is where its source is found.
std::string kernel_symbol_file(const std::string& folder);
/// The source: three lines a function and a heading.
std::string kernel_source();
/// Bytes of the functions: what a debugger reads at kKernelText.
std::string kernel_text();

inline constexpr const char* kKernelSourceName = "vmkernel.c";

}  // namespace emu
