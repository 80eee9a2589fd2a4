// The TUI: keys become commands, the session's state becomes panels. It knows neither ncurses nor what
// commands do.
#pragma once

#include <functional>

namespace emu {

class RemotePort;

/// Until `q`, the session's end or `stopped`. False: there is no terminal that could show it.
bool run_tui(RemotePort& port, int in, const std::function<bool()>& stopped);

}  // namespace emu
