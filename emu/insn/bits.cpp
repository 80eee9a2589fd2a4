// BT BTS BTR BTC BSF BSR. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {

Rows bits() { return {}; }

}  // namespace emu::insn
