// What handlers do to the arithmetic flags, and their twins that leave them alone. An instruction whose flags
// are overwritten before anything can see them (a branch, a fault, the end of the block) is run by its quiet
// twin. Handlers that are not in the table are taken to read the flags and to fault.
#pragma once

#include "emu/insn/handler_table.h"

namespace emu {

class FlagTable {
  public:
    enum class Effect : u8 {
        kSees,        ///< reads flags, or may leave the block: they must be right before it
        kOverwrites,  ///< sets all six without reading one, and cannot fault
        kNeutral,     ///< neither reads nor must set them, and cannot fault
    };
    struct Entry {
        Effect effect = Effect::kSees;
        Handler quiet = nullptr;  ///< the twin that leaves the flags alone; null: none
    };

    void add(Handler handler, Effect effect, Handler quiet = nullptr) {
        entries_.set(handler, {effect, quiet});
    }
    Entry find(Handler handler) const {
        const Entry* const entry = entries_.find(handler);
        return entry ? *entry : Entry{};
    }

  private:
    HandlerTable<Entry> entries_;
};

/// Of all chapters that have hot handlers.
const FlagTable& flag_table();

}  // namespace emu
