// The swap cache's way in: pages that come back from swap, and their neighbours with them. It knows nothing
// of who asked. Linux: mm/swap_state.c (6.12). The area is taken for an SSD's: anonymous memory is read ahead
// by address, shared memory by slot.
#pragma once

#include "kernel/memory.h"

namespace kernel {

/// What reading a slot came to.
struct SwapRead {
    PageIndex page = 0;     ///< in the swap cache; 0: it could not be had
    bool io_error = false;  ///< the bytes did not come; otherwise no frame was left
};

/// swap_cache_get_folio(): the slot's copy in memory, 0: none. `vma`: where a fault asks, or null.
PageIndex swap_cache_get_folio(MemorySystem& system, SwapSlot slot, VmAreaStruct* vma, u64 address);
/// swap_vma_readahead(): the slot that vmf.orig_pte names, and what lies beside it in the area.
SwapRead swap_vma_readahead(VmFaultInfo& vmf);
/// swap_cluster_readahead(): the slot and those beside it in the swap area.
SwapRead swap_cluster_readahead(MemorySystem& system, SwapSlot slot);

}  // namespace kernel
