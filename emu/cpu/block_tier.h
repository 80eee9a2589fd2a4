// What a faster tier of execution hears of decoded blocks: the interpreter's block cache tells it, and
// nothing else needs to know that there is one.
#pragma once

#include "emu/cpu/insn.h"

namespace emu {

struct Cpu;

class BlockTier {
  public:
    virtual ~BlockTier() = default;
    /// A new block, about to be run. The tier may replace handlers, each by one that comes to the same.
    virtual void inserted(Block& block) = 0;
    /// The block's operations all are stale now; its memory stays.
    virtual void killed(Block& block) = 0;
    /// Every block is about to go, memory and all.
    virtual void clearing() = 0;
    /// A block's heat is used up. Called from within a handler.
    virtual void hot(Cpu& cpu, Block& block) = 0;
};

}  // namespace emu
