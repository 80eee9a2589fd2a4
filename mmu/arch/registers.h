// The register state of one logical processor that user programs see: a fact that both sides of a trap agree on
// (Linux: arch/x86/include/asm/ptrace.h, asm/fpu/types.h).
#pragma once

#include <array>

#include "mmu/base/ints.h"

namespace mmu {

/// General-purpose registers in their encoding order (SDM Vol. 2A 2.1.5, REX extends to 8..15).
enum Gpr : u8 { kRax, kRcx, kRdx, kRbx, kRsp, kRbp, kRsi, kRdi, kR8, kR9, kR10, kR11, kR12, kR13, kR14, kR15 };

/// RFLAGS bits (SDM Vol. 1 3.4.3).
struct Rflags {
    static constexpr u64 kCf = 1u << 0, kAlwaysOne = 1u << 1, kPf = 1u << 2, kAf = 1u << 4, kZf = 1u << 6,
                         kSf = 1u << 7, kTf = 1u << 8, kIf = 1u << 9, kDf = 1u << 10, kOf = 1u << 11,
                         kNt = 1u << 14, kRf = 1u << 16, kAc = 1u << 18, kId = 1u << 21;
    static constexpr u64 kStatus = kCf | kPf | kAf | kZf | kSf | kOf;
};

/// A vector register; 32 bytes, so that the AVX half has its place.
struct alignas(32) Vector256 {
    std::array<u8, 32> bytes{};
    friend bool operator==(const Vector256&, const Vector256&) = default;
};

/// An x87 register: 64-bit significand, 15-bit exponent and sign (SDM Vol. 1 4.2.2). Sixteen bytes as FXSAVE lays it.
struct alignas(16) Float80 {
    u64 significand = 0;
    u16 sign_exponent = 0;
    u16 unused[3] = {};
    friend bool operator==(const Float80&, const Float80&) = default;
};

struct X87State {
    std::array<Float80, 8> physical{};  ///< by physical number R0..R7; ST(i) is R[(top + i) & 7]
    u16 control = 0x37f;
    u16 status = 0;       ///< without TOP, which is below
    u8 top = 0;           ///< 0..7
    u8 valid = 0;         ///< abridged tag word as FXSAVE has it: bit i set = R(i) not empty
    u16 opcode = 0;       ///< FOP, 11 bits
    u64 instruction = 0;  ///< FIP
    u64 operand = 0;      ///< FDP
    friend bool operator==(const X87State&, const X87State&) = default;
};

struct Registers {
    std::array<u64, 16> gpr{};  ///< indexed by Gpr
    u64 rip = 0;
    u64 fs_base = 0;
    u64 gs_base = 0;
    u64 zero = 0;     ///< always 0: the base or index of an address that has none
    u64 scratch = 0;  ///< an address that a decoded pseudo-operation computed
    u64 rflags = Rflags::kAlwaysOne | Rflags::kIf;
    u32 mxcsr = 0x1f80;
    alignas(32) std::array<Vector256, 16> vector{};
    X87State x87{};

    friend bool operator==(const Registers&, const Registers&) = default;
};

}  // namespace mmu
