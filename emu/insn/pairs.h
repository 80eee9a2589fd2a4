// Pairs of neighbours that one dispatch serves.
#pragma once

#include "emu/cpu/insn.h"

namespace emu::insn {

/// The handler that does `first`, which touches no memory, and goes straight on with `second` behind it; null
/// where the two are not among the frequent ones. Both Insns stay where they are.
Handler pair(Handler first, Handler second);

}  // namespace emu::insn
