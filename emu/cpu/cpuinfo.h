// What /proc/cpuinfo says of the modelled CPU. Linux: arch/x86/kernel/cpu/proc.c show_cpuinfo().
#pragma once

#include <string>

#include "emu/cpu/cpu_model.h"

namespace emu {

/// One processor. "flags" has Linux's names, in the order of CPUID's bits: those that every x86-64 has first.
std::string proc_cpuinfo(const CpuModel& model, const mmu::CpuIdentity& cpu);

}  // namespace emu
