#include "tests/oracle/random_values.h"

#include <bit>
#include <iterator>

namespace tests {
namespace {

constexpr u64 kIntegers[] = {0,
                             1,
                             2,
                             7,
                             8,
                             15,
                             16,
                             31,
                             32,
                             63,
                             64,
                             0x7f,
                             0x80,
                             0xff,
                             0x7fff,
                             0x8000,
                             0xffff,
                             0x10000,
                             0x7fffffff,
                             0x80000000,
                             0xffffffff,
                             1ull << 32,
                             ~0ull,
                             ~0ull >> 1,
                             1ull << 63,
                             0x0101010101010101,
                             0x8080808080808080};

// clang-format off
constexpr double kDoubles[] = {
    // the first ten fit a float well
    0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 3.0, 10.0, 1e-3,
    1e10, 1e18, -1e19, 1e300, 1e-300, 1e308, 2e-308, 127.5, 2147483647.0, 2147483648.0, -2147483648.5, 4294967295.0,
    9223372036854775807.0, -9223372036854775808.0, 3.14159};
// clang-format on
constexpr u64 kSpecialDoubles[] = {
    0x8000000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
    0xfff8000000000001, 0x7ff0000000000001, 0xfff4000000000000, 1,
    0x000fffffffffffff, 0x800000000000ffff, 0x7fefffffffffffff, 0x0010000000000000};
constexpr u32 kSpecialFloats[] = {0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001,
                                  0xffa00000, 1,          0x007fffff, 0x8000ffff, 0x7f7fffff, 0x00800000};
constexpr u64 kSignificands[] = {
    0,          1,          1ull << 63,         3ull << 62,        ~0ull, (1ull << 63) + 1,
    1ull << 62, ~0ull >> 1, 0xc000000000000001, 0xa000000000000000};
constexpr u16 kExponents[] = {0,      1,      0x3ffe, 0x3fff, 0x4000, 0x4001, 0x401e,
                              0x403e, 0x403f, 0x7ffe, 0x7fff, 0x3f80, 0x3c00};

}  // namespace

u64 RandomValues::integer() {
    const u64 value = rng_.next();
    switch (rng_.below(6)) {
        case 0:
            return value;
        case 1:
            return value >> rng_.below(64);
        case 2:
            return ~(value >> rng_.below(64));
        case 3:
            return static_cast<u32>(value);
        case 4:
            return u64{1} << rng_.below(64);
        default:
            return kIntegers[rng_.below(std::size(kIntegers))];
    }
}

u64 RandomValues::double_bits() {
    switch (rng_.below(5)) {
        case 0:
            return rng_.next();
        case 1:
            return kSpecialDoubles[rng_.below(std::size(kSpecialDoubles))];
        case 2:
            return std::bit_cast<u64>(static_cast<double>(static_cast<mmu::i64>(integer())));
        default: {
            const double value = kDoubles[rng_.below(std::size(kDoubles))];
            const u64 bits = std::bit_cast<u64>(one_in(2) ? -value : value);
            return one_in(3) ? bits ^ rng_.below(1 << 20) : bits;
        }
    }
}

u32 RandomValues::float_bits() {
    switch (rng_.below(4)) {
        case 0:
            return static_cast<u32>(rng_.next());
        case 1:
            return kSpecialFloats[rng_.below(std::size(kSpecialFloats))];
        default: {
            const auto value = static_cast<float>(kDoubles[rng_.below(10)]);
            return std::bit_cast<u32>(value) ^ static_cast<u32>(rng_.below(4));
        }
    }
}

mmu::Float80 RandomValues::extended() {
    const u16 sign = one_in(2) ? 0x8000 : 0;
    switch (rng_.below(6)) {
        case 0:
            return {rng_.next(), static_cast<u16>(rng_.next())};
        case 1:  // encodings of all kinds, invalid ones too
            return {kSignificands[rng_.below(std::size(kSignificands))],
                    static_cast<u16>(kExponents[rng_.below(std::size(kExponents))] | sign)};
        case 2:  // a small integer or a half
            return {(1 + rng_.below(255)) << 56 | u64{1} << 63,
                    static_cast<u16>((0x3ffe + rng_.below(8)) | sign)};
        default:  // a number of common size
            return {rng_.next() | u64{1} << 63, static_cast<u16>((0x3fff - 40 + rng_.below(80)) | sign)};
    }
}

void RandomValues::vector(u8* to) {
    const u64 kind = rng_.below(3);
    for (unsigned at = 0; at < 16; at += 8) {
        u64 value = kind == 0 ? integer() : kind == 1 ? double_bits() : float_bits();
        if (kind == 2) value |= u64{float_bits()} << 32;
        std::memcpy(to + at, &value, 8);
    }
}

mmu::X87State RandomValues::x87() {
    constexpr u16 kConditions = 0x4700, kSummary = 0x8080;
    mmu::X87State x;
    for (mmu::Float80& value : x.physical) value = extended();
    x.top = static_cast<u8>(rng_.below(8));
    x.valid = one_in(3) ? static_cast<u8>(rng_.next()) : one_in(5) ? 0 : 0xff;
    if (one_in(3)) x.control = static_cast<u16>(0x37f & ~0xf00) | static_cast<u16>(rng_.below(16) << 8);
    if (one_in(4)) x.control = static_cast<u16>((x.control & ~0x3f) | rng_.below(64));
    x.status = static_cast<u16>(rng_.next() & kConditions);
    if (one_in(3)) x.status |= static_cast<u16>(rng_.below(128));
    if (!one_in(8)) x.status &= static_cast<u16>(~0x3f | (x.control & 0x3f));  // mostly none is pending
    if (x.status & ~x.control & 0x3f) x.status |= kSummary;
    return x;
}

u32 RandomValues::mxcsr() {
    u32 value = 0x1f80;
    if (one_in(3)) value |= static_cast<u32>(rng_.below(4) << 13);
    if (one_in(6)) value |= 0x8000;
    if (one_in(6)) value |= 0x40;
    if (one_in(2)) value |= static_cast<u32>(rng_.below(64));
    if (one_in(6)) value &= ~static_cast<u32>(rng_.below(64) << 7);
    return value;
}

u64 RandomValues::rflags() {
    using mmu::Rflags;
    const u64 status = rng_.next() & Rflags::kStatus;
    return Rflags::kAlwaysOne | Rflags::kIf | status | (one_in(4) ? Rflags::kDf : 0);
}

}  // namespace tests
