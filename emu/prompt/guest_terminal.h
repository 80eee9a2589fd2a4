// While the TUI has the terminal, the guest writes to one of its own: a pseudo-terminal, whose output a small
// process collects in a file in memory, so that the guest never waits for a reader.
#pragma once

#include <sys/types.h>

#include <string>

namespace emu {

class GuestTerminal {
  public:
    /// From here on the descriptors 1 and 2 are that terminal.
    GuestTerminal();
    /// They are what they were; what was collected goes to 1.
    ~GuestTerminal();
    GuestTerminal(const GuestTerminal&) = delete;
    GuestTerminal& operator=(const GuestTerminal&) = delete;

    bool works() const { return collector_ > 0; }
    /// The real terminal.
    int terminal() const { return saved_out_; }
    /// What has come, its last 64 KiB at the most.
    std::string output() const;

  private:
    int saved_out_ = -1, saved_error_ = -1, collected_ = -1;
    pid_t collector_ = -1;
};

}  // namespace emu
