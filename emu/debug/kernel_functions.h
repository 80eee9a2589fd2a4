// The functions that a debugger can stop in without there being code: the kernel's and the MMU's, at
// addresses in the kernel's half. One table for who shows frames (stage_frames.h) and who writes their
// symbols (symbol_file.h).
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "mmu/base/ints.h"

namespace emu {

using mmu::u64, mmu::u8, mmu::usize;

inline constexpr u64 kKernelText = 0xffffffff81000000;
inline constexpr u64 kKernelStack = 0xffffc90000004000;  ///< its highest address
inline constexpr u64 kKernelStackBytes = 8192;
inline constexpr u64 kKernelFrameBytes = 128;        ///< of each active function
inline constexpr u64 kVmemmap = 0xffffea0000000000;  ///< VMEMMAP_START: struct page of frame 0

/// Each function has the same sixteen bytes: where it begins, where its body does, where its callees return
/// to.
inline constexpr u64 kFunctionBytes = 16, kBody = 4, kReturnSite = 8;

struct KernelFunction {
    std::string_view name;
    std::array<std::string_view, 4> arguments;  ///< all are unsigned long, but `vma`, a pointer
    std::string_view file;                      ///< Linux's, or "mmu.c" for hardware
    std::string_view does;                      ///< for the source that is shown
    bool trap = false;                          ///< entered from the guest: its caller is the guest's code
    enum class Returns : u8 { kNumber, kPage, kArea } returns = Returns::kNumber;
};

std::span<const KernelFunction> kernel_functions();
/// The number of the function with this name, or with this one in Linux 2.6.32; the table's size: there is
/// none.
usize kernel_function(std::string_view name);

constexpr u64 address_of(usize function) {
    return kKernelText + function * kFunctionBytes;
}

}  // namespace emu
