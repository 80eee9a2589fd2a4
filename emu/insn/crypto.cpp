// AES-NI, PCLMULQDQ and SHA. SDM Vol. 2. The host's instructions where it has them, plain C++ elsewhere.
#include "emu/insn/chapters.h"
#include "emu/insn/crypto_host.h"
#include "emu/insn/vector_forms.h"

namespace emu::insn {
namespace {

/// What the host has is its own.
template <Feature feature, auto host, auto plain>
bool either(const Fields& f, Insn& out) {
    return host_features().has(feature) ? vector_immediate<host>(f, out) : vector_immediate<plain>(f, out);
}

/// The round constant is exclusive-ored to words 1 and 3.
template <auto op>
constexpr auto kWithConstant = [](Xmm b, u8 n) { return _mm_xor_si128(op(b), _mm_setr_epi32(0, n, 0, n)); };

/// Bits 0 and 4 of the immediate choose the halves.
template <auto op>
constexpr auto kOfHalves = [](Xmm a, Xmm b, u8 n) {
    return op(n & 1 ? _mm_unpackhi_epi64(a, a) : a, n & 0x10 ? _mm_unpackhi_epi64(b, b) : b);
};

template <auto host, auto plain>
constexpr OpcodeRow aes(const char* name, u8 opcode) {
    return row38(Feature::kAes, name, Prefix::k66, opcode, either<Feature::kAes, host, plain>);
}
template <auto host, auto plain>
constexpr OpcodeRow sha(const char* name, u8 opcode) {
    return row38(Feature::kSha, name, Prefix::kNone, opcode, either<Feature::kSha, host, plain>);
}

}  // namespace

Rows crypto() {
    static constexpr OpcodeRow kRows[] = {
        aes<host::kAesimc, portable::aesimc>("aesimc", 0xdb),
        aes<host::kAesenc, portable::aesenc>("aesenc", 0xdc),
        aes<host::kAesenclast, portable::aesenclast>("aesenclast", 0xdd),
        aes<host::kAesdec, portable::aesdec>("aesdec", 0xde),
        aes<host::kAesdeclast, portable::aesdeclast>("aesdeclast", 0xdf),
        row3a(Feature::kAes, "aeskeygenassist", Prefix::k66, 0xdf,
              either<Feature::kAes, kWithConstant<host::kAeskeygenassist>,
                     kWithConstant<portable::aeskeygenassist>>),
        row3a(Feature::kPclmulqdq, "pclmulqdq", Prefix::k66, 0x44,
              either<Feature::kPclmulqdq, kOfHalves<host::kPclmulqdq>, kOfHalves<portable::pclmulqdq>>),
        sha<host::kSha1nexte, portable::sha1nexte>("sha1nexte", 0xc8),
        sha<host::kSha1msg1, portable::sha1msg1>("sha1msg1", 0xc9),
        sha<host::kSha1msg2, portable::sha1msg2>("sha1msg2", 0xca),
        sha<host::kSha256rnds2, portable::sha256rnds2>("sha256rnds2", 0xcb),
        sha<host::kSha256msg1, portable::sha256msg1>("sha256msg1", 0xcc),
        sha<host::kSha256msg2, portable::sha256msg2>("sha256msg2", 0xcd),
        row3a(Feature::kSha, "sha1rnds4", Prefix::kNone, 0xcc,
              either<Feature::kSha, host::kSha1rnds4, portable::sha1rnds4>),
    };
    return kRows;
}

}  // namespace emu::insn
