// Arithmetic, comparisons and logic of SSE to SSE3 on floating-point numbers. SDM Vol. 2. The bodies are the
// host's very instructions, so that NaNs, denormals, rounding and flags are the hardware's.
//
// Deviation: RCPPS and RSQRTPS give the host's approximation; the manual only bounds its error.
#include <array>
#include <utility>

#include "emu/insn/chapters.h"
#include "emu/insn/vector_forms.h"

namespace emu::insn {
namespace {

constexpr auto kSqrtps = [](Xmm b) {
    asm volatile("sqrtps %0, %0" : "+x"(b));
    return b;
};
constexpr auto kSqrtpd = [](Xmm b) {
    asm volatile("sqrtpd %0, %0" : "+x"(b));
    return b;
};
constexpr auto kSqrtss = [](Xmm a, Xmm b) {
    asm volatile("sqrtss %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kSqrtsd = [](Xmm a, Xmm b) {
    asm volatile("sqrtsd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kRsqrtps = [](Xmm b) {
    asm volatile("rsqrtps %0, %0" : "+x"(b));
    return b;
};
constexpr auto kRsqrtss = [](Xmm a, Xmm b) {
    asm volatile("rsqrtss %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kRcpps = [](Xmm b) {
    asm volatile("rcpps %0, %0" : "+x"(b));
    return b;
};
constexpr auto kRcpss = [](Xmm a, Xmm b) {
    asm volatile("rcpss %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kAddps = [](Xmm a, Xmm b) {
    asm volatile("addps %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kAddpd = [](Xmm a, Xmm b) {
    asm volatile("addpd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kAddss = [](Xmm a, Xmm b) {
    asm volatile("addss %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kAddsd = [](Xmm a, Xmm b) {
    asm volatile("addsd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kMulps = [](Xmm a, Xmm b) {
    asm volatile("mulps %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kMulpd = [](Xmm a, Xmm b) {
    asm volatile("mulpd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kMulss = [](Xmm a, Xmm b) {
    asm volatile("mulss %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kMulsd = [](Xmm a, Xmm b) {
    asm volatile("mulsd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kSubps = [](Xmm a, Xmm b) {
    asm volatile("subps %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kSubpd = [](Xmm a, Xmm b) {
    asm volatile("subpd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kSubss = [](Xmm a, Xmm b) {
    asm volatile("subss %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kSubsd = [](Xmm a, Xmm b) {
    asm volatile("subsd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kMinps = [](Xmm a, Xmm b) {
    asm volatile("minps %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kMinpd = [](Xmm a, Xmm b) {
    asm volatile("minpd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kMinss = [](Xmm a, Xmm b) {
    asm volatile("minss %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kMinsd = [](Xmm a, Xmm b) {
    asm volatile("minsd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kDivps = [](Xmm a, Xmm b) {
    asm volatile("divps %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kDivpd = [](Xmm a, Xmm b) {
    asm volatile("divpd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kDivss = [](Xmm a, Xmm b) {
    asm volatile("divss %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kDivsd = [](Xmm a, Xmm b) {
    asm volatile("divsd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kMaxps = [](Xmm a, Xmm b) {
    asm volatile("maxps %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kMaxpd = [](Xmm a, Xmm b) {
    asm volatile("maxpd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kMaxss = [](Xmm a, Xmm b) {
    asm volatile("maxss %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kMaxsd = [](Xmm a, Xmm b) {
    asm volatile("maxsd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kHaddpd = [](Xmm a, Xmm b) {
    asm volatile("haddpd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kHaddps = [](Xmm a, Xmm b) {
    asm volatile("haddps %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kHsubpd = [](Xmm a, Xmm b) {
    asm volatile("hsubpd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kHsubps = [](Xmm a, Xmm b) {
    asm volatile("hsubps %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kAddsubpd = [](Xmm a, Xmm b) {
    asm volatile("addsubpd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kAddsubps = [](Xmm a, Xmm b) {
    asm volatile("addsubps %1, %0" : "+x"(a) : "x"(b));
    return a;
};

// Eight predicates, in the instruction on the host as well. The upper bits of the immediate are ignored.

constexpr auto kCmpps = []<u8 predicate>(Xmm a, Xmm b) {
    asm volatile("cmpps %2, %1, %0" : "+x"(a) : "x"(b), "i"(predicate));
    return a;
};
constexpr auto kCmppd = []<u8 predicate>(Xmm a, Xmm b) {
    asm volatile("cmppd %2, %1, %0" : "+x"(a) : "x"(b), "i"(predicate));
    return a;
};
constexpr auto kCmpss = []<u8 predicate>(Xmm a, Xmm b) {
    asm volatile("cmpss %2, %1, %0" : "+x"(a) : "x"(b), "i"(predicate));
    return a;
};
constexpr auto kCmpsd = []<u8 predicate>(Xmm a, Xmm b) {
    asm volatile("cmpsd %2, %1, %0" : "+x"(a) : "x"(b), "i"(predicate));
    return a;
};

// COMIS and UCOMIS: the host sets ZF, PF and CF and clears OF, SF and AF; LAHF and SETO bring them.
constexpr auto kUcomiss = [](Xmm a, Xmm b) {
    Flags flags;
    asm volatile("ucomiss %2, %1\n\tlahf\n\tseto %%al" : "=&a"(flags) : "x"(a), "x"(b) : "cc");
    return flags;
};
constexpr auto kUcomisd = [](Xmm a, Xmm b) {
    Flags flags;
    asm volatile("ucomisd %2, %1\n\tlahf\n\tseto %%al" : "=&a"(flags) : "x"(a), "x"(b) : "cc");
    return flags;
};
constexpr auto kComiss = [](Xmm a, Xmm b) {
    Flags flags;
    asm volatile("comiss %2, %1\n\tlahf\n\tseto %%al" : "=&a"(flags) : "x"(a), "x"(b) : "cc");
    return flags;
};
constexpr auto kComisd = [](Xmm a, Xmm b) {
    Flags flags;
    asm volatile("comisd %2, %1\n\tlahf\n\tseto %%al" : "=&a"(flags) : "x"(a), "x"(b) : "cc");
    return flags;
};

// Logic and interleaving know no numbers.

constexpr auto kAnd = [](Xmm a, Xmm b) { return _mm_and_si128(a, b); };
constexpr auto kAndNot = [](Xmm a, Xmm b) { return _mm_andnot_si128(a, b); };
constexpr auto kOr = [](Xmm a, Xmm b) { return _mm_or_si128(a, b); };
constexpr auto kXor = [](Xmm a, Xmm b) { return _mm_xor_si128(a, b); };
constexpr auto kUnpackLow32 = [](Xmm a, Xmm b) { return _mm_unpacklo_epi32(a, b); };
constexpr auto kUnpackHigh32 = [](Xmm a, Xmm b) { return _mm_unpackhi_epi32(a, b); };
constexpr auto kUnpackLow64 = [](Xmm a, Xmm b) { return _mm_unpacklo_epi64(a, b); };
constexpr auto kUnpackHigh64 = [](Xmm a, Xmm b) { return _mm_unpackhi_epi64(a, b); };

}  // namespace

Rows sse_float() {
    constexpr auto kNone = Prefix::kNone, k66 = Prefix::k66, kF3 = Prefix::kF3, kF2 = Prefix::kF2;
    static constexpr OpcodeRow kRows[] = {
        row("unpcklps", kNone, 0x14, vector_op<kUnpackLow32>),
        row("unpcklpd", k66, 0x14, vector_op<kUnpackLow64>),
        row("unpckhps", kNone, 0x15, vector_op<kUnpackHigh32>),
        row("unpckhpd", k66, 0x15, vector_op<kUnpackHigh64>),
        row("ucomiss", kNone, 0x2e, vector_op<kUcomiss, XmmM32, Traps::kSome>),
        row("ucomisd", k66, 0x2e, vector_op<kUcomisd, XmmM64, Traps::kSome>),
        row("comiss", kNone, 0x2f, vector_op<kComiss, XmmM32, Traps::kSome>),
        row("comisd", k66, 0x2f, vector_op<kComisd, XmmM64, Traps::kSome>),
        row("sqrtps", kNone, 0x51, vector_op<kSqrtps, XmmM128, Traps::kSome>),
        row("sqrtpd", k66, 0x51, vector_op<kSqrtpd, XmmM128, Traps::kSome>),
        row("sqrtss", kF3, 0x51, vector_op<kSqrtss, XmmM32, Traps::kSome>),
        row("sqrtsd", kF2, 0x51, vector_op<kSqrtsd, XmmM64, Traps::kSome>),
        row("rsqrtps", kNone, 0x52, vector_op<kRsqrtps, XmmM128>),
        row("rsqrtss", kF3, 0x52, vector_op<kRsqrtss, XmmM32>),
        row("rcpps", kNone, 0x53, vector_op<kRcpps, XmmM128>),
        row("rcpss", kF3, 0x53, vector_op<kRcpss, XmmM32>),
        row("andps", kNone, 0x54, vector_op<kAnd>),
        row("andpd", k66, 0x54, vector_op<kAnd>),
        row("andnps", kNone, 0x55, vector_op<kAndNot>),
        row("andnpd", k66, 0x55, vector_op<kAndNot>),
        row("orps", kNone, 0x56, vector_op<kOr>),
        row("orpd", k66, 0x56, vector_op<kOr>),
        row("xorps", kNone, 0x57, vector_op<kXor>),
        row("xorpd", k66, 0x57, vector_op<kXor>),
        row("addps", kNone, 0x58, vector_op<kAddps, XmmM128, Traps::kTinyPs>),
        row("addpd", k66, 0x58, vector_op<kAddpd, XmmM128, Traps::kTinyPd>),
        row("addss", kF3, 0x58, vector_op<kAddss, XmmM32, Traps::kTinySs>),
        row("addsd", kF2, 0x58, vector_op<kAddsd, XmmM64, Traps::kTinySd>),
        row("mulps", kNone, 0x59, vector_op<kMulps, XmmM128, Traps::kTinyPs>),
        row("mulpd", k66, 0x59, vector_op<kMulpd, XmmM128, Traps::kTinyPd>),
        row("mulss", kF3, 0x59, vector_op<kMulss, XmmM32, Traps::kTinySs>),
        row("mulsd", kF2, 0x59, vector_op<kMulsd, XmmM64, Traps::kTinySd>),
        row("subps", kNone, 0x5c, vector_op<kSubps, XmmM128, Traps::kTinyPs>),
        row("subpd", k66, 0x5c, vector_op<kSubpd, XmmM128, Traps::kTinyPd>),
        row("subss", kF3, 0x5c, vector_op<kSubss, XmmM32, Traps::kTinySs>),
        row("subsd", kF2, 0x5c, vector_op<kSubsd, XmmM64, Traps::kTinySd>),
        row("minps", kNone, 0x5d, vector_op<kMinps, XmmM128, Traps::kSome>),
        row("minpd", k66, 0x5d, vector_op<kMinpd, XmmM128, Traps::kSome>),
        row("minss", kF3, 0x5d, vector_op<kMinss, XmmM32, Traps::kSome>),
        row("minsd", kF2, 0x5d, vector_op<kMinsd, XmmM64, Traps::kSome>),
        row("divps", kNone, 0x5e, vector_op<kDivps, XmmM128, Traps::kTinyPs>),
        row("divpd", k66, 0x5e, vector_op<kDivpd, XmmM128, Traps::kTinyPd>),
        row("divss", kF3, 0x5e, vector_op<kDivss, XmmM32, Traps::kTinySs>),
        row("divsd", kF2, 0x5e, vector_op<kDivsd, XmmM64, Traps::kTinySd>),
        row("maxps", kNone, 0x5f, vector_op<kMaxps, XmmM128, Traps::kSome>),
        row("maxpd", k66, 0x5f, vector_op<kMaxpd, XmmM128, Traps::kSome>),
        row("maxss", kF3, 0x5f, vector_op<kMaxss, XmmM32, Traps::kSome>),
        row("maxsd", kF2, 0x5f, vector_op<kMaxsd, XmmM64, Traps::kSome>),
        needs(Feature::kSse3, row("haddpd", k66, 0x7c, vector_op<kHaddpd, XmmM128, Traps::kTinyPd>)),
        needs(Feature::kSse3, row("haddps", kF2, 0x7c, vector_op<kHaddps, XmmM128, Traps::kTinyPs>)),
        needs(Feature::kSse3, row("hsubpd", k66, 0x7d, vector_op<kHsubpd, XmmM128, Traps::kTinyPd>)),
        needs(Feature::kSse3, row("hsubps", kF2, 0x7d, vector_op<kHsubps, XmmM128, Traps::kTinyPs>)),
        needs(Feature::kSse3, row("addsubpd", k66, 0xd0, vector_op<kAddsubpd, XmmM128, Traps::kTinyPd>)),
        needs(Feature::kSse3, row("addsubps", kF2, 0xd0, vector_op<kAddsubps, XmmM128, Traps::kTinyPs>)),
        row("cmpps", kNone, 0xc2, chosen_by_immediate<kCmpps, XmmM128, 8>),
        row("cmppd", k66, 0xc2, chosen_by_immediate<kCmppd, XmmM128, 8>),
        row("cmpss", kF3, 0xc2, chosen_by_immediate<kCmpss, XmmM32, 8>),
        row("cmpsd", kF2, 0xc2, chosen_by_immediate<kCmpsd, XmmM64, 8>),
    };
    return kRows;
}

}  // namespace emu::insn
