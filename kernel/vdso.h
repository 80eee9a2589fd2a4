// The vDSO: a shared object (vdso/) that every process finds beside its program, and the page of data that it
// reads. It answers clock readings without a system call. Linux: arch/x86/entry/vdso/vma.c.
#pragma once

#include "kernel/state.h"

namespace kernel {

/// Maps [vvar] and [vdso] into `mm`, whose stack has been filled down to `stack_pointer`. The address of the
/// vDSO's ELF header (AT_SYSINFO_EHDR); 0: there is none; or -ENOMEM.
i64 map_vdso(KernelState& kernel, MmStruct& mm, u64 stack_pointer);

}  // namespace kernel
