// How gdb is served.
#pragma once

#include <string>
#include <vector>

namespace emu {

struct GdbOptions {
    bool history = true;               ///< keep the past, to go back to it
    bool stop_at_end = false;          ///< stop before the guest's exit, from where there is a way back
    std::vector<std::string> guest{};  ///< its path and arguments
};

}  // namespace emu
