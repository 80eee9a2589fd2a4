#include "emu/debug/hex.h"

namespace emu {
namespace {

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

constexpr char kDigits[] = "0123456789abcdef";

}  // namespace

std::string to_hex(std::span<const u8> bytes) {
    std::string text;
    text.reserve(2 * bytes.size());
    for (const u8 byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

std::string to_hex(std::string_view text) {
    return to_hex(std::span(reinterpret_cast<const u8*>(text.data()), text.size()));
}

std::optional<std::string> from_hex(std::string_view digits) {
    if (digits.size() % 2) return std::nullopt;
    std::string bytes;
    bytes.reserve(digits.size() / 2);
    for (usize n = 0; n < digits.size(); n += 2) {
        const int high = digit(digits[n]), low = digit(digits[n + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes += static_cast<char>(high << 4 | low);
    }
    return bytes;
}

std::string hex_number(u64 value) {
    std::string text;
    do text.insert(text.begin(), kDigits[value & 15]);
    while (value >>= 4);
    return text;
}

bool PacketReader::take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
}

std::optional<u64> PacketReader::number() {
    u64 value = 0;
    usize n = 0;
    for (; n < rest_.size() && n < 16 && digit(rest_[n]) >= 0; ++n)
        value = value << 4 | static_cast<u64>(digit(rest_[n]));
    if (n == 0) return std::nullopt;
    rest_.remove_prefix(n);
    return value;
}

std::string_view PacketReader::until(char end) {
    const usize at = rest_.find(end);
    const std::string_view taken = rest_.substr(0, at);
    rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at + 1);
    return taken;
}

}  // namespace emu
