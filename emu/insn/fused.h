// Pairs of instructions that one handler executes: a comparison and the conditional branch behind it.
#pragma once

#include "emu/cpu/insn.h"

namespace emu::insn {

/// The handler that does `first` and then `branch`, the last Insn of the block, which stays where it is; null where
/// the two are no such pair.
Handler fuse(Handler first, Handler branch);

}  // namespace emu::insn
