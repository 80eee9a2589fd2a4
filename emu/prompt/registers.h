// The general registers by name.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mmu/arch/registers.h"

namespace emu {

using mmu::u64;

/// In the order that gdb shows them: rax, rbx, ..., r15, rip, eflags, fs_base, gs_base.
std::span<const std::string_view> register_names();
/// A 64-bit register, or eax ... for the lower half; pc, sp and fp as gdb has them. Nothing: no such name.
std::optional<u64> read_general(const mmu::Registers& registers, std::string_view name);
bool write_general(mmu::Registers& registers, std::string_view name, u64 value);
/// Its mmu::Gpr, where it is one.
std::optional<unsigned> general_number(std::string_view name);
/// "[ ZF PF ]"
std::string flags_text(u64 rflags);

}  // namespace emu
