// The user's terminal: what a guest does to it (raw mode, no echo) is undone when the run ends, also when
// mmuscope itself dies.
#pragma once

namespace emu {

class TerminalGuard {
  public:
    /// Remembers the settings of the terminal on stdin, stdout or stderr, if there is one.
    TerminalGuard();
    ~TerminalGuard();
    TerminalGuard(const TerminalGuard&) = delete;
    TerminalGuard& operator=(const TerminalGuard&) = delete;
};

}  // namespace emu
