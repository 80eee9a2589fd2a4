#include "emu/insn/modrm_roles.h"

#include <algorithm>

#include "emu/insn/opcode_table.h"

namespace emu {

ModrmRoles::ModrmRoles() {
    for (const auto chapter : all_chapters())
        for (const OpcodeRow& row : chapter)
            for (unsigned n = 0; n < row.count; ++n)
                raise(row.map, row.opcode + n,
                      row.rm >= 0          ? ModrmRole::kAll
                      : row.extension >= 0 ? ModrmRole::kExtension
                                           : ModrmRole::kForm);
    for (unsigned opcode = 0xd8; opcode <= 0xdf; ++opcode) raise(Map::kOne, opcode, ModrmRole::kAll);
    for (const u8 opcode : {0x8c, 0x8e}) raise(Map::kOne, opcode, ModrmRole::kAll);
    for (const u8 opcode : {0x00, 0x01, 0x0d, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x21,
                            0x22, 0x23, 0xae, 0xb9, 0xc7, 0xff})
        raise(Map::k0F, opcode, ModrmRole::kAll);
}

void ModrmRoles::raise(Map map, unsigned opcode, ModrmRole role) {
    ModrmRole& known = roles_[static_cast<u8>(map)][opcode];
    known = std::max(known, role);
}

}  // namespace emu
