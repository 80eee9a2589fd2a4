// The words of a story: addresses, page-table entries, error codes and kernel events as a person reads them.
#pragma once

#include <string>

#include "emu/report/kernel_names.h"
#include "kernel/observer.h"

namespace emu {

std::string hex(mmu::u64 value);

/// "PTE" for level 1 to "PML5E" for level 5.
const char* entry_name(unsigned level);
/// "page table" for level 1 to "PML5" for level 5.
const char* table_name(unsigned level);
/// "PTE   @ 0x2345678 = 0x8000000000123067: frame 0x123 present write user accessed dirty NX".
std::string entry_words(unsigned level, mmu::u64 physical, mmu::u64 raw);
/// "frame 0x123 present write user"; "not present".
std::string flag_words(mmu::u64 raw);

/// "write of" and its kin, from the error code.
const char* access_words(mmu::u64 error_code);
/// "0x6 (not present, write, user)".
std::string error_code_words(mmu::u64 error_code);

/// One kernel event as a line, with its functions named as `names` has them; empty for what a story leaves
/// out.
std::string kernel_words(const kernel::Event& event, KernelNames names);

}  // namespace emu
