// SYSCALL CPUID RDTSC fences, prefetches, NOPs, privileged instructions. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {

Rows system() { return {}; }

}  // namespace emu::insn
