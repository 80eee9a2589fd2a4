// What a person has set up in a debugging session, as a value that can be written into bytes and read back:
// breakpoints, displays, what to do about signals, where `list` stands. It can be handed to another process
// that takes over the terminal. It knows no guest.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "emu/cpu/debug_hooks.h"
#include "mmu/base/ints.h"

namespace emu {

using mmu::u8;

struct StopPoint {
    enum class Kind : u8 { kBreakpoint, kWatchpoint };
    int number = 0;
    Kind kind = Kind::kBreakpoint;
    std::string what{};       ///< as it was typed
    std::string condition{};  ///< an expression; empty: always
    u64 address = 0;          ///< of a breakpoint
    WatchRange range{};       ///< of a watchpoint
    bool enabled = true, temporary = false;
    u64 ignore = 0, hits = 0;
    std::string value{};  ///< of a watchpoint, as it was last shown
};

struct Display {
    int number = 0;
    std::string format, expression;  ///< "/x" or "/i"; "": as print
};

struct SignalPolicy {
    bool stop = true, pass = true;
};

struct UiState {
    std::vector<StopPoint> stop_points;
    std::vector<Display> displays;
    std::map<int, SignalPolicy> signals;  ///< those that differ from what is usual
    int next_number = 1, next_display = 1;
    std::string list_file;  ///< where `list` goes on
    u64 list_line = 0;
    std::string last_command;  ///< what an empty line repeats
    std::vector<u64> values;   ///< $1, $2, ...
    bool catching_syscalls = false;
    std::vector<u64> caught_syscalls;  ///< empty: all

    /// What is done about a signal: what was said, or as gdb does.
    SignalPolicy policy(int signal) const;

    std::string save() const;
    /// Nothing: these are no bytes of save().
    static std::optional<UiState> restore(const std::string& bytes);
};

}  // namespace emu
