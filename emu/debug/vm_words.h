// One address or frame of a guest, told in words. Nothing here changes anything.
#pragma once

#include <string>

#include "mmu/base/ints.h"

namespace emu {

class Debugger;

std::string walk_text(Debugger& debugger, mmu::u64 address);
std::string why_text(Debugger& debugger, mmu::u64 address);
std::string pte_text(Debugger& debugger, mmu::u64 address);
std::string page_text(Debugger& debugger, mmu::u64 pfn);
std::string walk_cache_text(Debugger& debugger);
std::string stats_text(Debugger& debugger);

}  // namespace emu
