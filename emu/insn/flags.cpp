// CLC STC CMC CLD STD LAHF SAHF PUSHF POPF. SDM Vol. 2.
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"
#include "emu/insn/user_flags.h"
#include "emu/insn/warn.h"

namespace emu::insn {
namespace {

constexpr u8 kAhOffset = 1;
constexpr Flags kInAh = FlagBits::kSf | FlagBits::kZf | FlagBits::kAf | FlagBits::kPf | FlagBits::kCf;

Exit clc(Cpu& c, const Insn* i) {
    c.flags &= static_cast<Flags>(~FlagBits::kCf);
    return next(c, i);
}
Exit stc(Cpu& c, const Insn* i) {
    c.flags |= FlagBits::kCf;
    return next(c, i);
}
Exit cmc(Cpu& c, const Insn* i) {
    c.flags ^= FlagBits::kCf;
    return next(c, i);
}
Exit cld(Cpu& c, const Insn* i) {
    c.regs.rflags &= ~mmu::Rflags::kDf;
    return next(c, i);
}
Exit std_(Cpu& c, const Insn* i) {
    c.regs.rflags |= mmu::Rflags::kDf;
    return next(c, i);
}

Exit lahf(Cpu& c, const Insn* i) {
    c.set_reg<u8>(kAhOffset, static_cast<u8>((c.flags & kInAh) >> 8 | mmu::Rflags::kAlwaysOne));
    return next(c, i);
}
Exit sahf(Cpu& c, const Insn* i) {
    const auto loaded = static_cast<Flags>(c.reg<u8>(kAhOffset) << 8 & kInAh);
    c.flags = static_cast<Flags>((c.flags & FlagBits::kOf) | FlagBits::kAlwaysOne | loaded);
    return next(c, i);
}

template <class T>
Exit pushf(Cpu& c, const Insn* i) {
    const u64 top = c.regs.gpr[mmu::kRsp] - sizeof(T);
    if (!c.store<T>(top, static_cast<T>(pushed_flags(c)))) [[unlikely]]
        return stack_fault_exit(c, i, 0, 1);
    c.regs.gpr[mmu::kRsp] = top;
    return next(c, i);
}

template <class T>
Exit popf(Cpu& c, const Insn* i) {
    const u64 top = c.regs.gpr[mmu::kRsp];
    const u8* p = c.read(top, sizeof(T));
    if (!p) [[unlikely]]
        return stack_fault_exit(c, i, 1, 0);
    c.regs.gpr[mmu::kRsp] = top + sizeof(T);
    if (!load_user_flags(c, get<T>(p), sizeof(T))) warn_once(c, Warning::kPopfTrapFlag);
    return next(c, i);
}

template <Handler handler>
bool simple(const Fields&, Insn& out) {
    out.run = handler;
    return true;
}

bool build_pushf(const Fields& f, Insn& out) {
    add_cost(out, 0, 1);
    out.run = f.operand16 && !f.rex_w() ? pushf<u16> : pushf<u64>;
    return true;
}
bool build_popf(const Fields& f, Insn& out) {
    add_cost(out, 1, 0);
    out.run = f.operand16 && !f.rex_w() ? popf<u16> : popf<u64>;
    return true;
}

}  // namespace

Rows flags() {
    static constexpr OpcodeRow kRows[] = {
        {"cmc", Map::kOne, 0xf5, simple<cmc>},   {"clc", Map::kOne, 0xf8, simple<clc>},
        {"stc", Map::kOne, 0xf9, simple<stc>},   {"cld", Map::kOne, 0xfc, simple<cld>},
        {"std", Map::kOne, 0xfd, simple<std_>},  {"pushf", Map::kOne, 0x9c, build_pushf},
        {"popf", Map::kOne, 0x9d, build_popf},   {"sahf", Map::kOne, 0x9e, simple<sahf>},
        {"lahf", Map::kOne, 0x9f, simple<lahf>},
    };
    return kRows;
}

}  // namespace emu::insn
