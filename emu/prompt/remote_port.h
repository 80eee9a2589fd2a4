// The terminal's side of `mmuscope debug`: a session in another process. While it waits for an answer it
// takes in what the guest writes to its own terminal, and hands on Ctrl-C.
#pragma once

#include <atomic>

#include "emu/prompt/session_port.h"

namespace emu {

class RemotePort final : public SessionPort {
  public:
    /// `stream` leads to the guest's process; `guest_output` is read from (-1: not); `interrupted` is set by
    /// a signal handler. All are the caller's.
    RemotePort(int stream, int guest_output, std::atomic<bool>& interrupted)
        : stream_(stream), guest_output_(guest_output), interrupted_(interrupted) {}

    DebugSession::Answer execute(const std::string& line) override;
    std::vector<std::string> complete(const std::string& line) override;
    Panel screen(const ScreenText& text, unsigned rows, unsigned columns) override;
    mmu::Expected<bool, std::string> holds(const std::string& expression) override;
    Standing stands_at(const std::string& what) override;

    /// The guest writes to the terminal of its own from now on, or no more.
    void use_own_terminal(bool own);
    /// What it has written there since the last call.
    std::string take_output();
    /// The guest's process is gone.
    bool gone() const { return gone_; }
    void say_bye(int status);

  private:
    std::string ask(char kind, const std::string& text);
    void take_in();

    int stream_, guest_output_;
    std::atomic<bool>& interrupted_;
    std::string output_;
    bool gone_ = false;
};

}  // namespace emu
