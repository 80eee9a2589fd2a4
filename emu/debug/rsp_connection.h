// The transport of the GDB remote protocol: packets `$data#checksum`, their acknowledgements, escapes, and
// the lone byte 03 that interrupts. It knows nothing of what packets mean. A client that breaks the rules is
// dropped; it can do no more than that. Source: GDB manual, appendix E.1.
#pragma once

#include <string>
#include <string_view>

#include "kernel/fs/unique_fd.h"
#include "mmu/base/ints.h"

namespace emu {

class RspConnection {
  public:
    /// Longest packet that is taken, in bytes as they are sent.
    static constexpr mmu::usize kMaxPacket = 0x20000;

    RspConnection(kernel::UniqueFd in, kernel::UniqueFd out);

    enum class Event : mmu::u8 { kPacket, kInterrupt, kClosed };
    /// Waits for the next one; the packet's contents as they were sent (unescape() is for those with binary
    /// data).
    Event receive(std::string& packet);
    /// A look while the guest runs, without waiting: the client interrupts, sends anything, or is gone.
    bool wants_attention();
    /// Sends a packet; what must be escaped is. Errors show at the next receive().
    void send(std::string_view data);
    /// After the answer to QStartNoAckMode.
    void stop_acknowledging() { acknowledging_ = false; }
    bool closed() const { return closed_; }
    /// Others that come to this socket meanwhile are dropped at once.
    void turn_away(int listener) { listener_ = listener; }
    int descriptor() const { return in_.get(); }
    int out_descriptor() const { return out_.get(); }
    /// What another process that goes on with the same client needs.
    struct State {
        std::string unread;
        bool acknowledging = true;
    };
    State state() const { return {buffer_, acknowledging_}; }
    void set_state(State state) {
        buffer_ = std::move(state.unread);
        acknowledging_ = state.acknowledging;
    }

  private:
    bool fill(int timeout_ms);
    void write_all(std::string_view bytes);

    kernel::UniqueFd in_, out_;
    std::string buffer_, last_sent_;
    int listener_ = -1;
    bool acknowledging_ = true, closed_ = false;
};

/// Undoes `}` escapes.
std::string unescape(std::string_view data);

}  // namespace emu
