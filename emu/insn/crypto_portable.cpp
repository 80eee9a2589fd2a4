#include "emu/insn/crypto_portable.h"

#include <array>
#include <bit>

namespace emu::insn::portable {
namespace {

using Bytes = std::array<u8, 16>;
using Words = std::array<u32, 4>;

// --- AES: FIPS 197. A state is a column-major 4 x 4 matrix of bytes. ---

constexpr u8 doubled(u8 x) {
    return static_cast<u8>(x << 1 ^ (x & 0x80 ? 0x1b : 0));
}
constexpr u8 times(u8 x, u8 factor) {
    u8 sum = 0;
    for (; factor; factor = static_cast<u8>(factor >> 1), x = doubled(x))
        if (factor & 1) sum = static_cast<u8>(sum ^ x);
    return sum;
}

struct Boxes {
    std::array<u8, 256> forward{}, inverse{};
};
/// The inverse in GF(2^8), then an affine map.
constexpr Boxes kBoxes = [] {
    Boxes boxes;
    u8 power = 1, inverse = 1;
    do {  // 3 generates the field, F6h is its inverse
        power = times(power, 3);
        inverse = times(inverse, 0xf6);
        const u8 value = static_cast<u8>(inverse ^ std::rotl(inverse, 1) ^ std::rotl(inverse, 2) ^
                                         std::rotl(inverse, 3) ^ std::rotl(inverse, 4) ^ 0x63);
        boxes.forward[power] = value;
        boxes.inverse[value] = power;
    } while (power != 1);
    boxes.forward[0] = 0x63;
    boxes.inverse[0x63] = 0;
    return boxes;
}();

Bytes substituted(const Bytes& state, const std::array<u8, 256>& box) {
    Bytes out;
    for (unsigned n = 0; n < 16; ++n) out[n] = box[state[n]];
    return out;
}
/// Row r moves by r columns; `direction` 1 for encryption, 3 for decryption.
Bytes shifted_rows(const Bytes& state, unsigned direction) {
    Bytes out;
    for (unsigned column = 0; column < 4; ++column)
        for (unsigned r = 0; r < 4; ++r) out[4 * column + r] = state[4 * ((column + direction * r) % 4) + r];
    return out;
}
Bytes mixed_columns(const Bytes& state, const std::array<u8, 4>& factors) {
    Bytes out{};
    for (unsigned at = 0; at < 16; ++at)
        for (unsigned k = 0; k < 4; ++k)
            out[at] = static_cast<u8>(out[at] ^ times(state[(at & ~3u) + k], factors[(k - at) & 3]));
    return out;
}

constexpr std::array<u8, 4> kMix = {2, 3, 1, 1}, kUnmix = {14, 11, 13, 9};

Bytes bytes_of(Xmm value) {
    return __builtin_bit_cast(Bytes, value);
}
Words words_of(Xmm value) {
    return __builtin_bit_cast(Words, value);
}
template <class Array>
Xmm xmm_of(const Array& value) {
    return __builtin_bit_cast(Xmm, value);
}
Xmm with_key(const Bytes& state, Xmm key) {
    return _mm_xor_si128(xmm_of(state), key);
}

// --- SHA: FIPS 180-4. Element 3 is the first word. ---

u32 choose(u32 x, u32 y, u32 z) {
    return (x & y) ^ (~x & z);
}
u32 majority(u32 x, u32 y, u32 z) {
    return (x & y) ^ (x & z) ^ (y & z);
}
u32 sha1_function(unsigned n, u32 x, u32 y, u32 z) {
    return n == 0 ? choose(x, y, z) : n == 2 ? majority(x, y, z) : x ^ y ^ z;
}

}  // namespace

Xmm aesenc(Xmm a, Xmm b) {
    return with_key(mixed_columns(substituted(shifted_rows(bytes_of(a), 1), kBoxes.forward), kMix), b);
}
Xmm aesenclast(Xmm a, Xmm b) {
    return with_key(substituted(shifted_rows(bytes_of(a), 1), kBoxes.forward), b);
}
Xmm aesdec(Xmm a, Xmm b) {
    return with_key(mixed_columns(substituted(shifted_rows(bytes_of(a), 3), kBoxes.inverse), kUnmix), b);
}
Xmm aesdeclast(Xmm a, Xmm b) {
    return with_key(substituted(shifted_rows(bytes_of(a), 3), kBoxes.inverse), b);
}
Xmm aesimc(Xmm b) {
    return xmm_of(mixed_columns(bytes_of(b), kUnmix));
}
Xmm aeskeygenassist(Xmm b) {
    const Words in = words_of(xmm_of(substituted(bytes_of(b), kBoxes.forward)));
    return xmm_of(Words{in[1], std::rotr(in[1], 8), in[3], std::rotr(in[3], 8)});
}

Xmm pclmulqdq(Xmm a, Xmm b) {
    const auto x = static_cast<u64>(_mm_cvtsi128_si64(a)), y = static_cast<u64>(_mm_cvtsi128_si64(b));
    u64 low = 0, high = 0;
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (!(y >> bit & 1)) continue;
        low ^= x << bit;
        if (bit) high ^= x >> (64 - bit);
    }
    return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}

