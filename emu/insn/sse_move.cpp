// moves of SSE to SSE3. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {

Rows sse_move() { return {}; }

}  // namespace emu::insn
