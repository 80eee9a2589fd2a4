// The host's own instructions for AES, PCLMULQDQ and SHA, and their portable twins (crypto_portable.h).
#pragma once

#include "emu/insn/crypto_portable.h"

namespace emu::insn::host {

using mmu::u8;
using Xmm = __m128i;

inline constexpr auto kAesenc = [](Xmm a, Xmm b) {
    asm("aesenc %1, %0" : "+x"(a) : "x"(b));
    return a;
};
inline constexpr auto kAesenclast = [](Xmm a, Xmm b) {
    asm("aesenclast %1, %0" : "+x"(a) : "x"(b));
    return a;
};
inline constexpr auto kAesdec = [](Xmm a, Xmm b) {
    asm("aesdec %1, %0" : "+x"(a) : "x"(b));
    return a;
};
inline constexpr auto kAesdeclast = [](Xmm a, Xmm b) {
    asm("aesdeclast %1, %0" : "+x"(a) : "x"(b));
    return a;
};
inline constexpr auto kAesimc = [](Xmm b) {
    asm("aesimc %0, %0" : "+x"(b));
    return b;
};
inline constexpr auto kAeskeygenassist = [](Xmm b) {
    asm("aeskeygenassist $0, %0, %0" : "+x"(b));
    return b;
};
inline constexpr auto kPclmulqdq = [](Xmm a, Xmm b) {
    asm("pclmulqdq $0, %1, %0" : "+x"(a) : "x"(b));
    return a;
};
inline constexpr auto kSha1nexte = [](Xmm a, Xmm b) {
    asm("sha1nexte %1, %0" : "+x"(a) : "x"(b));
    return a;
};
inline constexpr auto kSha1msg1 = [](Xmm a, Xmm b) {
    asm("sha1msg1 %1, %0" : "+x"(a) : "x"(b));
    return a;
};
inline constexpr auto kSha1msg2 = [](Xmm a, Xmm b) {
    asm("sha1msg2 %1, %0" : "+x"(a) : "x"(b));
    return a;
};
inline constexpr auto kSha256msg1 = [](Xmm a, Xmm b) {
    asm("sha256msg1 %1, %0" : "+x"(a) : "x"(b));
    return a;
};
inline constexpr auto kSha256msg2 = [](Xmm a, Xmm b) {
    asm("sha256msg2 %1, %0" : "+x"(a) : "x"(b));
    return a;
};
inline constexpr auto kSha1rnds4 = [](Xmm a, Xmm b, u8 n) {
    switch (n & 3) {
        case 0:
            asm("sha1rnds4 $0, %1, %0" : "+x"(a) : "x"(b));
            break;
        case 1:
            asm("sha1rnds4 $1, %1, %0" : "+x"(a) : "x"(b));
            break;
        case 2:
            asm("sha1rnds4 $2, %1, %0" : "+x"(a) : "x"(b));
            break;
        default:
            asm("sha1rnds4 $3, %1, %0" : "+x"(a) : "x"(b));
    }
    return a;
};
inline constexpr auto kSha256rnds2 = [](Xmm a, Xmm b, Xmm keys) {
    asm("sha256rnds2 %2, %1, %0" : "+x"(a) : "x"(b), "Yz"(keys));
    return a;
};

}  // namespace emu::insn::host
