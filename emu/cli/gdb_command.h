// `mmuscope gdb` and --gdb: a guest with GDB in front of it instead of a free run.
#pragma once

#include "emu/cli/options.h"
#include "emu/machine/machine.h"

namespace emu {

/// Runs the loaded guest to its end under GDB's hands: waits at options.gdb, or (command gdb) starts gdb,
/// connected. In the latter case this process becomes gdb and a child is the guest. An answer: the guest is
/// to begin anew.
mmu::Expected<std::optional<Again>, mmu::Error> run_with_gdb(Machine& guest, const Options& options);

}  // namespace emu
