// The floating-point and vector state in a signal frame: what fills it and what takes it back. Linux:
// arch/x86/kernel/fpu/signal.c.
#pragma once

#include <span>
#include <vector>

#include "kernel/memory.h"
#include "mmu/arch/registers.h"

namespace kernel {

struct KernelState;
struct MmStruct;

/// The area of XSAVE in the standard format with what Linux adds for its readers, or without XSAVE (`xcr0` is
/// 0) the FXSAVE image. copy_fpstate_to_sigframe().
std::vector<u8> fpstate_image(const mmu::Registers& registers, u64 xcr0, u32 pkru);
/// Bytes of it, and those of them that XSAVE would write.
size_t fpstate_size(u64 xcr0);
size_t xstate_size(u64 xcr0);

/// What a frame gives back.
struct FpuState {
    mmu::Registers registers{};  ///< of them vector, x87 and mxcsr
    u32 pkru = 0;
};

/// XRSTOR64 of the components `features` of an area; the others of `xcr0` are initialised. False where XRSTOR
/// would raise #GP; nothing has changed then.
bool load_xsave_image(std::span<const u8> area, u64 features, u64 xcr0, FpuState& state);

/// fpu__restore_sig(): false when the frame cannot be read or holds what the CPU refuses.
bool restore_fpstate(KernelState& kernel, MmStruct& mm, u64 fpstate, FpuState& state);

/// AT_MINSIGSTKSZ: the largest frame. arch/x86/kernel/signal.c init_sigframe_size().
u64 sigframe_size(u64 xcr0);

}  // namespace kernel
