// Purpose: splitting and joining of free blocks. See buddy.h. Linux: mm/page_alloc.c.
#include "kernel/buddy.h"

#include <algorithm>
#include <bit>

#include "kernel/observer.h"
#include "mmu/base/check.h"

namespace kernel {

Buddy::Buddy(MemMap& mem_map, Pfn first)
    : mem_map_(mem_map),
      first_(first.value),
      end_(mem_map.frames()),
      frontier_(first.value),
      free_frames_(end_ - first_) {
    CHECK(first_ > 0 && first_ <= end_, first_, end_);
}

void Buddy::push(Pfn pfn, unsigned order) {
    Page& page = mem_map_[pfn];
    page.flags = Page::kBuddy;
    page.order = static_cast<u8>(order);
    page.prev = 0;
    page.next = head_[order];
    if (page.next) mem_map_.at_index(page.next).prev = static_cast<PageIndex>(pfn.value);
    head_[order] = static_cast<PageIndex>(pfn.value);
    ++count_[order];
}

void Buddy::remove(Pfn pfn) {
    Page& page = mem_map_[pfn];
    const unsigned order = page.order;
    if (page.next) mem_map_.at_index(page.next).prev = page.prev;
    (page.prev ? mem_map_.at_index(page.prev).next : head_[order]) = page.next;
    page.flags = 0;
    page.next = page.prev = 0;
    --count_[order];
}

/// The order of the block that begins at the frontier: as large as alignment and the end of RAM let it be.
unsigned Buddy::frontier_order() const {
    const unsigned aligned = static_cast<unsigned>(std::countr_zero(frontier_));
    const unsigned room = static_cast<unsigned>(std::bit_width(end_ - frontier_)) - 1;
    return std::min({aligned, room, kMaxOrder});
}

/// Puts the first block of never used RAM on its list. False: there is none left.
bool Buddy::advance_frontier() {
    if (frontier_ == end_) return false;
    const unsigned order = frontier_order();
    push(Pfn{frontier_}, order);
    frontier_ += u64{1} << order;
    return true;
}

std::optional<Pfn> Buddy::alloc_pages(unsigned order) {
    CHECK(order <= kMaxOrder, order);
    unsigned current = order;
    while (head_[current] == 0) {
        if (current++ < kMaxOrder) continue;
        if (!advance_frontier()) return std::nullopt;
        current = order;
    }
    const Pfn pfn{head_[current]};
    remove(pfn);
    const unsigned splits = current - order;
    while (current > order) {  // expand(): keep the lower half, the upper one is free
        --current;
        push(pfn + (u64{1} << current), current);
    }
    mem_map_[pfn].refcount = 1;
    free_frames_ -= u64{1} << order;
    allocated_ += u64{1} << order;
    if (observer_) [[unlikely]]
        observer_->on_event({.kind = EventKind::kPageAlloc,
                             .order = static_cast<u8>(order),
                             .pfn = pfn.value,
                             .after = splits});
    return pfn;
}

void Buddy::free_pages(Pfn pfn, unsigned order) {
    CHECK(pfn.value >= first_ && pfn.value < frontier_ && !mem_map_[pfn].is(Page::kBuddy), pfn.value, order);
    mem_map_[pfn] = Page{};
    free_frames_ += u64{1} << order;
    const u64 freed = pfn.value;
    u64 block = pfn.value;
    unsigned current = order;
    while (current < kMaxOrder) {
        const u64 buddy = block ^ (u64{1} << current);
        if (buddy < first_ || buddy >= frontier_) break;
        const Page& page = mem_map_[Pfn{buddy}];
        if (!page.is(Page::kBuddy) || page.order != current) break;
        remove(Pfn{buddy});
        block &= buddy;
        ++current;
    }
    push(Pfn{block}, current);
    if (observer_) [[unlikely]]
        observer_->on_event({.kind = EventKind::kPageFree,
                             .order = static_cast<u8>(order),
                             .pfn = freed,
                             .after = current - order});
}

u64 Buddy::free_blocks(unsigned order) const {
    Buddy rest = *this;  // a copy of the counters; its frontier is walked, its lists are not touched
    u64 blocks = count_[order];
    while (rest.frontier_ < end_) {
        const unsigned next = rest.frontier_order();
        if (next == kMaxOrder) {
            const u64 whole = (end_ - rest.frontier_) >> kMaxOrder;
            blocks += order == kMaxOrder ? whole : 0;
            rest.frontier_ += whole << kMaxOrder;
            continue;
        }
        blocks += next == order;
        rest.frontier_ += u64{1} << next;
    }
    return blocks;
}

void Buddy::validate() const {
    u64 total = end_ - frontier_;
    for (unsigned order = 0; order <= kMaxOrder; ++order) {
        u64 blocks = 0;
        PageIndex previous = 0;
        for (PageIndex i = head_[order]; i; i = mem_map_.at_index(i).next) {
            const Page& page = mem_map_.at_index(i);
            CHECK(page.is(Page::kBuddy) && page.order == order && page.prev == previous, i, order);
            CHECK(page.refcount == 0 && page.mapcount == 0, i, page.refcount);
            CHECK(i % (u64{1} << order) == 0 && i >= first_ && i + (u64{1} << order) <= frontier_, i, order);
            const u64 buddy = i ^ (u64{1} << order);
            if (order < kMaxOrder && buddy >= first_ && buddy < frontier_) {
                const Page& other = mem_map_[Pfn{buddy}];
                CHECK(!(other.is(Page::kBuddy) && other.order == order), i, buddy, order);
            }
            previous = i;
            ++blocks;
        }
        CHECK(blocks == count_[order], order, blocks);
        total += blocks << order;
    }
    CHECK(total == free_frames_, total, free_frames_);
}

}  // namespace kernel
