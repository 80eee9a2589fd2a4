// CVT*: conversions between integers and floating-point numbers, and between their widths, on XMM and general
// registers (those with MMX operands are in mmx.cpp). SDM Vol. 2A. The host's very instructions: rounding,
// flags and the "integer indefinite" of what does not fit are the hardware's.
#include "emu/insn/chapters.h"
#include "emu/insn/vector_forms.h"

namespace emu::insn {
namespace {

// The whole register, or its low half and zeros.

constexpr auto kCvtps2pd = [](Xmm b) {
    asm volatile("cvtps2pd %0, %0" : "+x"(b));
    return b;
};
constexpr auto kCvtpd2ps = [](Xmm b) {
    asm volatile("cvtpd2ps %0, %0" : "+x"(b));
    return b;
};
constexpr auto kCvtdq2ps = [](Xmm b) {
    asm volatile("cvtdq2ps %0, %0" : "+x"(b));
    return b;
};
constexpr auto kCvtps2dq = [](Xmm b) {
    asm volatile("cvtps2dq %0, %0" : "+x"(b));
    return b;
};
constexpr auto kCvttps2dq = [](Xmm b) {
    asm volatile("cvttps2dq %0, %0" : "+x"(b));
    return b;
};
constexpr auto kCvtdq2pd = [](Xmm b) {
    asm volatile("cvtdq2pd %0, %0" : "+x"(b));
    return b;
};
constexpr auto kCvtpd2dq = [](Xmm b) {
    asm volatile("cvtpd2dq %0, %0" : "+x"(b));
    return b;
};
constexpr auto kCvttpd2dq = [](Xmm b) {
    asm volatile("cvttpd2dq %0, %0" : "+x"(b));
    return b;
};

// The lowest element; the rest of the destination stays.

constexpr auto kCvtss2sd = [](Xmm a, Xmm b) {
    asm volatile("cvtss2sd %1, %0" : "+x"(a) : "x"(b));
    return a;
};
constexpr auto kCvtsd2ss = [](Xmm a, Xmm b) {
    asm volatile("cvtsd2ss %1, %0" : "+x"(a) : "x"(b));
    return a;
};

// From general registers. The type of the source is the width.

constexpr auto kCvtsi2ss32 = [](Xmm a, u32 b) {
    asm volatile("cvtsi2ssl %1, %0" : "+x"(a) : "r"(b));
    return a;
};
constexpr auto kCvtsi2ss64 = [](Xmm a, u64 b) {
    asm volatile("cvtsi2ssq %1, %0" : "+x"(a) : "r"(b));
    return a;
};
constexpr auto kCvtsi2sd32 = [](Xmm a, u32 b) {
    asm volatile("cvtsi2sdl %1, %0" : "+x"(a) : "r"(b));
    return a;
};
constexpr auto kCvtsi2sd64 = [](Xmm a, u64 b) {
    asm volatile("cvtsi2sdq %1, %0" : "+x"(a) : "r"(b));
    return a;
};

// To general registers. The type of the result is the width.

template <class T>
constexpr auto kCvtss2si = [](Xmm b) {
    T result;
    asm volatile("cvtss2si %1, %0" : "=r"(result) : "x"(b));
    return result;
};
template <class T>
constexpr auto kCvttss2si = [](Xmm b) {
    T result;
    asm volatile("cvttss2si %1, %0" : "=r"(result) : "x"(b));
    return result;
};
template <class T>
constexpr auto kCvtsd2si = [](Xmm b) {
    T result;
    asm volatile("cvtsd2si %1, %0" : "=r"(result) : "x"(b));
    return result;
};
template <class T>
constexpr auto kCvttsd2si = [](Xmm b) {
    T result;
    asm volatile("cvttsd2si %1, %0" : "=r"(result) : "x"(b));
    return result;
};

constexpr auto kSome = Traps::kSome;

}  // namespace

Rows sse_convert() {
    constexpr auto kNone = Prefix::kNone, k66 = Prefix::k66, kF3 = Prefix::kF3, kF2 = Prefix::kF2;
    static constexpr OpcodeRow kRows[] = {
        row("cvtsi2ss", kF3, 0x2a, vector_from_general<kCvtsi2ss32, kCvtsi2ss64, kSome>),
        row("cvtsi2sd", kF2, 0x2a, vector_from_general<kCvtsi2sd32, kCvtsi2sd64, kSome>),
        row("cvttss2si", kF3, 0x2c, general_from_vector<kCvttss2si<u32>, kCvttss2si<u64>, XmmM32, kSome>),
        row("cvttsd2si", kF2, 0x2c, general_from_vector<kCvttsd2si<u32>, kCvttsd2si<u64>, XmmM64, kSome>),
        row("cvtss2si", kF3, 0x2d, general_from_vector<kCvtss2si<u32>, kCvtss2si<u64>, XmmM32, kSome>),
        row("cvtsd2si", kF2, 0x2d, general_from_vector<kCvtsd2si<u32>, kCvtsd2si<u64>, XmmM64, kSome>),
        row("cvtps2pd", kNone, 0x5a, vector_op<kCvtps2pd, XmmM64, kSome>),
        row("cvtpd2ps", k66, 0x5a, vector_op<kCvtpd2ps, XmmM128, Traps::kTinyPs>),
        row("cvtss2sd", kF3, 0x5a, vector_op<kCvtss2sd, XmmM32, kSome>),
        row("cvtsd2ss", kF2, 0x5a, vector_op<kCvtsd2ss, XmmM64, Traps::kTinySs>),
        row("cvtdq2ps", kNone, 0x5b, vector_op<kCvtdq2ps, XmmM128, kSome>),
        row("cvtps2dq", k66, 0x5b, vector_op<kCvtps2dq, XmmM128, kSome>),
        row("cvttps2dq", kF3, 0x5b, vector_op<kCvttps2dq, XmmM128, kSome>),
        row("cvttpd2dq", k66, 0xe6, vector_op<kCvttpd2dq, XmmM128, kSome>),
        row("cvtdq2pd", kF3, 0xe6, vector_op<kCvtdq2pd, XmmM64>),
        row("cvtpd2dq", kF2, 0xe6, vector_op<kCvtpd2dq, XmmM128, kSome>),
    };
    return kRows;
}

}  // namespace emu::insn
