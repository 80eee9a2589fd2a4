// AVX's arithmetic, comparisons, logic, shuffles and conversions on floating-point numbers. SDM Vol. 2.
#include "emu/insn/vex_forms.h"

namespace emu::insn {
namespace {

constexpr VexForm kScalarMerged = kThreeOperands.of_scalars();
constexpr VexForm kSs = kScalarMerged.of_size(4), kSd = kScalarMerged.of_size(8);

// Results that may be too small, results that may not.
constexpr VexForm kPsTiny = kThreeOperands.with_traps(Traps::kTinyPs);
constexpr VexForm kPdTiny = kThreeOperands.with_traps(Traps::kTinyPd);
constexpr VexForm kSsTiny = kSs.with_traps(Traps::kTinySs);
constexpr VexForm kSdTiny = kSd.with_traps(Traps::kTinySd);
constexpr VexForm kPacked = kThreeOperands.with_traps(Traps::kSome);
constexpr VexForm kSsSome = kSs.with_traps(Traps::kSome), kSdSome = kSd.with_traps(Traps::kSome);
constexpr VexForm kUnary = kTwoOperands.with_traps(Traps::kSome);
constexpr VexForm kHalfUnary = kUnary.of_size(VexSize::kHalf);

/// COMIS and UCOMIS.
constexpr VexForm kToFlags = kTwoOperands.of_scalars().of_reg(VexReg::kFlags).with_traps(Traps::kSome);
constexpr VexForm kTest = kTwoOperands.of_reg(VexReg::kFlags);
constexpr VexForm kFromGeneral =
    kScalarMerged.of_rm(VexRm::kGeneral).of_size(VexSize::kByW).of_either_w().with_traps(Traps::kSome);
constexpr VexForm kToGeneral =
    kTwoOperands.of_scalars().of_reg(VexReg::kGeneral).of_either_w().with_traps(Traps::kSome);

constexpr VexForm with_register(VexForm form) {
    form.immediate = VexImmediate::kRegister;
    return form.of_w(VexW::k0);
}

constexpr auto kNone = Prefix::kNone, k66 = Prefix::k66, kF3 = Prefix::kF3, kF2 = Prefix::kF2;

}  // namespace

Rows avx_float() {
    static constexpr auto kRows = need(
        Feature::kAvx,
        std::to_array<OpcodeRow>({
            vex_0f<kThreeOperands>("vunpcklps", kNone, 0x14),
            vex_0f<kThreeOperands>("vunpcklpd", k66, 0x14),
            vex_0f<kThreeOperands>("vunpckhps", kNone, 0x15),
            vex_0f<kThreeOperands>("vunpckhpd", k66, 0x15),
            vex_0f<kFromGeneral>("vcvtsi2ss", kF3, 0x2a),
            vex_0f<kFromGeneral>("vcvtsi2sd", kF2, 0x2a),
            vex_0f<kToGeneral.of_size(4)>("vcvttss2si", kF3, 0x2c),
            vex_0f<kToGeneral.of_size(8)>("vcvttsd2si", kF2, 0x2c),
            vex_0f<kToGeneral.of_size(4)>("vcvtss2si", kF3, 0x2d),
            vex_0f<kToGeneral.of_size(8)>("vcvtsd2si", kF2, 0x2d),
            vex_0f<kToFlags.of_size(4)>("vucomiss", kNone, 0x2e),
            vex_0f<kToFlags.of_size(8)>("vucomisd", k66, 0x2e),
            vex_0f<kToFlags.of_size(4)>("vcomiss", kNone, 0x2f),
            vex_0f<kToFlags.of_size(8)>("vcomisd", k66, 0x2f),
            vex_0f<kUnary>("vsqrtps", kNone, 0x51),
            vex_0f<kUnary>("vsqrtpd", k66, 0x51),
            vex_0f<kSsSome>("vsqrtss", kF3, 0x51),
            vex_0f<kSdSome>("vsqrtsd", kF2, 0x51),
            vex_0f<kTwoOperands>("vrsqrtps", kNone, 0x52),
            vex_0f<kSs>("vrsqrtss", kF3, 0x52),
            vex_0f<kTwoOperands>("vrcpps", kNone, 0x53),
            vex_0f<kSs>("vrcpss", kF3, 0x53),
            vex_0f<kThreeOperands>("vandps", kNone, 0x54),
            vex_0f<kThreeOperands>("vandpd", k66, 0x54),
            vex_0f<kThreeOperands>("vandnps", kNone, 0x55),
            vex_0f<kThreeOperands>("vandnpd", k66, 0x55),
            vex_0f<kThreeOperands>("vorps", kNone, 0x56),
            vex_0f<kThreeOperands>("vorpd", k66, 0x56),
            vex_0f<kThreeOperands>("vxorps", kNone, 0x57),
            vex_0f<kThreeOperands>("vxorpd", k66, 0x57),
            vex_0f<kPsTiny>("vaddps", kNone, 0x58),
            vex_0f<kPdTiny>("vaddpd", k66, 0x58),
            vex_0f<kSsTiny>("vaddss", kF3, 0x58),
            vex_0f<kSdTiny>("vaddsd", kF2, 0x58),
            vex_0f<kPsTiny>("vmulps", kNone, 0x59),
            vex_0f<kPdTiny>("vmulpd", k66, 0x59),
            vex_0f<kSsTiny>("vmulss", kF3, 0x59),
            vex_0f<kSdTiny>("vmulsd", kF2, 0x59),
            vex_0f<kHalfUnary>("vcvtps2pd", kNone, 0x5a),
            vex_0f<kUnary.with_traps(Traps::kTinyPs)>("vcvtpd2ps", k66, 0x5a),
            vex_0f<kSsSome>("vcvtss2sd", kF3, 0x5a),
            vex_0f<kSd.with_traps(Traps::kTinySs)>("vcvtsd2ss", kF2, 0x5a),
            vex_0f<kUnary>("vcvtdq2ps", kNone, 0x5b),
            vex_0f<kUnary>("vcvtps2dq", k66, 0x5b),
            vex_0f<kUnary>("vcvttps2dq", kF3, 0x5b),
            vex_0f<kPsTiny>("vsubps", kNone, 0x5c),
            vex_0f<kPdTiny>("vsubpd", k66, 0x5c),
            vex_0f<kSsTiny>("vsubss", kF3, 0x5c),
            vex_0f<kSdTiny>("vsubsd", kF2, 0x5c),
            vex_0f<kPacked>("vminps", kNone, 0x5d),
            vex_0f<kPacked>("vminpd", k66, 0x5d),
            vex_0f<kSsSome>("vminss", kF3, 0x5d),
            vex_0f<kSdSome>("vminsd", kF2, 0x5d),
            vex_0f<kPsTiny>("vdivps", kNone, 0x5e),
            vex_0f<kPdTiny>("vdivpd", k66, 0x5e),
            vex_0f<kSsTiny>("vdivss", kF3, 0x5e),
            vex_0f<kSdTiny>("vdivsd", kF2, 0x5e),
            vex_0f<kPacked>("vmaxps", kNone, 0x5f),
            vex_0f<kPacked>("vmaxpd", k66, 0x5f),
            vex_0f<kSsSome>("vmaxss", kF3, 0x5f),
            vex_0f<kSdSome>("vmaxsd", kF2, 0x5f),
            vex_0f<kPdTiny>("vhaddpd", k66, 0x7c),
            vex_0f<kPsTiny>("vhaddps", kF2, 0x7c),
            vex_0f<kPdTiny>("vhsubpd", k66, 0x7d),
            vex_0f<kPsTiny>("vhsubps", kF2, 0x7d),
            vex_0f<kPacked.with_imm8()>("vcmpps", kNone, 0xc2),
            vex_0f<kPacked.with_imm8()>("vcmppd", k66, 0xc2),
            vex_0f<kSsSome.with_imm8()>("vcmpss", kF3, 0xc2),
            vex_0f<kSdSome.with_imm8()>("vcmpsd", kF2, 0xc2),
            vex_0f<kThreeOperands.with_imm8()>("vshufps", kNone, 0xc6),
            vex_0f<kThreeOperands.with_imm8()>("vshufpd", k66, 0xc6),
            vex_0f<kPdTiny>("vaddsubpd", k66, 0xd0),
            vex_0f<kPsTiny>("vaddsubps", kF2, 0xd0),
            vex_0f<kUnary>("vcvttpd2dq", k66, 0xe6),
            vex_0f<kTwoOperands.of_size(VexSize::kHalf)>("vcvtdq2pd", kF3, 0xe6),
            vex_0f<kUnary>("vcvtpd2dq", kF2, 0xe6),
            vex_38<kThreeOperands.of_w(VexW::k0)>("vpermilps", 0x0c),
            vex_38<kThreeOperands.of_w(VexW::k0)>("vpermilpd", 0x0d),
            vex_38<kTest.of_w(VexW::k0)>("vtestps", 0x0e),
            vex_38<kTest.of_w(VexW::k0)>("vtestpd", 0x0f),
            vex_38<kTest>("vptest", 0x17),
            vex_3a<kTwoOperands.with_imm8().of_w(VexW::k0)>("vpermilps", 0x04),
            vex_3a<kTwoOperands.with_imm8().of_w(VexW::k0)>("vpermilpd", 0x05),
            vex_3a<kThreeOperands.with_imm8().of_w(VexW::k0).of_length(VexLength::k256)>("vperm2f128", 0x06),
            vex_3a<kUnary.with_imm8()>("vroundps", 0x08),
            vex_3a<kUnary.with_imm8()>("vroundpd", 0x09),
            vex_3a<kSsSome.with_imm8()>("vroundss", 0x0a),
            vex_3a<kSdSome.with_imm8()>("vroundsd", 0x0b),
            vex_3a<kThreeOperands.with_imm8()>("vblendps", 0x0c),
            vex_3a<kThreeOperands.with_imm8()>("vblendpd", 0x0d),
            vex_3a<kPsTiny.with_imm8()>("vdpps", 0x40),
            vex_3a<kPdTiny.with_imm8().of_length(VexLength::k128)>("vdppd", 0x41),
            vex_3a<with_register(kThreeOperands)>("vblendvps", 0x4a),
            vex_3a<with_register(kThreeOperands)>("vblendvpd", 0x4b),
        }));
    return kRows;
}

}  // namespace emu::insn
