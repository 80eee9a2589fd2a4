// CLC STC CMC CLD STD LAHF SAHF PUSHF POPF. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {

Rows flags() { return {}; }

}  // namespace emu::insn
