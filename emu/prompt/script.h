// Lessons and tests: a file of commands with expectations about what they say. The first that does not hold
// ends the file, with its line. It knows no terminal.
//
//   # a comment
//   break do_anonymous_page
//   continue
//   expect stop do_anonymous_page      the innermost function, or: exited, signal SIGSEGV, syscall brk
//   expect order 0                     a regular expression (POSIX, extended) in what the last command said
//   expect not NX                      nowhere in it
//   expect that $icount > 1000         an expression that is not 0
//   expect error No symbol             the command before fails, and says this
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "emu/prompt/debug_session.h"

namespace emu {

class SessionPort;

/// What is wrong, with FILE:LINE; nothing: every line did what it should. `show` is given each command and
/// what it answers.
std::optional<std::string> run_script(SessionPort& port, const std::string& name, const std::string& text,
                                      const std::function<void(const std::string&)>& show);
/// The same of a session in this process.
std::optional<std::string> run_script(DebugSession& session, const std::string& name, const std::string& text,
                                      const std::function<void(const std::string&)>& show);
/// The same, with each command run by `run`.
std::optional<std::string> run_script(SessionPort& port, const std::string& name, const std::string& text,
                                      const std::function<void(const std::string&)>& show,
                                      const std::function<DebugSession::Answer(const std::string&)>& run);

/// Whether a text has a part that a regular expression matches; nothing: it is none.
std::optional<std::function<bool(const std::string&)>> make_matcher(const std::string& expression);

}  // namespace emu
