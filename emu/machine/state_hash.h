// A fingerprint of a machine, for the promise that two runs of the same guest are the same.
#pragma once

#include <string>
#include <vector>

#include "emu/cpu/cpu.h"
#include "mmu/mmu.h"

namespace emu {

/// Sixteen hexadecimal digits over registers, counters, the page tables from CR3 with the pages that they
/// map, and the TLB with its statistics. Host addresses and host time are not in it.
/// `others`: registers of tasks that do not run, and root tables of other address spaces.
struct HashedTask {
    const mmu::Registers* registers = nullptr;
    mmu::PhysAddr root{};
};
std::string hash_state(const mmu::Registers& registers, const Counters& counters, const mmu::Mmu& mmu,
                       const mmu::PhysicalMemory& memory, const std::vector<HashedTask>& others);

}  // namespace emu
