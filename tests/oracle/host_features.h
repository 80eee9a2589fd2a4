// Which instructions the host CPU has, so that a case it cannot judge is skipped and counted, not passed.
#pragma once

#include "emu/cpu/feature.h"
#include "emu/insn/opcode_table.h"

namespace tests {

/// Null, or the name of the feature that the row needs and this host has not.
const char* missing_on_host(const emu::OpcodeRow& row);

}  // namespace tests
