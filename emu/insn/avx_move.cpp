// AVX's moves: whole registers, scalars, halves, broadcasts of memory, inserts and extracts, between vector
// and general registers, masks of signs, and the upper halves' clearing. SDM Vol. 2B, 2C. The cache hints of
// VMOVNT* are not modelled.
#include "emu/insn/vex_forms.h"

namespace emu::insn {
namespace {

constexpr VexForm kLoad = kTwoOperands;
constexpr VexForm kStore = kTwoOperands.of_reg(VexReg::kRead).of_rm(VexRm::kStored);
constexpr VexForm kLoad128 = kLoad.of_length(VexLength::k128);
constexpr VexForm kStore128 = kStore.of_length(VexLength::k128);
constexpr VexForm kLoadScalar = kLoad.of_scalars();
constexpr VexForm kStoreScalar = kStore.of_scalars();
constexpr VexForm kMergeScalar = kThreeOperands.of_scalars().of_rm(VexRm::kOnlyRegister);
constexpr VexForm kMergeStoredScalar = kStoreScalar.with_vvvv();
/// A half of `vvvv`, and a half from memory or of r/m.
constexpr VexForm kMergeHalf = kThreeOperands.of_length(VexLength::k128).of_size(8);
constexpr VexForm kMergeHalves = kThreeOperands.of_length(VexLength::k128).of_rm(VexRm::kOnlyRegister);
constexpr VexForm kFromGeneral = kLoad128.of_rm(VexRm::kGeneral).of_size(VexSize::kByW).of_either_w();
constexpr VexForm kToGeneral = kStore128.of_rm(VexRm::kStoredGeneral).of_size(VexSize::kByW).of_either_w();
constexpr VexForm kMask = kTwoOperands.of_reg(VexReg::kGeneral).of_rm(VexRm::kOnlyRegister);
constexpr VexForm kInsert = kThreeOperands.of_length(VexLength::k128).of_rm(VexRm::kGeneral).with_imm8();
constexpr VexForm kExtract = kStore128.of_rm(VexRm::kStoredGeneral).with_imm8();
constexpr VexForm kExtractWord = kLoad128.of_reg(VexReg::kGeneral).of_rm(VexRm::kOnlyRegister).with_imm8();
constexpr VexForm kInsertHalf =
    kThreeOperands.of_length(VexLength::k256).of_w(VexW::k0).of_size(16).with_imm8();
constexpr VexForm kExtractHalf = kStore.of_length(VexLength::k256).of_w(VexW::k0).of_size(16).with_imm8();
constexpr VexForm kInsertElement = kThreeOperands.of_length(VexLength::k128).of_size(4).with_imm8();

/// VZEROUPPER and VZEROALL.
template <unsigned from>
struct ClearVectors {
    static Exit run(Cpu& c, const Insn* i) {
        for (mmu::Vector256& each : c.regs.vector) __builtin_memset(each.bytes.data() + from, 0, 32 - from);
        return next(c, i);
    }
};
bool clear_vectors(const Fields& f, Insn& out) {
    out.run = f.vex_l ? &ClearVectors<0>::run : &ClearVectors<16>::run;
    return true;
}

constexpr auto kNone = Prefix::kNone, k66 = Prefix::k66, kF3 = Prefix::kF3, kF2 = Prefix::kF2;
constexpr auto kMemory = Operand::kMemory, kRegister = Operand::kRegister;

}  // namespace

Rows avx_move() {
    static constexpr auto kRows = need(
        Feature::kAvx,
        std::to_array<OpcodeRow>({
            vex_0f<kLoad>("vmovups", kNone, 0x10),
            vex_0f<kLoad>("vmovupd", k66, 0x10),
            vex_0f<kLoadScalar.of_size(4)>("vmovss", kF3, 0x10, kMemory),
            vex_0f<kMergeScalar>("vmovss", kF3, 0x10, kRegister),
            vex_0f<kLoadScalar.of_size(8)>("vmovsd", kF2, 0x10, kMemory),
            vex_0f<kMergeScalar>("vmovsd", kF2, 0x10, kRegister),
            vex_0f<kStore>("vmovups", kNone, 0x11),
            vex_0f<kStore>("vmovupd", k66, 0x11),
            vex_0f<kStoreScalar.of_size(4)>("vmovss", kF3, 0x11, kMemory),
            vex_0f<kMergeStoredScalar>("vmovss", kF3, 0x11, kRegister),
            vex_0f<kStoreScalar.of_size(8)>("vmovsd", kF2, 0x11, kMemory),
            vex_0f<kMergeStoredScalar>("vmovsd", kF2, 0x11, kRegister),
            vex_0f<kMergeHalf>("vmovlps", kNone, 0x12, kMemory),
            vex_0f<kMergeHalves>("vmovhlps", kNone, 0x12, kRegister),
            vex_0f<kMergeHalf>("vmovlpd", k66, 0x12, kMemory),
            vex_0f<kLoad>("vmovsldup", kF3, 0x12),
            vex_0f<kLoad.of_size(VexSize::kHalfOfXmm)>("vmovddup", kF2, 0x12),
            vex_0f<kStore128.of_size(8)>("vmovlps", kNone, 0x13, kMemory),
            vex_0f<kStore128.of_size(8)>("vmovlpd", k66, 0x13, kMemory),
            vex_0f<kMergeHalf>("vmovhps", kNone, 0x16, kMemory),
            vex_0f<kMergeHalves>("vmovlhps", kNone, 0x16, kRegister),
            vex_0f<kMergeHalf>("vmovhpd", k66, 0x16, kMemory),
            vex_0f<kLoad>("vmovshdup", kF3, 0x16),
            vex_0f<kStore128.of_size(8)>("vmovhps", kNone, 0x17, kMemory),
            vex_0f<kStore128.of_size(8)>("vmovhpd", k66, 0x17, kMemory),
            vex_0f<kLoad.when_aligned()>("vmovaps", kNone, 0x28),
            vex_0f<kLoad.when_aligned()>("vmovapd", k66, 0x28),
            vex_0f<kStore.when_aligned()>("vmovaps", kNone, 0x29),
            vex_0f<kStore.when_aligned()>("vmovapd", k66, 0x29),
            vex_0f<kStore.when_aligned()>("vmovntps", kNone, 0x2b, kMemory),
            vex_0f<kStore.when_aligned()>("vmovntpd", k66, 0x2b, kMemory),
            vex_0f<kMask>("vmovmskps", kNone, 0x50, kRegister),
            vex_0f<kMask>("vmovmskpd", k66, 0x50, kRegister),
            vex_0f<kFromGeneral>("vmovd", k66, 0x6e),
            vex_0f<kLoad.when_aligned()>("vmovdqa", k66, 0x6f),
            vex_0f<kLoad>("vmovdqu", kF3, 0x6f),
            vex_row("vzeroupper", Map::k0F, kNone, 0x77, kTwoOperands, clear_vectors),
            vex_0f<kToGeneral>("vmovd", k66, 0x7e),
            vex_0f<kLoad128.of_size(8)>("vmovq", kF3, 0x7e),
            vex_0f<kStore.when_aligned()>("vmovdqa", k66, 0x7f),
            vex_0f<kStore>("vmovdqu", kF3, 0x7f),
            vex_0f<kInsert.of_size(2)>("vpinsrw", k66, 0xc4),
            vex_0f<kExtractWord>("vpextrw", k66, 0xc5, kRegister),
            vex_0f<kStore128.of_size(8)>("vmovq", k66, 0xd6),
            vex_0f<kStore.when_aligned()>("vmovntdq", k66, 0xe7, kMemory),
            vex_0f<kLoad>("vlddqu", kF2, 0xf0, kMemory),
            vex_38<kLoad.of_size(4).of_w(VexW::k0)>("vbroadcastss", 0x18, kMemory),
            vex_38<kLoad.of_size(8).of_w(VexW::k0).of_length(VexLength::k256)>("vbroadcastsd", 0x19, kMemory),
            vex_38<kLoad.of_size(16).of_w(VexW::k0).of_length(VexLength::k256)>("vbroadcastf128", 0x1a,
                                                                                kMemory),
            vex_3a<kExtract.of_size(1)>("vpextrb", 0x14),
            vex_3a<kExtract.of_size(2)>("vpextrw", 0x15),
            vex_3a<kExtract.of_size(VexSize::kByW).of_either_w()>("vpextrd", 0x16),
            vex_3a<kExtract.of_size(4)>("vextractps", 0x17),
            vex_3a<kInsertHalf>("vinsertf128", 0x18),
            vex_3a<kExtractHalf>("vextractf128", 0x19),
            vex_3a<kInsert.of_size(1)>("vpinsrb", 0x20),
            vex_3a<kInsertElement>("vinsertps", 0x21, kMemory),
            vex_3a<kInsertElement.of_rm(VexRm::kOnlyRegister)>("vinsertps", 0x21, kRegister),
            vex_3a<kInsert.of_size(VexSize::kByW).of_either_w()>("vpinsrd", 0x22),
        }));
    return kRows;
}

}  // namespace emu::insn
