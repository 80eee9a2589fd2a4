// Restartable sequences: a critical section that a signal interrupts goes on at its abort handler. With one
// CPU and no preemption by other tasks, signals are the only interruption. Linux: kernel/rseq.c.
#pragma once

#include "kernel/task.h"
#include "mmu/arch/registers.h"

namespace kernel {

struct KernelState;

inline constexpr u64 kAtRseqFeatureSize = 27, kAtRseqAlign = 28;  ///< auxv entries (not in every <elf.h>)
inline constexpr u64 kRseqFeatureSize = 28;                       ///< offsetof(struct rseq, end)
inline constexpr u64 kRseqAlignment = 32;

/// rseq(2).
i64 sys_rseq(KernelState& kernel, Task& task, u64 address, u32 length, int flags, u32 signature);

/// rseq_signal_deliver(): moves rip to the abort handler if it is inside a critical section. False: the
/// guest's structure is damaged (SIGSEGV).
bool rseq_signal_deliver(KernelState& kernel, Task& task, mmu::Registers& registers);

}  // namespace kernel
