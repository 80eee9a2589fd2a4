// The operations that no instruction has: what the block builder puts between, before and behind
// instructions.
#pragma once

#include "emu/decode/block_builder.h"

namespace emu {

BuilderHandlers builder_handlers();

}  // namespace emu
