// Pairs of instructions that one handler executes: a comparison and the conditional branch behind it.
#pragma once

#include "emu/insn/handler_table.h"

namespace emu::insn {

/// The handlers that do the first and then the branch, the last Insn of the block, which stays where it is.
const HandlerPairs& fused();

}  // namespace emu::insn
