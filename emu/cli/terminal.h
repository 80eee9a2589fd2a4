// The user's terminal: what a guest does to it (raw mode, no echo) is undone when the run ends, also when
// mmuscope itself dies.
#pragma once

#include <string>

namespace emu {

class TerminalGuard {
  public:
    /// Remembers the settings of the terminal on stdin, stdout or stderr, if there is one.
    /// In a guest's next run: those that an earlier one gave by hand_on().
    explicit TerminalGuard(const std::string& settings = {});
    /// The settings, which somebody else is to restore now.
    std::string hand_on();
    ~TerminalGuard();
    TerminalGuard(const TerminalGuard&) = delete;
    TerminalGuard& operator=(const TerminalGuard&) = delete;
};

}  // namespace emu
