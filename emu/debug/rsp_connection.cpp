#include "emu/debug/rsp_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "emu/debug/hex.h"

namespace emu {
namespace {

constexpr char kInterrupt = '\x03';

u8 checksum(std::string_view data) {
    u8 sum = 0;
    for (const char c : data) sum = static_cast<u8>(sum + static_cast<u8>(c));
    return sum;
}

std::string escape(std::string_view data) {
    std::string text;
    text.reserve(data.size());
    for (const char c : data) {
        if (c == '$' || c == '#' || c == '}' || c == '*') {
            text += '}';
            text += static_cast<char>(c ^ 0x20);
        } else {
            text += c;
        }
    }
    return text;
}

}  // namespace

std::string unescape(std::string_view data) {
    std::string text;
    text.reserve(data.size());
    for (usize n = 0; n < data.size(); ++n)
        text += data[n] == '}' && n + 1 < data.size() ? static_cast<char>(data[++n] ^ 0x20) : data[n];
    return text;
}

RspConnection::RspConnection(kernel::UniqueFd in, kernel::UniqueFd out)
    : in_(std::move(in)), out_(std::move(out)) {}

/// More bytes into the buffer; false after `timeout_ms` (< 0: never) without one, or at the connection's end.
bool RspConnection::fill(int timeout_ms) {
    while (!closed_) {
        pollfd entries[] = {{in_.get(), POLLIN, 0}, {listener_, POLLIN, 0}};
        const int ready = ::poll(entries, 2, timeout_ms);
        if (ready < 0 && errno == EINTR) continue;
        // The client first: if it has gone, whoever waits is the next one and not turned away.
        if (ready > 0 && !entries[0].revents) {
            kernel::UniqueFd(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
            continue;
        }
        if (ready == 0) return false;
        char bytes[4096];
        const ssize_t got = ::read(in_.get(), bytes, sizeof bytes);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0 || buffer_.size() > 2 * kMaxPacket) {
            closed_ = true;
            return false;
        }
        buffer_.append(bytes, static_cast<usize>(got));
        return true;
    }
    return false;
}

RspConnection::Event RspConnection::receive(std::string& packet) {
    while (true) {
        const usize start = buffer_.find_first_of(std::string_view("$\x03-"));
        if (start == std::string::npos) {
            buffer_.clear();  // acknowledgements and noise
            if (!fill(-1)) return Event::kClosed;
            continue;
        }
        buffer_.erase(0, start);
        if (buffer_[0] == kInterrupt || buffer_[0] == '-') {
            const bool interrupt = buffer_[0] == kInterrupt;
            buffer_.erase(0, 1);
            if (interrupt) return Event::kInterrupt;
            if (acknowledging_) write_all(last_sent_);
            continue;
        }
        const usize end = buffer_.find('#');
        if (end == std::string::npos || end + 3 > buffer_.size()) {
            if (buffer_.size() > kMaxPacket + 4) closed_ = true;
            if (!fill(-1)) return Event::kClosed;
            continue;
        }
        packet = buffer_.substr(1, end - 1);
        const auto sum = from_hex(std::string_view(buffer_).substr(end + 1, 2));
        buffer_.erase(0, end + 3);
        if (!acknowledging_) return Event::kPacket;
        const bool right = sum && static_cast<u8>((*sum)[0]) == checksum(packet);
        write_all(right ? "+" : "-");
        if (right) return Event::kPacket;
    }
}

bool RspConnection::wants_attention() {
    fill(0);
    return closed_ || buffer_.find_first_of(std::string_view("$\x03")) != std::string::npos;
}

void RspConnection::send(std::string_view data) {
    const std::string body = escape(data);
    const u8 sum = checksum(body);
    last_sent_ = "$" + body + "#" + to_hex(std::span(&sum, 1));
    write_all(last_sent_);
}

void RspConnection::write_all(std::string_view bytes) {
    while (!bytes.empty() && !closed_) {
        const ssize_t sent = ::write(out_.get(), bytes.data(), bytes.size());
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) {
            pollfd entry{out_.get(), POLLOUT, 0};
            ::poll(&entry, 1, -1);
            continue;
        }
        if (sent <= 0)
            closed_ = true;
        else
            bytes.remove_prefix(static_cast<usize>(sent));
    }
}

}  // namespace emu
