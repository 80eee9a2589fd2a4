// Where the manual lets CPUs differ, and a list of the differences where it does not.
#pragma once

#include <string>

#include "tests/oracle/emulated_cpu.h"
#include "tests/oracle/random_case.h"
#include "tests/support/host_cpu.h"

namespace tests {

/// Why a row is not compared, or null: what user mode cannot run alike on both.
const char* reason_to_skip(const emu::OpcodeRow& row);

/// Rows that raise an exception whenever they are executed in user mode (SDM Vol. 3A 5.9 and their pages in
/// Vol. 2).
bool always_faults(const emu::OpcodeRow& row);

/// Whether all that the instruction leaves is defined but AF, and its operands cannot be where it likes.
bool is_predictable(const emu::OpcodeRow& row, const emu::Fields& fields, const mmu::Registers& before);

/// What an instruction that was executed may leave as it likes.
struct Undefined {
    u64 flags = 0;       ///< of RFLAGS
    u16 conditions = 0;  ///< of the x87 status word
    bool result = false;
};
Undefined undefined_after(const emu::OpcodeRow& row, const emu::Fields& fields, const mmu::Registers& before);

/// One line a difference; empty when there is none. `host_data` and `emulated_data` are the windows after it.
std::string differences(const RandomCase& test, const emu::OpcodeRow& row, const HostCpu::Outcome& host,
                        const EmulatedCpu::Outcome& emulated, const mmu::u8* host_data,
                        const mmu::u8* emulated_data);

}  // namespace tests
