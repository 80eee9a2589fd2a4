// How much of ModRM decides which row of the opcode table an instruction is.
#pragma once

#include "emu/insn/fields.h"

namespace emu {

enum class ModrmRole : u8 {
    kForm,       ///< memory or register
    kExtension,  ///< also the reg field
    kAll,  ///< everything, REX bits included: x87, control and segment registers, groups of single encodings
};

class ModrmRoles {
  public:
    ModrmRoles();
    ModrmRole of(Map map, u8 opcode) const { return roles_[static_cast<u8>(map)][opcode]; }

  private:
    void raise(Map map, unsigned opcode, ModrmRole role);
    ModrmRole roles_[4][256] = {};
};

}  // namespace emu
