// MMX. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {

Rows mmx() { return {}; }

}  // namespace emu::insn
