#include "emu/insn/fx_area.h"

#include "emu/insn/mxcsr.h"

namespace emu::insn {
namespace {

constexpr u16 kTopMask = 7u << 11;
constexpr u16 kExceptions = 0x3f, kSummaryAndBusy = 0x8080;

}  // namespace

FxArea fx_area(Cpu& c, bool wide) {
    FxArea area;
    const mmu::X87State& x87 = c.regs.x87;
    area.set<u16>(0, x87.control);
    area.set<u16>(2, static_cast<u16>((x87.status & ~kTopMask) | x87.top << 11));
    area.set<u8>(4, x87.valid);
    area.set<u16>(6, x87.opcode);
    area.set<u64>(8, wide ? x87.instruction : static_cast<u32>(x87.instruction));
    area.set<u64>(16, wide ? x87.operand : static_cast<u32>(x87.operand));
    area.set<u32>(FxArea::kMxcsr, merged_mxcsr(c));
    area.set<u32>(28, Mxcsr::kWritable);
    for (u32 n = 0; n < 8; ++n) {
        const mmu::Float80& value = x87.physical[(x87.top + n) & 7];
        area.set<u64>(FxArea::kStacked + 16 * n, value.significand);
        area.set<u16>(FxArea::kStacked + 16 * n + 8, value.sign_exponent);
    }
    for (u8 n = 0; n < 16; ++n) __builtin_memcpy(area.bytes.data() + FxArea::kXmm + 16 * n, c.vector(n), 16);
    return area;
}

void restore_x87(Cpu& c, const FxArea& area, bool wide) {
    mmu::X87State& x87 = c.regs.x87;
    const u16 status = area.at<u16>(2);
    x87.control = static_cast<u16>((area.at<u16>(0) & 0x1f3f) | 0x40);  // as FLDCW has it
    // ES and B follow from the exceptions and their masks, whatever the area says.
    const bool pending = status & ~x87.control & kExceptions;
    x87.status = static_cast<u16>((status & ~(kTopMask | kSummaryAndBusy)) | (pending ? kSummaryAndBusy : 0));
    x87.top = (status & kTopMask) >> 11;
    x87.valid = area.at<u8>(4);
    x87.opcode = area.at<u16>(6) & 0x7ff;
    x87.instruction = wide ? area.at<u64>(8) : area.at<u32>(8);
    x87.operand = wide ? area.at<u64>(16) : area.at<u32>(16);
    for (u32 n = 0; n < 8; ++n)
        x87.physical[(x87.top + n) & 7] = {
            area.at<u64>(FxArea::kStacked + 16 * n), area.at<u16>(FxArea::kStacked + 16 * n + 8), {}};
}

void restore_xmm(Cpu& c, const FxArea& area) {
    for (u8 n = 0; n < 16; ++n) __builtin_memcpy(c.vector(n), area.bytes.data() + FxArea::kXmm + 16 * n, 16);
}

}  // namespace emu::insn
