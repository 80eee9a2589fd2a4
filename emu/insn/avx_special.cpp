// VEX encodings of what is not of the usual shape: string comparisons, VPHMINPOSUW, AES and carry-less
// multiplication, and MXCSR. SDM Vol. 2B, 2C.
#include "emu/insn/vex_forms.h"

namespace emu::insn {
namespace {

constexpr VexForm kShort = kTwoOperands.of_length(VexLength::k128);
constexpr VexForm kShort3 = kThreeOperands.of_length(VexLength::k128);
constexpr VexForm kWide3 = kThreeOperands.of_length(VexLength::k256);
constexpr VexForm kString = kShort.of_reg(VexReg::kRead).of_either_w().with_imm8().of_strings();

}  // namespace

Rows avx_string() {
    static constexpr auto kRows =
        need(Feature::kAvx,
             std::to_array<OpcodeRow>({
                 vex_row("vldmxcsr", Map::k0F, Prefix::kNone, 0xae, kShort, ldmxcsr, Operand::kMemory, 2),
                 vex_row("vstmxcsr", Map::k0F, Prefix::kNone, 0xae, kShort, stmxcsr, Operand::kMemory, 3),
                 vex_38<kShort>("vphminposuw", 0x41),
                 vex_3a<kString>("vpcmpestrm", 0x60),
                 vex_3a<kString>("vpcmpestri", 0x61),
                 vex_3a<kString>("vpcmpistrm", 0x62),
                 vex_3a<kString>("vpcmpistri", 0x63),
             }));
    return kRows;
}

Rows avx_crypto() {
    static constexpr OpcodeRow kRows[] = {
        needs(Feature::kAes, vex_38<kShort>("vaesimc", 0xdb)),
        needs(Feature::kAes, vex_38<kShort3>("vaesenc", 0xdc)),
        needs(Feature::kAes, vex_38<kShort3>("vaesenclast", 0xdd)),
        needs(Feature::kAes, vex_38<kShort3>("vaesdec", 0xde)),
        needs(Feature::kAes, vex_38<kShort3>("vaesdeclast", 0xdf)),
        needs(Feature::kPclmulqdq, vex_3a<kShort3.with_imm8()>("vpclmulqdq", 0x44)),
        needs(Feature::kAes, vex_3a<kShort.with_imm8()>("vaeskeygenassist", 0xdf)),
    };
    return kRows;
}

/// VAES and VPCLMULQDQ without AVX-512.
Rows avx_wide_crypto() {
    static constexpr OpcodeRow kRows[] = {
        needs(Feature::kVaes, vex_38<kWide3>("vaesenc", 0xdc)),
        needs(Feature::kVaes, vex_38<kWide3>("vaesenclast", 0xdd)),
        needs(Feature::kVaes, vex_38<kWide3>("vaesdec", 0xde)),
        needs(Feature::kVaes, vex_38<kWide3>("vaesdeclast", 0xdf)),
        needs(Feature::kVpclmulqdq, vex_3a<kWide3.with_imm8()>("vpclmulqdq", 0x44)),
    };
    return kRows;
}

}  // namespace emu::insn
