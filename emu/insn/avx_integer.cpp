// The integer instructions of SSE to SSE4.1 with VEX encodings: those of XMM registers are AVX's, those of
// YMM registers AVX2's. SDM Vol. 2.
#include "emu/insn/vex_forms.h"

namespace emu::insn {
namespace {

constexpr auto k66 = Prefix::k66, kF3 = Prefix::kF3, kF2 = Prefix::kF2;
constexpr auto kMemory = Operand::kMemory, kRegister = Operand::kRegister;

constexpr VexForm with_register(VexForm form) {
    form.immediate = VexImmediate::kRegister;
    return form.of_w(VexW::k0);
}

/// The rows of one vector length.
template <VexLength length>
struct Integer {
    static constexpr VexForm three = kThreeOperands.of_length(length), two = kTwoOperands.of_length(length);
    static constexpr VexForm shift = two.of_reg(VexReg::kExtension).of_rm(VexRm::kOnlyRegister).with_imm8();
    static constexpr VexForm mask = two.of_reg(VexReg::kGeneral).of_rm(VexRm::kOnlyRegister);
    static constexpr VexForm half = two.of_size(VexSize::kHalf), quarter = two.of_size(VexSize::kQuarter),
                             eighth = two.of_size(VexSize::kEighth);

    static constexpr auto rows() {
        return std::to_array<OpcodeRow>({
            vex_0f<three>("vpunpcklbw", k66, 0x60),
            vex_0f<three>("vpunpcklwd", k66, 0x61),
            vex_0f<three>("vpunpckldq", k66, 0x62),
            vex_0f<three>("vpacksswb", k66, 0x63),
            vex_0f<three>("vpcmpgtb", k66, 0x64),
            vex_0f<three>("vpcmpgtw", k66, 0x65),
            vex_0f<three>("vpcmpgtd", k66, 0x66),
            vex_0f<three>("vpackuswb", k66, 0x67),
            vex_0f<three>("vpunpckhbw", k66, 0x68),
            vex_0f<three>("vpunpckhwd", k66, 0x69),
            vex_0f<three>("vpunpckhdq", k66, 0x6a),
            vex_0f<three>("vpackssdw", k66, 0x6b),
            vex_0f<three>("vpunpcklqdq", k66, 0x6c),
            vex_0f<three>("vpunpckhqdq", k66, 0x6d),
            vex_0f<two.with_imm8()>("vpshufd", k66, 0x70),
            vex_0f<two.with_imm8()>("vpshufhw", kF3, 0x70),
            vex_0f<two.with_imm8()>("vpshuflw", kF2, 0x70),
            vex_0f<shift>("vpsrlw", k66, 0x71, kRegister, 2),
            vex_0f<shift>("vpsraw", k66, 0x71, kRegister, 4),
            vex_0f<shift>("vpsllw", k66, 0x71, kRegister, 6),
            vex_0f<shift>("vpsrld", k66, 0x72, kRegister, 2),
            vex_0f<shift>("vpsrad", k66, 0x72, kRegister, 4),
            vex_0f<shift>("vpslld", k66, 0x72, kRegister, 6),
            vex_0f<shift>("vpsrlq", k66, 0x73, kRegister, 2),
            vex_0f<shift>("vpsrldq", k66, 0x73, kRegister, 3),
            vex_0f<shift>("vpsllq", k66, 0x73, kRegister, 6),
            vex_0f<shift>("vpslldq", k66, 0x73, kRegister, 7),
            vex_0f<three>("vpcmpeqb", k66, 0x74),
            vex_0f<three>("vpcmpeqw", k66, 0x75),
            vex_0f<three>("vpcmpeqd", k66, 0x76),
            vex_0f<three.of_size(16)>("vpsrlw", k66, 0xd1),
            vex_0f<three.of_size(16)>("vpsrld", k66, 0xd2),
            vex_0f<three.of_size(16)>("vpsrlq", k66, 0xd3),
            vex_0f<three>("vpaddq", k66, 0xd4),
            vex_0f<three>("vpmullw", k66, 0xd5),
            vex_0f<mask>("vpmovmskb", k66, 0xd7, kRegister),
            vex_0f<three>("vpsubusb", k66, 0xd8),
            vex_0f<three>("vpsubusw", k66, 0xd9),
            vex_0f<three>("vpminub", k66, 0xda),
            vex_0f<three>("vpand", k66, 0xdb),
            vex_0f<three>("vpaddusb", k66, 0xdc),
            vex_0f<three>("vpaddusw", k66, 0xdd),
            vex_0f<three>("vpmaxub", k66, 0xde),
            vex_0f<three>("vpandn", k66, 0xdf),
            vex_0f<three>("vpavgb", k66, 0xe0),
            vex_0f<three.of_size(16)>("vpsraw", k66, 0xe1),
            vex_0f<three.of_size(16)>("vpsrad", k66, 0xe2),
            vex_0f<three>("vpavgw", k66, 0xe3),
            vex_0f<three>("vpmulhuw", k66, 0xe4),
            vex_0f<three>("vpmulhw", k66, 0xe5),
            vex_0f<three>("vpsubsb", k66, 0xe8),
            vex_0f<three>("vpsubsw", k66, 0xe9),
            vex_0f<three>("vpminsw", k66, 0xea),
            vex_0f<three>("vpor", k66, 0xeb),
            vex_0f<three>("vpaddsb", k66, 0xec),
            vex_0f<three>("vpaddsw", k66, 0xed),
            vex_0f<three>("vpmaxsw", k66, 0xee),
            vex_0f<three>("vpxor", k66, 0xef),
            vex_0f<three.of_size(16)>("vpsllw", k66, 0xf1),
            vex_0f<three.of_size(16)>("vpslld", k66, 0xf2),
            vex_0f<three.of_size(16)>("vpsllq", k66, 0xf3),
            vex_0f<three>("vpmuludq", k66, 0xf4),
            vex_0f<three>("vpmaddwd", k66, 0xf5),
            vex_0f<three>("vpsadbw", k66, 0xf6),
            vex_0f<three>("vpsubb", k66, 0xf8),
            vex_0f<three>("vpsubw", k66, 0xf9),
            vex_0f<three>("vpsubd", k66, 0xfa),
            vex_0f<three>("vpsubq", k66, 0xfb),
            vex_0f<three>("vpaddb", k66, 0xfc),
            vex_0f<three>("vpaddw", k66, 0xfd),
            vex_0f<three>("vpaddd", k66, 0xfe),
            vex_38<three>("vpshufb", 0x00),
            vex_38<three>("vphaddw", 0x01),
            vex_38<three>("vphaddd", 0x02),
            vex_38<three>("vphaddsw", 0x03),
            vex_38<three>("vpmaddubsw", 0x04),
            vex_38<three>("vphsubw", 0x05),
            vex_38<three>("vphsubd", 0x06),
            vex_38<three>("vphsubsw", 0x07),
            vex_38<three>("vpsignb", 0x08),
            vex_38<three>("vpsignw", 0x09),
            vex_38<three>("vpsignd", 0x0a),
            vex_38<three>("vpmulhrsw", 0x0b),
            vex_38<two>("vpabsb", 0x1c),
            vex_38<two>("vpabsw", 0x1d),
            vex_38<two>("vpabsd", 0x1e),
            vex_38<half>("vpmovsxbw", 0x20),
            vex_38<quarter>("vpmovsxbd", 0x21),
            vex_38<eighth>("vpmovsxbq", 0x22),
            vex_38<half>("vpmovsxwd", 0x23),
            vex_38<quarter>("vpmovsxwq", 0x24),
            vex_38<half>("vpmovsxdq", 0x25),
            vex_38<three>("vpmuldq", 0x28),
            vex_38<three>("vpcmpeqq", 0x29),
            vex_38<two.when_aligned()>("vmovntdqa", 0x2a, kMemory),
            vex_38<three>("vpackusdw", 0x2b),
            vex_38<half>("vpmovzxbw", 0x30),
            vex_38<quarter>("vpmovzxbd", 0x31),
            vex_38<eighth>("vpmovzxbq", 0x32),
            vex_38<half>("vpmovzxwd", 0x33),
            vex_38<quarter>("vpmovzxwq", 0x34),
            vex_38<half>("vpmovzxdq", 0x35),
            vex_38<three>("vpcmpgtq", 0x37),
            vex_38<three>("vpminsb", 0x38),
            vex_38<three>("vpminsd", 0x39),
            vex_38<three>("vpminuw", 0x3a),
            vex_38<three>("vpminud", 0x3b),
            vex_38<three>("vpmaxsb", 0x3c),
            vex_38<three>("vpmaxsd", 0x3d),
            vex_38<three>("vpmaxuw", 0x3e),
            vex_38<three>("vpmaxud", 0x3f),
            vex_38<three>("vpmulld", 0x40),
            vex_3a<three.with_imm8()>("vpblendw", 0x0e),
            vex_3a<three.with_imm8()>("vpalignr", 0x0f),
            vex_3a<three.with_imm8()>("vmpsadbw", 0x42),
            vex_3a<with_register(three)>("vpblendvb", 0x4c),
        });
    }
};

}  // namespace

Rows avx_integer() {
    static constexpr auto kRows = need(Feature::kAvx, Integer<VexLength::k128>::rows());
    return kRows;
}

Rows avx2_integer() {
    static constexpr auto kRows = need(Feature::kAvx2, Integer<VexLength::k256>::rows());
    return kRows;
}

}  // namespace emu::insn
