// AES rounds, carry-less multiplication and SHA steps in plain C++, for hosts without these instructions: the
// host's own are used where it has them, and each is the other's test. FIPS 197, FIPS 180-4; SDM Vol. 2.
#pragma once

#include <emmintrin.h>

#include "mmu/base/ints.h"

namespace emu::insn::portable {

using mmu::u32, mmu::u64, mmu::u8;
using Xmm = __m128i;

Xmm aesenc(Xmm a, Xmm b);
Xmm aesenclast(Xmm a, Xmm b);
Xmm aesdec(Xmm a, Xmm b);
Xmm aesdeclast(Xmm a, Xmm b);
Xmm aesimc(Xmm b);
/// With a round constant of 0.
Xmm aeskeygenassist(Xmm b);

/// Of the low halves.
Xmm pclmulqdq(Xmm a, Xmm b);

Xmm sha1nexte(Xmm a, Xmm b);
Xmm sha1msg1(Xmm a, Xmm b);
Xmm sha1msg2(Xmm a, Xmm b);
/// `n`: which of the four functions and constants.
Xmm sha1rnds4(Xmm a, Xmm b, u8 n);
/// `keys`: sums of message and constants, the implicit XMM0.
Xmm sha256rnds2(Xmm a, Xmm b, Xmm keys);
Xmm sha256msg1(Xmm a, Xmm b);
Xmm sha256msg2(Xmm a, Xmm b);

}  // namespace emu::insn::portable
