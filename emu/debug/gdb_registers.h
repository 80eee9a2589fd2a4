// The registers as GDB sees them: its numbers, their bytes, and the target description that names them. Our
// own (control registers, the last page fault, the instruction count) follow the usual ones and are read
// only. Source: gdb/features/i386/*.xml; without org.gnu.gdb.i386.linux and .sse gdb 13 refuses system calls
// and core files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mmu/arch/control.h"
#include "mmu/arch/registers.h"

namespace emu {

/// All that registers show.
struct RegisterView {
    mmu::Registers* registers = nullptr;
    mmu::ControlRegisters control{};
    mmu::u64 orig_rax = ~mmu::u64{0};
    mmu::u64 cr2 = 0, fault_error = 0, fault_number = 0, instructions = 0;
    mmu::u32 fault_stage =
        0;  ///< 0: the guest runs; else 1 + the number of the function at work (kernel_functions.h)
};

inline constexpr unsigned kGdbRbp = 6, kGdbRsp = 7, kGdbRip = 16;

unsigned gdb_register_count();
/// A register's bytes in memory order; nothing: no such number.
std::optional<std::string> read_register(const RegisterView& view, unsigned number);
/// False: no such number, wrong size, or an impossible value. Read-only ones are taken without effect.
bool write_register(const RegisterView& view, unsigned number, std::string_view bytes);
/// target.xml.
std::string target_description();

}  // namespace emu
