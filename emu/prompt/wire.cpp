#include "emu/prompt/wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace emu {

using mmu::u32, mmu::usize;

namespace {

constexpr u32 kMostBytes = u32{1} << 30;

bool read_all(int stream, char* to, usize count) {
    while (count > 0) {
        const ssize_t got = ::read(stream, to, count);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        to += got;
        count -= static_cast<usize>(got);
    }
    return true;
}

}  // namespace

bool send_frame(int stream, const std::string& bytes) {
    const u32 size = static_cast<u32>(bytes.size());
    std::string all(reinterpret_cast<const char*>(&size), sizeof size);
    all += bytes;
    usize done = 0;
    while (done < all.size()) {
        const ssize_t put = ::send(stream, all.data() + done, all.size() - done, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        done += static_cast<usize>(put);
    }
    return true;
}

std::optional<std::string> receive_frame(int stream) {
    u32 size = 0;
    char head[sizeof size];
    if (!read_all(stream, head, sizeof head)) return std::nullopt;
    std::memcpy(&size, head, sizeof size);
    if (size > kMostBytes) return std::nullopt;
    std::string bytes(size, '\0');
    if (!read_all(stream, bytes.data(), size)) return std::nullopt;
    return bytes;
}

}  // namespace emu
