// `monitor vm ...`: what the MMU and the kernel hold, in words. Every debugger front has these.
#pragma once

#include <string>

namespace emu {

class Debugger;

/// What a command prints; unknown ones say what there is.
std::string run_monitor(Debugger& debugger, const std::string& command);

}  // namespace emu
