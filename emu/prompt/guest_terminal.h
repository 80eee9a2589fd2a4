// While the TUI has the terminal, the guest writes to one of its own: a pseudo-terminal. The guest's process
// has one end, the terminal's process reads the other.
#pragma once

namespace emu {

class GuestTerminal {
  public:
    GuestTerminal();
    ~GuestTerminal();
    GuestTerminal(const GuestTerminal&) = delete;
    GuestTerminal& operator=(const GuestTerminal&) = delete;

    /// -1: there is none to be had.
    int master() const { return master_; }
    int slave() const { return slave_; }

  private:
    int master_ = -1, slave_ = -1;
};

}  // namespace emu
