// The buddy allocator over guest frames: orders 0 to 10, free lists threaded through struct page, a block's
// buddy is pfn ^ (1 << order). First use is in ascending address order; freed blocks are handed out again
// last-in first-out while they are warm in the cache. RAM that was never handed out stays behind a frontier
// and costs nothing. Linux: mm/page_alloc.c __rmqueue_smallest(), expand(), __free_one_page(). Deviation: no
// per-CPU lists, migrate types or watermarks; one zone.
#pragma once

#include <array>
#include <optional>

#include "kernel/page.h"

namespace kernel {

class Observer;

inline constexpr unsigned kMaxOrder = 10;  ///< MAX_PAGE_ORDER

class Buddy {
  public:
    /// Manages the frames [first, mem_map.frames()).
    Buddy(MemMap& mem_map, Pfn first);

    /// 2^order frames, aligned to their size, refcount 1 on the first; contents undefined. Nothing when none
    /// is left.
    std::optional<Pfn> alloc_pages(unsigned order);
    /// Gives back a block of alloc_pages(); its struct page must have no owner any more.
    void free_pages(Pfn pfn, unsigned order);

    u64 free_frames() const { return free_frames_; }
    u64 managed_frames() const { return end_ - first_; }
    u64 first_frame() const { return first_; }
    u64 frontier() const { return frontier_; }    ///< frames at and above it were never handed out
    u64 allocated() const { return allocated_; }  ///< frames ever handed out (pgalloc)
    u64 freed() const { return allocated_ - (managed_frames() - free_frames_); }
    /// Free blocks of `order`, those behind the frontier included.
    u64 free_blocks(unsigned order) const;
    /// CHECKs the invariants: lists well formed, no two free buddies at one order, sums equal. O(free
    /// blocks).
    void validate() const;

    void set_observer(Observer* observer) { observer_ = observer; }

  private:
    void push(Pfn pfn, unsigned order);
    void remove(Pfn pfn);
    bool advance_frontier();
    unsigned frontier_order() const;

    MemMap& mem_map_;
    std::array<PageIndex, kMaxOrder + 1> head_{};
    std::array<u64, kMaxOrder + 1> count_{};
    u64 first_, end_;
    u64 frontier_;  ///< frames at and above it were never handed out
    u64 free_frames_;
    u64 allocated_ = 0;
    Observer* observer_ = nullptr;
};

}  // namespace kernel
