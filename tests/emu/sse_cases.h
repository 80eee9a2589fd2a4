// Random SSE instructions and operands: encodings are made from the opcode table's own rows, so that no row
// is left out.
#pragma once

#include <array>
#include <bit>
#include <vector>

#include "emu/insn/opcode_table.h"
#include "mmu/base/rng.h"
#include "tests/support/host_cpu.h"

namespace tests {

using mmu::Rng;

/// Doubles and floats that matter: zeros, ones, infinities, NaNs of both kinds, denormals, limits of the
/// integer types.
inline u64 random_double(Rng& rng) {
    static constexpr u64 kSpecial[] = {
        0x0000000000000000, 0x3ff0000000000000, 0x7ff0000000000000, 0x7ff8000000000001, 0x7ff0000000000001,
        0x0000000000000001, 0x000fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0x41dfffffffc00000,
        0x41e0000000000000, 0x43e0000000000000, 0x3fe0000000000000, 0x3ff8000000000000, 0x36a0000000000000,
        0x3690000000000000, 0x47efffffe0000000, 0x47f0000000000000, 0x3810000000000000, 0x380fffffffffffff};
    const u64 sign = rng.next() & u64{1} << 63;
    switch (rng.below(4)) {
        case 0:
            return kSpecial[rng.below(std::size(kSpecial))] | sign;
        case 1:
            return (rng.next() & 0x000fffffffffffff) | (0x3f0 + rng.below(80)) << 52 | sign;  // of usual size
        case 2:
            return std::bit_cast<u64>(
                static_cast<double>(static_cast<mmu::i64>(rng.next()) >> rng.below(60)));
        default:
            return rng.next();
    }
}
inline u32 random_float(Rng& rng) {
    static constexpr u32 kSpecial[] = {0x00000000, 0x3f800000, 0x7f800000, 0x7fc00001, 0x7f800001, 0x00000001,
                                       0x007fffff, 0x00800000, 0x7f7fffff, 0x4f000000, 0x4effffff, 0x5f000000,
                                       0x3f000000, 0x3fc00000, 0x1fffffff, 0x20000000};
    const u32 sign = static_cast<u32>(rng.next()) & 1u << 31;
    switch (rng.below(4)) {
        case 0:
            return kSpecial[rng.below(std::size(kSpecial))] | sign;
        case 1:
            return (static_cast<u32>(rng.next()) & 0x7fffff) | static_cast<u32>(0x70 + rng.below(40)) << 23 |
                   sign;
        case 2:
            return std::bit_cast<u32>(static_cast<float>(static_cast<mmu::i32>(rng.next()) >> rng.below(30)));
        default:
            return static_cast<u32>(rng.next());
    }
}

/// Eight bytes of one sort.
inline u64 random_quadword(Rng& rng) {
    switch (rng.below(4)) {
        case 0:
            return random_double(rng);
        case 1:
            return random_float(rng) | static_cast<u64>(random_float(rng)) << 32;
        case 2:
            return rng.below(80);  // a count
        default:
            return rng.next();
    }
}
inline void fill_random(Rng& rng, u8* bytes, std::size_t size) {
    for (std::size_t at = 0; at < size; at += 8) {
        const u64 value = random_quadword(rng);
        std::memcpy(bytes + at, &value, 8);
    }
}

/// Registers with random contents; RDI points to the data, RIP into the code window.
inline mmu::Registers random_registers(Rng& rng) {
    mmu::Registers r;
    for (u64& value : r.gpr) value = random_quadword(rng);
    r.rip = HostCpu::kCode + 0x8000;
    r.rflags = mmu::Rflags::kAlwaysOne | mmu::Rflags::kIf | (rng.next() & mmu::Rflags::kStatus);
    for (auto& vector : r.vector) fill_random(rng, vector.bytes.data(), vector.bytes.size());
    return r;
}

struct Mxcsrs {
    static constexpr u32 kMasks = 0x1f80;
    /// Rounding, FTZ, DAZ and flags at random; `masks` as they are.
    static u32 random(Rng& rng, u32 masks = kMasks) {
        return static_cast<u32>(rng.next() & (0xe040 | (rng.below(2) ? 0x3f : 0))) | masks;
    }
};

/// One encoding of a row: register or memory operand, random registers, REX.W and immediate.
struct Encoded {
    std::vector<u8> bytes;
    bool memory = false;
    bool reaches_x87_or_mmx = false;
};

/// A memory operand is [RDI + disp8] or, if `indexed`, [RDI + R9*2 + disp8], disp8 being 0x20: place RDI by
/// it.
constexpr u64 kDisplacement = 0x20;

inline Encoded encode(const emu::OpcodeRow& row, Rng& rng, bool memory, bool indexed) {
    Encoded out;
    out.memory = memory;
    const u8 reg = row.extension >= 0 ? static_cast<u8>(row.extension) : static_cast<u8>(rng.below(16));
    const u8 rm = memory ? 7 : static_cast<u8>(rng.below(16));
    switch (row.prefix) {
        case emu::Prefix::k66:
            out.bytes.push_back(0x66);
            break;
        case emu::Prefix::kF2:
            out.bytes.push_back(0xf2);
            break;
        case emu::Prefix::kF3:
            out.bytes.push_back(0xf3);
            break;
        default:
            break;
    }
    const bool index = memory && indexed;
    const u8 rex =
        static_cast<u8>(0x40 | (rng.below(2) ? 8 : 0) | (reg >> 3 << 2) | (index ? 2 : 0) | rm >> 3);
    out.bytes.push_back(rex);
    out.bytes.push_back(0x0f);
    out.bytes.push_back(row.opcode);
    const u8 reg_bits = static_cast<u8>((reg & 7) << 3);
    if (!memory) {
        out.bytes.push_back(static_cast<u8>(0xc0 | reg_bits | (rm & 7)));
    } else {
        out.bytes.push_back(static_cast<u8>(0x40 | reg_bits | (index ? 4 : 7)));
        if (index) out.bytes.push_back(0x4f);  // scale 2, index R9, base RDI
        out.bytes.push_back(kDisplacement);
    }
    emu::Fields fields;
    std::array<u8, 15> padded{};
    std::copy(out.bytes.begin(), out.bytes.end(), padded.begin());
    emu::split_fields(padded, fields);
    for (unsigned n = 0; n < fields.immediate_size; ++n)
        out.bytes.push_back(static_cast<u8>(rng.next() >> 8));
    return out;
}

}  // namespace tests
