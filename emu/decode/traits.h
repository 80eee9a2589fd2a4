// What the block builder wants to know of a handler, asked for once a shape: the tables that know it are
// spread over the host's memory.
#pragma once

#include "emu/insn/flag_table.h"

namespace emu {

struct Traits {
    Handler quiet = nullptr;  ///< the twin that leaves the flags alone; null: none
    FlagTable::Effect effect = FlagTable::Effect::kSees;
    u8 fused_row = 0, fused_column = 0;  ///< in insn::fused()
    u8 pair_row = 0, pair_column = 0;    ///< in insn::pairs()
    u8 quiet_row = 0, quiet_column = 0;  ///< of the twin

    static Traits of(Handler handler);
};

}  // namespace emu
