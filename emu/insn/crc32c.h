// CRC-32C (Castagnoli), the polynomial of the CRC32 instruction: by the host's instruction, and in plain C++
// for hosts without SSE4.2. SDM Vol. 2A CRC32.
#pragma once

#include <array>

#include "mmu/base/ints.h"

namespace emu::insn {

using mmu::u16, mmu::u32, mmu::u64, mmu::u8;

template <class T>
[[gnu::always_inline]] inline u32 host_crc32c(u32 crc, T data) {
    if constexpr (sizeof(T) == 8) {
        u64 wide = crc;
        asm("crc32q %1, %0" : "+r"(wide) : "r"(data));
        return static_cast<u32>(wide);
    } else if constexpr (sizeof(T) == 4) {
        asm("crc32l %1, %0" : "+r"(crc) : "r"(data));
    } else if constexpr (sizeof(T) == 2) {
        asm("crc32w %1, %0" : "+r"(crc) : "r"(data));
    } else {
        asm("crc32b %1, %0" : "+r"(crc) : "r"(data));
    }
    return crc;
}

/// The remainders of all bytes, bits reflected.
inline constexpr std::array<u32, 256> kCrc32cTable = [] {
    std::array<u32, 256> table{};
    for (u32 byte = 0; byte < 256; ++byte) {
        u32 value = byte;
        for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82f63b78u : 0);
        table[byte] = value;
    }
    return table;
}();

template <class T>
constexpr u32 portable_crc32c(u32 crc, T data) {
    for (unsigned n = 0; n < sizeof(T); ++n)
        crc = crc >> 8 ^ kCrc32cTable[(crc ^ static_cast<u8>(static_cast<u64>(data) >> 8 * n)) & 0xff];
    return crc;
}

}  // namespace emu::insn
