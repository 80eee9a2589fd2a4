// The buddy allocator over guest frames: orders 0 to 10, free lists for each order and migrate type threaded
// through struct page, a block's buddy is pfn ^ (1 << order). Frames are grouped by mobility: each pageblock
// (2 MiB) has a migrate type, its free blocks are on the lists of that type, and a type that has none left
// steals from another. First use is in ascending address order; freed blocks are handed out again last-in
// first-out while they are warm in the cache. RAM that was never handed out stays behind a frontier, movable,
// and costs nothing. Linux: mm/page_alloc.c __rmqueue_smallest(), __rmqueue_fallback(), expand(),
// __free_one_page(). Deviation: no per-CPU lists, no HighAtomic, CMA and Isolate types, no watermark boost;
// one zone.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "kernel/gfp.h"
#include "kernel/page.h"

namespace kernel {

class Observer;

inline constexpr unsigned kMaxOrder = 10;       ///< MAX_PAGE_ORDER
inline constexpr unsigned kPageblockOrder = 9;  ///< pageblock_order: a huge page
inline constexpr u64 kPageblockNrPages = u64{1} << kPageblockOrder;

class Buddy {
  public:
    /// Manages the frames [first, mem_map.frames()).
    Buddy(MemMap& mem_map, Pfn first);

    /// 2^order frames, aligned to their size, refcount 1 on the first; contents undefined. 0: none is left.
    PageIndex rmqueue(unsigned order, MigrateType type);
    std::optional<Pfn> alloc_pages(unsigned order, MigrateType type = MIGRATE_MOVABLE) {
        const PageIndex page = rmqueue(order, type);
        return page ? std::optional(Pfn{page}) : std::nullopt;
    }
    /// 2^order frames above the largest order, aligned to their size, if that many lie free in a row; the
    /// highest. Given back in blocks of the largest order.
    std::optional<Pfn> alloc_contig_pages(unsigned order);
    /// Gives back a block of alloc_pages(); its struct page must have no owner any more.
    void free_pages(Pfn pfn, unsigned order);

    u64 free_frames() const { return free_frames_; }
    u64 managed_frames() const { return end_ - first_; }
    u64 first_frame() const { return first_; }
    u64 frontier() const { return frontier_; }    ///< frames at and above it were never handed out
    u64 allocated() const { return allocated_; }  ///< frames ever handed out (pgalloc)
    u64 freed() const { return allocated_ - (managed_frames() - free_frames_); }
    u64 fallbacks() const { return fallbacks_; }  ///< allocations that another type's lists answered
    /// !page_group_by_mobility_disabled: there is RAM enough for a pageblock of each type.
    bool groups_by_mobility() const { return grouping_; }
    /// get_pageblock_migratetype()
    MigrateType pageblock_type(u64 pfn) const {
        return static_cast<MigrateType>(pageblocks_[pfn >> kPageblockOrder]);
    }
    /// Free blocks of `order`, those behind the frontier included; of one type, or of all.
    u64 free_blocks(unsigned order) const;
    u64 free_blocks(unsigned order, MigrateType type) const;
    /// Pageblocks of a type; one that is managed in part counts.
    u64 collect_pageblocks(MigrateType type) const;
    /// CHECKs the invariants: lists well formed and of their pageblock's type, no two free buddies at one
    /// order, sums equal. O(free blocks).
    void validate() const;

    void set_observer(Observer* observer) { observer_ = observer; }

  private:
    void push(Pfn pfn, unsigned order);
    void remove(Pfn pfn);
    bool advance_frontier();
    u64 frontier_blocks(unsigned order) const;
    void expose(u64 end);
    void expand(Pfn pfn, unsigned from, unsigned to);
    bool has_free(unsigned order, MigrateType type);
    PageIndex rmqueue_smallest(unsigned order, MigrateType type, unsigned& found);
    PageIndex rmqueue_fallback(unsigned order, MigrateType type, unsigned& found);
    struct Fallback {
        bool exists = false, can_steal = false;
        MigrateType type = MIGRATE_UNMOVABLE;
    };
    Fallback find_suitable_fallback(unsigned order, MigrateType type);
    PageIndex steal_suitable_fallback(Pfn pfn, unsigned current, unsigned order, MigrateType type, bool whole,
                                      unsigned& found);
    bool worth_moving(u64 start, u64 end, MigrateType from, MigrateType to) const;
    bool range_is_free(u64 first, u64 end) const;

    MemMap& mem_map_;
    std::array<std::array<PageIndex, MIGRATE_PCPTYPES>, kMaxOrder + 1> head_{};
    std::array<std::array<u64, MIGRATE_PCPTYPES>, kMaxOrder + 1> count_{};
    std::vector<u8> pageblocks_;  ///< pageblock_flags: a MigrateType each
    u64 first_, end_;
    u64 frontier_;  ///< frames at and above it were never handed out
    u64 free_frames_;
    u64 allocated_ = 0, fallbacks_ = 0;
    bool grouping_;
    MigrateType frontier_type_;
    Observer* observer_ = nullptr;
};

/// How fragmented free memory is for a block of `order`, in thousandths. Linux: mm/vmstat.c.
/// fragmentation_index(): near 0 an allocation would fail for lack of memory, near 1000 for fragmentation;
/// -1000 it would not fail.
int fragmentation_index(const Buddy& buddy, unsigned order);
/// unusable_free_index(): the share of free memory that is in smaller blocks.
int unusable_free_index(const Buddy& buddy, unsigned order);

}  // namespace kernel