Xmm sha1nexte(Xmm a, Xmm b) {
    Words out = words_of(b);
    out[3] += std::rotl(words_of(a)[3], 30);
    return xmm_of(out);
}
Xmm sha1msg1(Xmm a, Xmm b) {
    const Words x = words_of(a), y = words_of(b);
    return xmm_of(Words{y[2] ^ x[0], y[3] ^ x[1], x[0] ^ x[2], x[1] ^ x[3]});
}
Xmm sha1msg2(Xmm a, Xmm b) {
    const Words x = words_of(a), y = words_of(b);
    const u32 w16 = std::rotl(x[3] ^ y[2], 1), w17 = std::rotl(x[2] ^ y[1], 1),
              w18 = std::rotl(x[1] ^ y[0], 1), w19 = std::rotl(x[0] ^ w16, 1);
    return xmm_of(Words{w19, w18, w17, w16});
}
Xmm sha1rnds4(Xmm state, Xmm message, u8 n) {
    constexpr u32 kConstants[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    const Words s = words_of(state), w = words_of(message);
    u32 a = s[3], b = s[2], c = s[1], d = s[0], e = 0;
    for (unsigned round = 0; round < 4; ++round) {
        const u32 next =
            sha1_function(n & 3, b, c, d) + std::rotl(a, 5) + w[3 - round] + e + kConstants[n & 3];
        e = d;
        d = c;
        c = std::rotl(b, 30);
        b = a;
        a = next;
    }
    return xmm_of(Words{d, c, b, a});
}

Xmm sha256rnds2(Xmm cdgh, Xmm abef, Xmm keys) {
    const Words x = words_of(cdgh), y = words_of(abef), wk = words_of(keys);
    u32 a = y[3], b = y[2], c = x[3], d = x[2], e = y[1], f = y[0], g = x[1], h = x[0];
    for (unsigned round = 0; round < 2; ++round) {
        const u32 t =
            h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + choose(e, f, g) + wk[round];
        const u32 next = t + (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + majority(a, b, c);
        h = g;
        g = f;
        f = e;
        e = d + t;
        d = c;
        c = b;
        b = a;
        a = next;
    }
    return xmm_of(Words{f, e, b, a});
}
Xmm sha256msg1(Xmm a, Xmm b) {
    const Words x = words_of(a), y = words_of(b);
    const auto sigma = [](u32 w) { return std::rotr(w, 7) ^ std::rotr(w, 18) ^ w >> 3; };
    return xmm_of(Words{x[0] + sigma(x[1]), x[1] + sigma(x[2]), x[2] + sigma(x[3]), x[3] + sigma(y[0])});
}
Xmm sha256msg2(Xmm a, Xmm b) {
    const Words x = words_of(a), y = words_of(b);
    const auto sigma = [](u32 w) { return std::rotr(w, 17) ^ std::rotr(w, 19) ^ w >> 10; };
    const u32 w16 = x[0] + sigma(y[2]), w17 = x[1] + sigma(y[3]), w18 = x[2] + sigma(w16),
              w19 = x[3] + sigma(w17);
    return xmm_of(Words{w16, w17, w18, w19});
}

}  // namespace emu::insn::portable
