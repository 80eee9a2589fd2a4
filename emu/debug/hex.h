// Hexadecimal as the GDB remote protocol writes it: two digits a byte, numbers without 0x. Text from a client
// is hostile: every reader says whether it found what it was looking for.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mmu/base/ints.h"

namespace emu {

using mmu::u64, mmu::u8, mmu::usize;

std::string to_hex(std::span<const u8> bytes);
std::string to_hex(std::string_view text);
/// Nothing when it is no even number of hexadecimal digits.
std::optional<std::string> from_hex(std::string_view digits);
/// Big-endian digits without leading zeros: "1f".
std::string hex_number(u64 value);

/// Reads from the front of a packet.
class PacketReader {
  public:
    explicit PacketReader(std::string_view text) : rest_(text) {}
    std::string_view rest() const { return rest_; }
    bool empty() const { return rest_.empty(); }
    /// Takes `text` if it is there.
    bool take(std::string_view text);
    /// One to sixteen hexadecimal digits.
    std::optional<u64> number();
    /// Up to `end`, which is taken too; the rest when there is none.
    std::string_view until(char end);

  private:
    std::string_view rest_;
};

}  // namespace emu
