// How gdb is served.
#pragma once

namespace emu {

struct GdbOptions {
    bool history = true;       ///< keep the past, to go back to it
    bool stop_at_end = false;  ///< stop before the guest's exit, from where there is a way back
};

}  // namespace emu
