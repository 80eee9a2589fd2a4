// Random single instructions: every encoding of a row of the opcode table, with registers and memory that
// make it do something. Deterministic: a case is a function of the row and of the generator's state.
#pragma once

#include <vector>

#include "emu/insn/opcode_table.h"
#include "mmu/arch/registers.h"
#include "mmu/base/rng.h"

namespace tests {

struct Patch {
    mmu::u32 at = 0;  ///< into the data window
    std::vector<mmu::u8> bytes;
};

struct RandomCase {
    std::vector<mmu::u8> bytes;
    emu::Fields fields;
    mmu::Registers before;
    mmu::u64 operand = 0;       ///< address of the memory operand, if there is one
    std::vector<Patch> memory;  ///< what is put over the window's usual contents
};

/// The usual contents of the data window: HostCpu::kDataSize bytes.
std::vector<mmu::u8> usual_memory();

/// False: no luck this time, try again.
bool make_case(const emu::OpcodeRow& row, mmu::Rng& rng, RandomCase& out);

}  // namespace tests
