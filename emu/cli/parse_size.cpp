// Sizes as people write them: a number and a binary unit.
#include <cctype>
#include <charconv>

#include "emu/cli/options.h"

namespace emu {

std::optional<mmu::u64> parse_size(const std::string& text) {
    mmu::u64 number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || rest == text.data()) return std::nullopt;
    std::string unit;
    for (const char* at = rest; at != end; ++at)
        unit += static_cast<char>(std::toupper(static_cast<unsigned char>(*at)));
    if (unit.size() == 3 && unit.ends_with("IB")) unit.resize(1);
    if (unit.size() == 2 && unit.ends_with("B")) unit.resize(1);
    if (unit.empty() || unit == "B") return number;
    const std::size_t power = std::string("KMGT").find(unit);
    if (unit.size() != 1 || power == std::string::npos) return std::nullopt;
    const unsigned shift = 10 * (static_cast<unsigned>(power) + 1);
    if (number > (~mmu::u64{0} >> shift)) return std::nullopt;
    return number << shift;
}

}  // namespace emu
