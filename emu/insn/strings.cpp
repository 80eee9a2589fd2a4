// MOVS CMPS STOS LODS SCAS with REP, REPE, REPNE. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {

Rows strings() { return {}; }

}  // namespace emu::insn
