// The commands: a row each. Help, completion and abbreviations come from here.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "emu/prompt/debug_session.h"

namespace emu {

struct CommandRow {
    /// What an argument is completed with.
    enum class Completes : u8 { kNothing, kPlaces, kExpressions, kCommands, kInfo, kEvents, kVm, kFiles };
    using Run = DebugSession::Answer (DebugSession::*)(const std::string&);

    std::string_view name;
    std::string_view aliases;  ///< separated by blanks; other abbreviations are those that are unique
    std::string_view group;
    std::string_view arguments;
    std::string_view help;  ///< its first line is the short one
    Completes completes = Completes::kNothing;
    bool repeats = false;  ///< an empty line does it again
    Run run = nullptr;
    /// For a session that looks at the past: kForward goes on in the live process where the past ends, kLive
    /// is of that process alone.
    enum class Direction : u8 { kNone, kForward, kLive };
    Direction direction = Direction::kNone;
};

std::span<const CommandRow> command_table();

struct CommandMatch {
    const CommandRow* row = nullptr;
    std::string problem;  ///< why there is none
};
/// The command that `word` names or abbreviates.
CommandMatch find_command(const std::string& word);
/// All commands by groups, or what `name` says about itself.
std::string help_text(const std::string& name);
/// What `info` can say, and how it is described.
std::span<const std::pair<std::string_view, std::string_view>> info_words();
/// What may stand in the place of the last word of `line`.
std::vector<std::string> words_for(DebugSession& session, const std::string& line);

}  // namespace emu
