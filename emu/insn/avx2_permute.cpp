// AVX2's broadcasts, inserts, extracts, permutations across lanes, and shifts by a count for each element.
// SDM Vol. 2B, 2C.
#include "emu/insn/vex_forms.h"

namespace emu::insn {
namespace {

constexpr VexForm kBroadcast = kTwoOperands.of_w(VexW::k0);
constexpr VexForm kWide = kThreeOperands.of_length(VexLength::k256).of_w(VexW::k0);
constexpr VexForm kQuadwords = kTwoOperands.of_length(VexLength::k256).of_w(VexW::k1).with_imm8();
constexpr VexForm kVariableShift = kThreeOperands.of_either_w();
constexpr VexForm kExtract = kTwoOperands.of_length(VexLength::k256)
                                 .of_reg(VexReg::kRead)
                                 .of_rm(VexRm::kStored)
                                 .of_w(VexW::k0)
                                 .of_size(16)
                                 .with_imm8();

}  // namespace

Rows avx2_permute() {
    constexpr auto kMemory = Operand::kMemory, kRegister = Operand::kRegister;
    static constexpr auto kRows =
        need(Feature::kAvx2,
             std::to_array<OpcodeRow>({
                 vex_38<kWide>("vpermps", 0x16),
                 vex_38<kBroadcast.of_size(4)>("vbroadcastss", 0x18, kRegister),
                 vex_38<kBroadcast.of_size(8).of_length(VexLength::k256)>("vbroadcastsd", 0x19, kRegister),
                 vex_38<kWide>("vpermd", 0x36),
                 vex_38<kVariableShift>("vpsrlvd", 0x45),
                 vex_38<kThreeOperands.of_w(VexW::k0)>("vpsravd", 0x46),
                 vex_38<kVariableShift>("vpsllvd", 0x47),
                 vex_38<kBroadcast.of_size(4)>("vpbroadcastd", 0x58),
                 vex_38<kBroadcast.of_size(8)>("vpbroadcastq", 0x59),
                 vex_38<kBroadcast.of_size(16).of_length(VexLength::k256)>("vbroadcasti128", 0x5a, kMemory),
                 vex_38<kBroadcast.of_size(1)>("vpbroadcastb", 0x78),
                 vex_38<kBroadcast.of_size(2)>("vpbroadcastw", 0x79),
                 vex_3a<kQuadwords>("vpermq", 0x00),
                 vex_3a<kQuadwords>("vpermpd", 0x01),
                 vex_3a<kThreeOperands.of_w(VexW::k0).with_imm8()>("vpblendd", 0x02),
                 vex_3a<kWide.of_size(16).with_imm8()>("vinserti128", 0x38),
                 vex_3a<kExtract>("vextracti128", 0x39),
                 vex_3a<kWide.with_imm8()>("vperm2i128", 0x46),
             }));
    return kRows;
}

}  // namespace emu::insn
