// Reclaim: giving up pages that nobody used lately so that others can have their frames. Linux: mm/vmscan.c,
// mm/page_alloc.c __setup_per_zone_wmarks(). kswapd runs at once, in no virtual time, when free memory falls
// below the low mark; whoever allocates below the min mark reclaims itself.
#pragma once

#include <span>

#include "kernel/mm.h"

namespace kernel {

/// min, low and high of a zone of `managed` frames, in frames.
Watermarks setup_per_zone_wmarks(u64 managed);

/// swapon(): a swap area of `bytes`, with its map in vmalloc memory and requests set aside, so that writing
/// to it never needs memory.
void swap_on(MemorySystem& system, u64 bytes);
/// Frees up to `target` pages. The number freed.
u64 try_to_free_pages(MemorySystem& system, u64 target);
/// kswapd: reclaims until free memory is above the high mark, or next to nothing more can be had.
void balance_pgdat(MemorySystem& system);
/// kswapd has given up: so many runs in a row ended so (MAX_RECLAIM_RETRIES).
bool reclaim_is_hopeless(const MemorySystem& system);
/// Gives these up now, whether they were used or not (MADV_PAGEOUT). The number freed.
u64 reclaim_pages(MemorySystem& system, std::span<const PageIndex> pages);

/// delete_from_swap_cache(): the page is no copy of a slot any more; the swap cache's reference goes.
void delete_from_swap_cache(MemorySystem& system, Page& page);
/// free_swap_and_cache(): a PTE with a swap entry is gone.
void free_swap_entry(MemorySystem& system, SwapSlot slot);

}  // namespace kernel
