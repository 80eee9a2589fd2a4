// An address space made as a copy of another (fork). Linux: kernel/fork.c dup_mm(), dup_mmap(), mm/memory.c
// copy_page_range().
#pragma once

#include "kernel/mm.h"

namespace kernel {

/// Areas are copied; private pages are shared and lose their write permission in both, so that the first
/// write of either copies them. The parent's TLB entries are flushed. 0 or -ENOMEM: `fresh` is then to be
/// thrown away.
int dup_mmap(MemorySystem& system, MmStruct& fresh, MmStruct& old);

}  // namespace kernel
