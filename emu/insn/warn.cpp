#include "emu/insn/warn.h"

#include "mmu/base/log.h"

namespace emu::insn {

void warn(const char* text) {
    LOG(warn, "{}", text);
}

}  // namespace emu::insn
