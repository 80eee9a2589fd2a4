// The guest's side of `mmuscope debug`: one session for a terminal that is another process. Which process
// answers changes when the user travels in time; the terminal's process stays, and does not notice.
#pragma once

#include <string>

#include "emu/prompt/debug_session.h"
#include "kernel/fs/file_table.h"

namespace emu {

class SessionServer {
  public:
    /// `stream` leads to the terminal's process; `terminal` is the guest's own while the TUI has the real one
    /// (-1: there is none). Both are the caller's.
    SessionServer(DebugSession& session, int stream, int terminal);
    ~SessionServer();
    SessionServer(const SessionServer&) = delete;
    SessionServer& operator=(const SessionServer&) = delete;

    /// Until the terminal is done or gone: its exit status. kAnew: it waits, for the guest to begin anew.
    int serve();
    static constexpr int kAnew = -1;
    /// As serve(), in that next run: `first` answers what the terminal waits for.
    int serve_on(const DebugSession::Answer& first);
    const DebugSession::Anew& anew() const { return anew_; }

  private:
    void arrive(const DebugSession::Answer& first);
    std::string answer(const std::string& frame);
    std::string command_answer(const DebugSession::Answer& answer);
    bool interrupted();
    void take_over() const;
    void use_terminal(bool own);
    void lead_to(int number, int target);

    DebugSession& session_;
    int stream_, terminal_;
    kernel::OpenFileId guest_out_ = 0, guest_error_ = 0;  ///< what the guest began with; 0: nothing
    int shared_out_ = -1, shared_error_ = -1;             ///< where they led before the TUI
    bool gone_ = false;
    DebugSession::Anew anew_;
};

}  // namespace emu
