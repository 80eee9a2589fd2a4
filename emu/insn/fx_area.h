// The area of FXSAVE and FXRSTOR, which is the legacy region of XSAVE's as well. SDM Vol. 1 10.5.1, 13.4.1.
#pragma once

#include <array>

#include "emu/cpu/cpu.h"

namespace emu::insn {

/// The part of the 512-byte area that is written and read. The rest is reserved or free for software, which
/// Linux uses.
struct FxArea {
    static constexpr u32 kSize = 416, kWhole = 512;
    static constexpr u32 kMxcsr = 24;
    static constexpr u32 kStacked = 32,
                         kXmm = 160;  ///< offsets of ST0 and XMM0, each register taking 16 bytes
    /// It is referenced in pieces of what Cpu::read() takes at most, the last one being shorter.
    static constexpr u32 kPiece = 64, kPieces = (kSize + kPiece - 1) / kPiece;
    static constexpr u32 piece_size(u32 piece) {
        return piece + 1 < kPieces ? kPiece : kSize - piece * kPiece;
    }

    alignas(16) std::array<u8, kSize> bytes{};

    template <class T>
    void set(u32 offset, T value) {
        put<T>(bytes.data() + offset, value);
    }
    template <class T>
    T at(u32 offset) const {
        return get<T>(bytes.data() + offset);
    }
};

/// `wide`, with REX.W: instruction and operand pointers of 64 bits; without, of 32 bits and a selector, which
/// is 0 here.
FxArea fx_area(Cpu& c, bool wide);

void restore_x87(Cpu& c, const FxArea& area, bool wide);
void restore_xmm(Cpu& c, const FxArea& area);

}  // namespace emu::insn
