// Pairs of neighbours that one dispatch serves.
#pragma once

#include "emu/insn/handler_table.h"

namespace emu::insn {

/// The handlers that do the first, which touches no memory, and go straight on with the second behind it; of
/// the frequent neighbours only. Both Insns stay where they are.
const HandlerPairs& pairs();

}  // namespace emu::insn
