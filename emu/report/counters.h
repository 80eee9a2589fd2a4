// What the CPU counts, as the machine hands it to a report. The MMU counts what leaves the fast path
// (mmu/stats.h), the kernel what it handles (kernel/stats.h); hits are references less misses.
#pragma once

#include "mmu/base/ints.h"

namespace emu {

struct RunCounters {
    mmu::u64 instructions = 0;  ///< retired by the guest
    // References of user mode, one for each page that an access touches; a restarted instruction counts
    // again.
    mmu::u64 loads = 0;
    mmu::u64 stores = 0;
    mmu::u64 fetches = 0;
    mmu::u64 blocks_decoded = 0;  ///< decoded runs of instructions, those decoded again included
    double decode_seconds = 0;    ///< of host_seconds: making blocks of instructions
    double host_seconds = 0;      ///< CPU time of this process while the guest ran: differs from run to run
};

}  // namespace emu
