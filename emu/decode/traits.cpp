#include "emu/decode/traits.h"

#include "emu/insn/fused.h"
#include "emu/insn/pairs.h"

namespace emu {

Traits Traits::of(Handler handler) {
    const FlagTable::Entry flags = flag_table().find(handler);
    const HandlerPairs& fused = insn::fused();
    const HandlerPairs& pairs = insn::pairs();
    return {.quiet = flags.quiet,
            .effect = flags.effect,
            .fused_row = fused.row(handler),
            .fused_column = fused.column(handler),
            .pair_row = pairs.row(handler),
            .pair_column = pairs.column(handler),
            .quiet_row = flags.quiet ? pairs.row(flags.quiet) : u8{0},
            .quiet_column = flags.quiet ? pairs.column(flags.quiet) : u8{0}};
}

}  // namespace emu
