// integer operations on XMM registers. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {

Rows sse_integer() { return {}; }

}  // namespace emu::insn
