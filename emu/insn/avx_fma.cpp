// FMA: multiplication and addition with one rounding, the operands in three orders; and F16C, conversions
// from and to half precision. SDM Vol. 2C. A row of FMA is two instructions: VEX.W says float or double.
#include "emu/insn/vex_forms.h"

namespace emu::insn {
namespace {

constexpr VexForm kFused = kThreeOperands.of_reg(VexReg::kUpdated).of_either_w();
constexpr VexForm kFusedScalar = kFused.of_scalars();

bool packed(const Fields& f, Insn& out) {
    return f.rex_w() ? vex<kFused.with_traps(Traps::kTinyPd)>(f, out)
                     : vex<kFused.with_traps(Traps::kTinyPs)>(f, out);
}
bool scalar(const Fields& f, Insn& out) {
    return f.rex_w() ? vex<kFusedScalar.of_size(8).with_traps(Traps::kTinySd)>(f, out)
                     : vex<kFusedScalar.of_size(4).with_traps(Traps::kTinySs)>(f, out);
}

constexpr OpcodeRow row(const char* name, u8 opcode, Build build) {
    return vex_row(name, Map::k0F38, Prefix::k66, opcode, kFused, build);
}

constexpr VexForm kFromHalf = kTwoOperands.of_size(VexSize::kHalf).of_w(VexW::k0).with_traps(Traps::kSome);
constexpr VexForm kToHalf = kTwoOperands.of_reg(VexReg::kRead)
                                .of_rm(VexRm::kStored)
                                .of_size(VexSize::kHalf)
                                .of_w(VexW::k0)
                                .with_imm8()
                                .with_traps(Traps::kTinyPh);

}  // namespace

Rows avx_fma() {
    static constexpr auto kRows =
        need(Feature::kFma, std::to_array<OpcodeRow>({
                                row("vfmaddsub132ps", 0x96, packed), row("vfmsubadd132ps", 0x97, packed),
                                row("vfmadd132ps", 0x98, packed),    row("vfmadd132ss", 0x99, scalar),
                                row("vfmsub132ps", 0x9a, packed),    row("vfmsub132ss", 0x9b, scalar),
                                row("vfnmadd132ps", 0x9c, packed),   row("vfnmadd132ss", 0x9d, scalar),
                                row("vfnmsub132ps", 0x9e, packed),   row("vfnmsub132ss", 0x9f, scalar),
                                row("vfmaddsub213ps", 0xa6, packed), row("vfmsubadd213ps", 0xa7, packed),
                                row("vfmadd213ps", 0xa8, packed),    row("vfmadd213ss", 0xa9, scalar),
                                row("vfmsub213ps", 0xaa, packed),    row("vfmsub213ss", 0xab, scalar),
                                row("vfnmadd213ps", 0xac, packed),   row("vfnmadd213ss", 0xad, scalar),
                                row("vfnmsub213ps", 0xae, packed),   row("vfnmsub213ss", 0xaf, scalar),
                                row("vfmaddsub231ps", 0xb6, packed), row("vfmsubadd231ps", 0xb7, packed),
                                row("vfmadd231ps", 0xb8, packed),    row("vfmadd231ss", 0xb9, scalar),
                                row("vfmsub231ps", 0xba, packed),    row("vfmsub231ss", 0xbb, scalar),
                                row("vfnmadd231ps", 0xbc, packed),   row("vfnmadd231ss", 0xbd, scalar),
                                row("vfnmsub231ps", 0xbe, packed),   row("vfnmsub231ss", 0xbf, scalar),
                            }));
    return kRows;
}

Rows avx_half_precision() {
    static constexpr auto kRows = need(Feature::kF16c, std::to_array<OpcodeRow>({
                                                           vex_38<kFromHalf>("vcvtph2ps", 0x13),
                                                           vex_3a<kToHalf>("vcvtps2ph", 0x1d),
                                                       }));
    return kRows;
}

}  // namespace emu::insn
