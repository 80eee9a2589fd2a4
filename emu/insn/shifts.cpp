// SHL SHR SAR ROL ROR RCL RCR SHLD SHRD. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {

Rows shifts() { return {}; }

}  // namespace emu::insn
