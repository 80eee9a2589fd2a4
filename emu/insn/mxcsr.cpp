#include "emu/insn/mxcsr.h"

namespace emu::insn {
namespace {

// Volatile, and with "memory", so that no operation moves across.
u32 host_mxcsr() {
    u32 value;
    asm volatile("stmxcsr %0" : "=m"(value) : : "memory");
    return value;
}
void set_host_mxcsr(u32 value) {
    asm volatile("ldmxcsr %0" : : "m"(value) : "memory");
}

}  // namespace

u32 merged_mxcsr(Cpu& c) {
    c.regs.mxcsr |= host_mxcsr() & Mxcsr::kFlags;
    return c.regs.mxcsr;
}

void load_mxcsr(Cpu& c, u32 value) {
    c.regs.mxcsr = value;
    set_host_mxcsr(value | Mxcsr::kMasks);
}

void begin_trapping(Cpu& c) {
    u32 value = (merged_mxcsr(c) & ~Mxcsr::kFlags) | Mxcsr::kMasks;
    // Results are flushed to zero only while underflow is masked (SDM Vol. 1 10.2.3.3).
    if (!(c.regs.mxcsr & Mxcsr::kUnderflow << Mxcsr::kMaskShift)) value &= ~Mxcsr::kFlushToZero;
    set_host_mxcsr(value);
}

bool end_trapping(Cpu& c, bool tiny) {
    const u32 unmasked = ~c.regs.mxcsr >> Mxcsr::kMaskShift & Mxcsr::kFlags;
    u32 flags = host_mxcsr() & Mxcsr::kFlags;
    if (tiny) flags |= unmasked & Mxcsr::kUnderflow;
    if (flags & unmasked & Mxcsr::kBeforeComputation) flags &= Mxcsr::kBeforeComputation;
    load_mxcsr(c, c.regs.mxcsr | flags);
    return flags & unmasked;
}

}  // namespace emu::insn
