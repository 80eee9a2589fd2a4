// How a terminal's process and a guest's speak to each other: frames on a stream, each with its length.
#pragma once

#include <optional>
#include <string>

#include "mmu/base/ints.h"

namespace emu {

enum class WireKind : mmu::u8 {
    kExecute,    ///< a command line; answered by text, failure and wishes
    kComplete,   ///< the words that fit
    kScreen,     ///< the TUI's picture
    kHolds,      ///< an expression
    kStandsAt,   ///< a place
    kTerminal,   ///< the guest's output goes to a terminal of its own, or no more; answered by nothing much
    kInterrupt,  ///< the command under way is to end; no answer
    kBye,        ///< the terminal is done, with an exit status; no answer
};

/// False, or nothing: the other end is gone.
bool send_frame(int stream, const std::string& bytes);
std::optional<std::string> receive_frame(int stream);

}  // namespace emu
