// From a CPU exception to a signal. Linux: arch/x86/kernel/traps.c, arch/x86/kernel/fpu/core.c
// fpu__exception_code(). Page faults are fault.h's.
#pragma once

#include <optional>

#include "kernel/task.h"
#include "mmu/arch/fault.h"
#include "mmu/arch/registers.h"

namespace kernel {

/// The signal of any exception but #PF, and the trap number and error code that sigcontext shows. Nothing:
/// the exception has no cause that is still there (#MF, #XM), and the instruction is to be run again.
struct TrapSignal {
    SigInfo info;
    u64 trap_nr = 0, error_code = 0;
    u64 skip = 0;  ///< bytes that rip moves on: INT3 is reported behind itself
};
std::optional<TrapSignal> trap_signal(const mmu::Fault& fault, const mmu::Registers& registers);

}  // namespace kernel
