// Commands for GDB's own prompt, in Python: vm-walk, vm-maps, vm-fault, vm-tlb, vm-who-mapped, vm-names. They
// say `monitor vm ...` and add what only GDB knows: symbols, lines, expressions.
#pragma once

#include <string>

namespace emu {

/// What `source` takes; for GDB 13 and later.
std::string python_commands();

inline constexpr const char* kPythonCommandsName = "mmuscope.py";

}  // namespace emu
