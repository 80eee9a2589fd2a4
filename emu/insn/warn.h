// Log lines for what a guest asks for and does not get, each of them once. Apart, because the logging library is
// slow to compile.
#pragma once

#include "emu/cpu/cpu.h"

namespace emu::insn {

/// Bits of Cpu::warned.
enum class Warning : u8 { kPopfTrapFlag, kIretTrapFlag, kFarTransfer, kUmip };

[[gnu::cold, gnu::noinline]] void warn_once(Cpu& c, Warning warning);

}  // namespace emu::insn
