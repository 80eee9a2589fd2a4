// `mmuscope debug`: the debugger's prompt, scripts, and the way into the TUI. It owns the terminal; what the
// commands do it does not know. The terminal has a process of its own, which stays when another copy of the
// guest's goes on:
//
//   terminal (prompt, TUI, script) --RemotePort--socket--SessionServer--> DebugSession, in the guest's
//   process
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "emu/debug/again.h"
#include "emu/report/kernel_names.h"
#include "mmu/base/expected.h"

namespace emu {

class Machine;

struct DebugOptions {
    std::string script;                 ///< --script FILE
    std::vector<std::string> commands;  ///< -e COMMAND, before anything else
    bool tui = false;
    bool history = true;  ///< keep the past, to go back to it
    std::string in, out;  ///< the guest's stdin and stdout; empty: see DebugConsole
};

/// Who has which descriptors: opened before the guest is, because a guest's 0, 1 and 2 are ours.
class DebugConsole {
  public:
    /// The guest shares the terminal with the prompt. Where commands come from a file or a pipe on our stdin,
    /// the guest reads /dev/null; under the TUI it has a terminal of its own, whose output a panel shows.
    static mmu::Expected<DebugConsole, mmu::Error> open(const DebugOptions& options);
    ~DebugConsole();
    DebugConsole(DebugConsole&& other) noexcept;
    DebugConsole& operator=(DebugConsole&&) = delete;

    int commands() const { return commands_; }

  private:
    DebugConsole() = default;
    int commands_ = -1;  ///< where command lines come from
};

/// How a session ends.
struct DebugEnd {
    int status = 0;              ///< for exit(): 1 when an expectation of the script does not hold
    std::optional<Again> again;  ///< it does not: the guest is to begin anew
};
/// `guest_words`: its path and arguments. `again`: of an earlier run, whose terminal is there.
mmu::Expected<DebugEnd, mmu::Error> run_debugger(Machine& guest, DebugConsole& console,
                                                 const DebugOptions& options, KernelNames names,
                                                 const std::vector<std::string>& guest_words,
                                                 const Again& again);

}  // namespace emu
