// A fingerprint of a machine, for the promise that two runs of the same guest are the same.
#pragma once

#include <string>

#include "emu/cpu/cpu.h"
#include "mmu/mmu.h"

namespace emu {

/// Sixteen hexadecimal digits over registers, counters, the page tables from CR3 with the pages that they
/// map, and the TLB with its statistics. Host addresses and host time are not in it.
std::string hash_state(const mmu::Registers& registers, const Counters& counters, const mmu::Mmu& mmu,
                       const mmu::PhysicalMemory& memory);

}  // namespace emu
