// floating-point arithmetic, compares, logic and shuffles of SSE to SSE3. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {

Rows sse_float() { return {}; }

}  // namespace emu::insn
