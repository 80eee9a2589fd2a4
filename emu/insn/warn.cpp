#include "emu/insn/warn.h"

#include "mmu/base/log.h"

namespace emu::insn {
namespace {

const char* text_of(Warning warning) {
    switch (warning) {
        case Warning::kPopfTrapFlag:
            return "POPF sets TF: the trap flag is not supported";
        case Warning::kIretTrapFlag:
            return "IRET sets TF: the trap flag is not supported";
        case Warning::kFarTransfer:
            return "a far transfer to another code segment than the 64-bit one raises #GP";
        case Warning::kUmip:
            return "SGDT, SIDT, SLDT, STR and SMSW raise #GP: user-mode instruction prevention is on";
    }
    return "";
}

}  // namespace

void warn_once(Cpu& c, Warning warning) {
    const u32 bit = u32{1} << static_cast<u8>(warning);
    if (c.warned & bit) return;
    c.warned |= bit;
    LOG(warn, "{}", text_of(warning));
}

}  // namespace emu::insn
