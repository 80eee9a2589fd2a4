// VEX encodings of what is not of the usual shape: string comparisons, VPHMINPOSUW, AES and carry-less
// multiplication, and MXCSR. SDM Vol. 2B, 2C.
#include "emu/insn/vex_forms.h"

namespace emu::insn {
namespace {

constexpr VexForm kShort = kTwoOperands.of_length(VexLength::k128);
constexpr VexForm kShort3 = kThreeOperands.of_length(VexLength::k128);
constexpr VexForm kWide3 = kThreeOperands.of_length(VexLength::k256);
constexpr VexForm kString = kShort.of_reg(VexReg::kRead).of_either_w().with_imm8().of_strings();

/// AES and carry-less multiplication have other ways to be executed without VEX, so that a CPU may offer them
/// where the host has not what a stub needs.
template <Feature feature, VexForm form>
bool on_host(const Fields& f, Insn& out) {
    return host_features().contains({Feature::kAvx, feature}) && vex<form>(f, out);
}
template <Feature feature, VexForm form>
constexpr OpcodeRow crypto_38(const char* name, u8 opcode) {
    return needs(feature, vex_row(name, Map::k0F38, Prefix::k66, opcode, form, on_host<feature, form>));
}
template <Feature feature, VexForm form>
constexpr OpcodeRow crypto_3a(const char* name, u8 opcode) {
    return needs(feature, vex_row(name, Map::k0F3A, Prefix::k66, opcode, form, on_host<feature, form>));
}

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
        crypto_38<Feature::kAes, kShort>("vaesimc", 0xdb),
        crypto_38<Feature::kAes, kShort3>("vaesenc", 0xdc),
        crypto_38<Feature::kAes, kShort3>("vaesenclast", 0xdd),
        crypto_38<Feature::kAes, kShort3>("vaesdec", 0xde),
        crypto_38<Feature::kAes, kShort3>("vaesdeclast", 0xdf),
        crypto_3a<Feature::kPclmulqdq, kShort3.with_imm8()>("vpclmulqdq", 0x44),
        crypto_3a<Feature::kAes, kShort.with_imm8()>("vaeskeygenassist", 0xdf),
    };
    return kRows;
}

/// VAES and VPCLMULQDQ without AVX-512.
Rows avx_wide_crypto() {
    static constexpr OpcodeRow kRows[] = {
        crypto_38<Feature::kVaes, kWide3>("vaesenc", 0xdc),
        crypto_38<Feature::kVaes, kWide3>("vaesenclast", 0xdd),
        crypto_38<Feature::kVaes, kWide3>("vaesdec", 0xde),
        crypto_38<Feature::kVaes, kWide3>("vaesdeclast", 0xdf),
        crypto_3a<Feature::kVpclmulqdq, kWide3.with_imm8()>("vpclmulqdq", 0x44),
    };
    return kRows;
}

}  // namespace emu::insn
