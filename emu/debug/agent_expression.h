// GDB's agent expressions: conditions of breakpoints, compiled by GDB into bytecode for a stack machine and
// judged here, without a word to GDB for each hit. Source: GDB manual, appendix F; gdb/gdbsupport/ax.def. The
// bytecode is a stranger's: its length, stack and steps are bounded.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "mmu/base/ints.h"

namespace emu {

struct AgentContext {
    std::function<std::optional<mmu::u64>(unsigned number)> reg;
    std::function<bool(mmu::u64 address, std::span<mmu::u8> bytes)> read;
};

/// The value on top when it ends; nothing: malformed, endless, a division by zero, or memory that is not
/// there.
std::optional<mmu::u64> evaluate(std::string_view bytecode, const AgentContext& context);

}  // namespace emu
