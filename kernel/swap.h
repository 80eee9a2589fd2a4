// Swap space: slots of a page each, their users (PTEs that hold a swap entry) and the swap cache (the page
// that is a slot's copy in memory). The bytes lie in one lazily committed host mapping. It knows nothing of
// page tables. A slot's users are PTEs, and places of the page cache whose page of shared memory went there.
// Linux: mm/swapfile.c, mm/swap_state.c. Deviation: one area, no clusters.
#pragma once

#include <optional>
#include <vector>

#include "kernel/page.h"
#include "mmu/arch/pte.h"

namespace kernel {

using SwapSlot = u32;  ///< 0: none

/// What swapin_nr_pages() knows of all areas' readahead (swapin_readahead_hits, prev_offset,
/// last_readahead_pages).
struct SwapClusterState {
    u32 hits = 4, prev_offset = 0, last_pages = 0;
};

class SwapArea {
  public:
    SwapArea() = default;
    SwapArea(const SwapArea&) = delete;
    SwapArea& operator=(const SwapArea&) = delete;
    ~SwapArea();

    /// swapon(): room for `bytes`. Once.
    void enable(u64 bytes);

    static constexpr u64 kMaxSlots = 0x7ffffffe;  ///< the page cache's entries have 31 bits for one
    u64 total() const { return counts_.empty() ? 0 : counts_.size() - 1; }
    u64 free() const { return free_; }
    u64 used() const { return total() - free_; }

    /// folio_alloc_swap(): a slot without users, the copy of `page`. Nothing: full.
    std::optional<SwapSlot> get_swap_page(PageIndex page);
    void duplicate(SwapSlot slot) { ++counts_[slot]; }  ///< swap_duplicate(): one more PTE
    void put(SwapSlot slot);                            ///< swap_free(): one less
    u32 users(SwapSlot slot) const { return counts_[slot]; }
    PageIndex cached(SwapSlot slot) const { return cache_[slot]; }  ///< 0: not in memory
    void set_cached(SwapSlot slot, PageIndex page);                 ///< 0 takes it out of the swap cache

    unsigned page_cluster = 3;  ///< vm.page-cluster: up to 2^n pages are read at once
    SwapClusterState cluster;   ///< swap_fault.cpp's alone

    u8* bytes(SwapSlot slot) { return data_ + (u64{slot} << mmu::kPageShift); }

  private:
    void release(SwapSlot slot);

    std::vector<u32> counts_;       ///< [0] is no slot
    std::vector<PageIndex> cache_;  ///< swap cache
    std::vector<SwapSlot> released_;
    SwapSlot frontier_ = 1;  ///< slots from it on were never used
    u64 free_ = 0;
    u8* data_ = nullptr;
};

/// A PTE that says where its page went: not present, and neither _PAGE_PROTNONE. Bit 3 is
/// _PAGE_SWP_EXCLUSIVE: nobody else has the page. Linux: arch/x86/include/asm/pgtable_64.h.
inline constexpr u64 kSwpExclusive = mmu::Pte::kWriteThrough;
inline mmu::Pte swp_entry_to_pte(SwapSlot slot, bool exclusive) {
    return mmu::Pte{u64{slot} << mmu::kPageShift | (exclusive ? kSwpExclusive : 0)};
}
inline SwapSlot pte_to_swp_entry(mmu::Pte pte) {
    return static_cast<SwapSlot>(pte.raw >> mmu::kPageShift);
}

}  // namespace kernel
