// XSAVE's standard format, components x87, SSE and AVX (SDM Vol. 1 13.4), to and from Registers. The CPU,
// signal frames and ptrace all speak it.
#pragma once

#include <cstddef>

#include "mmu/arch/registers.h"

namespace tests {

using mmu::u16, mmu::u32, mmu::u64, mmu::u8;

struct alignas(64) XsaveArea {
    u16 control, status;
    u8 tag, reserved;
    u16 opcode;
    u64 instruction, operand;
    u32 mxcsr, mxcsr_mask;
    u8 x87[8][16];
    u8 xmm[16][16];
    u8 unused[96];
    u64 components, compacted, header[6];
    u8 ymm_high[16][16];
};
static_assert(offsetof(XsaveArea, components) == 512 && offsetof(XsaveArea, ymm_high) == 576);

struct XsaveComponent {
    static constexpr u64 kX87 = 1, kSse = 2, kAvx = 4, kAll = 7;
};

/// Fills all three components; MXCSR_MASK and the header of others stay.
void store_fpu(const mmu::Registers& from, XsaveArea& area);

/// `components`: those that `area` holds; the others are in their initial state.
void load_fpu(const XsaveArea& area, u64 components, mmu::Registers& to);

}  // namespace tests
