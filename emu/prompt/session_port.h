// What a terminal and a script want of a session. The session itself may be in another process: in the one
// that is the guest at the moment that is looked at (emu/debug/timeline.h). Its two kinds: LocalPort speaks
// to a session here, RemotePort (remote_port.h) through a socket to a SessionServer (session_server.h).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "emu/prompt/panels.h"
#include "mmu/base/expected.h"

namespace emu {

class SessionPort {
  public:
    /// Commands that are none of the session's business.
    struct Wishes {
        bool quit = false;
        bool tui = false;
        std::optional<ScriptFile> source;  ///< this file is to be run
    };

    virtual ~SessionPort() = default;
    virtual DebugSession::Answer execute(const std::string& line) = 0;
    /// Of the last command.
    const Wishes& wishes() const { return wishes_; }
    virtual std::vector<std::string> complete(const std::string& line) = 0;
    virtual Panel screen(const ScreenText& text, unsigned rows, unsigned columns) = 0;
    /// Whether an expression is not 0, or why it has no value.
    virtual mmu::Expected<bool, std::string> holds(const std::string& expression) = 0;
    /// "do_anonymous_page", "signal SIGSEGV", "exited", ...: is this how the guest stands? And how does it?
    struct Standing {
        bool there = false;
        std::string where;
    };
    virtual Standing stands_at(const std::string& what) = 0;

  protected:
    Wishes wishes_;
};

class LocalPort final : public SessionPort {
  public:
    explicit LocalPort(DebugSession& session) : session_(session) {}
    DebugSession::Answer execute(const std::string& line) override;
    std::vector<std::string> complete(const std::string& line) override { return session_.complete(line); }
    Panel screen(const ScreenText& text, unsigned rows, unsigned columns) override {
        return compose(session_, text, rows, columns);
    }
    mmu::Expected<bool, std::string> holds(const std::string& expression) override;
    Standing stands_at(const std::string& what) override;
    /// What the last command asks for besides its answer.
    Wishes take_wishes();

  private:
    DebugSession& session_;
};

/// A command; where it asks for a file's commands, those: all that they say is the answer.
DebugSession::Answer run_line(SessionPort& port, const std::string& line);

}  // namespace emu
