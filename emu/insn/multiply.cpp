// MUL IMUL DIV IDIV. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {

Rows multiply() { return {}; }

}  // namespace emu::insn
