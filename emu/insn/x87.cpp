// x87. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {

Rows x87() { return {}; }

}  // namespace emu::insn
