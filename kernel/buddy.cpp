// Purpose: splitting and joining of free blocks. See buddy.h. Linux: mm/page_alloc.c.
#include "kernel/buddy.h"

#include <algorithm>
#include <bit>

#include "kernel/observer.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

/// The order of the block that begins at `pfn`: as large as alignment and the end of RAM let it be.
unsigned order_at(u64 pfn, u64 end) {
    const unsigned aligned = static_cast<unsigned>(std::countr_zero(pfn));
    const unsigned room = static_cast<unsigned>(std::bit_width(end - pfn)) - 1;
    return std::min({aligned, room, kMaxOrder});
}

}  // namespace

Buddy::Buddy(MemMap& mem_map, Pfn first)
    : mem_map_(mem_map),
      first_(first.value),
      end_(mem_map.frames()),
      frontier_(first.value),
      free_frames_(end_ - first_),
      // build_all_zonelists(): fewer pageblocks than MIGRATE_TYPES (five here) are not worth parting.
      grouping_(end_ - first_ >= 5 * kPageblockNrPages),
      frontier_type_(grouping_ ? MIGRATE_MOVABLE : MIGRATE_UNMOVABLE) {
    CHECK(first_ > 0 && first_ <= end_, first_, end_);
    pageblocks_.assign((end_ + kPageblockNrPages - 1) >> kPageblockOrder, frontier_type_);
}

void Buddy::push(Pfn pfn, unsigned order) {
    const MigrateType type = pageblock_type(pfn.value);
    PageIndex& head = head_[order][type];
    Page& page = mem_map_[pfn];
    page.flags = Page::kBuddy;
    page.order = static_cast<u8>(order);
    page.prev = 0;
    page.next = head;
    if (page.next) mem_map_.at_index(page.next).prev = static_cast<PageIndex>(pfn.value);
    head = static_cast<PageIndex>(pfn.value);
    ++count_[order][type];
}

void Buddy::remove(Pfn pfn) {
    Page& page = mem_map_[pfn];
    const unsigned order = page.order;
    const MigrateType type = pageblock_type(pfn.value);
    if (page.next) mem_map_.at_index(page.next).prev = page.prev;
    (page.prev ? mem_map_.at_index(page.prev).next : head_[order][type]) = page.next;
    page.flags = 0;
    page.next = page.prev = 0;
    --count_[order][type];
}

/// Puts the first block of never used RAM on its list. False: there is none left.
bool Buddy::advance_frontier() {
    if (frontier_ == end_) return false;
    const unsigned order = order_at(frontier_, end_);
    push(Pfn{frontier_}, order);
    frontier_ += u64{1} << order;
    return true;
}

/// Puts all never used RAM below `end` on its lists.
void Buddy::expose(u64 end) {
    while (frontier_ < end && advance_frontier()) {
    }
}

/// expand(): of a block that is `from` the lower half stays, the upper ones are free.
void Buddy::expand(Pfn pfn, unsigned from, unsigned to) {
    while (from > to) {
        --from;
        push(pfn + (u64{1} << from), from);
    }
}

/// Is a block of exactly this order free? RAM behind the frontier counts.
bool Buddy::has_free(unsigned order, MigrateType type) {
    while (!head_[order][type] && type == frontier_type_ && advance_frontier()) {
    }
    return head_[order][type] != 0;
}

PageIndex Buddy::rmqueue_smallest(unsigned order, MigrateType type, unsigned& found) {
    unsigned current = order;
    while (head_[current][type] == 0) {
        if (current++ < kMaxOrder) continue;
        if (type != frontier_type_ || !advance_frontier()) return 0;
        current = order;
    }
    const Pfn pfn{head_[current][type]};
    remove(pfn);
    expand(pfn, current, order);
    found = current;
    return static_cast<PageIndex>(pfn.value);
}

namespace {

/// fallbacks[]: whom a type steals from, in this order.
constexpr MigrateType kFallbacks[MIGRATE_PCPTYPES][MIGRATE_PCPTYPES - 1] = {
    {MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE},    // of MIGRATE_UNMOVABLE
    {MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},  // of MIGRATE_MOVABLE
    {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE},      // of MIGRATE_RECLAIMABLE
};

/// can_steal_fallback(): may the rest of the pageblock be taken over, too? What is movable does less harm in
/// a foreign block than it has from being there.
bool can_steal_fallback(unsigned order, MigrateType type) {
    return order >= kPageblockOrder / 2 || type != MIGRATE_MOVABLE;
}

}  // namespace

Buddy::Fallback Buddy::find_suitable_fallback(unsigned order, MigrateType type) {
    for (const MigrateType other : kFallbacks[type])
        if (has_free(order, other)) return {true, can_steal_fallback(order, type), other};
    return {};
}

/// Is so much of the pageblock free, or in use by what `to` allows, that it had better be of that type?
bool Buddy::worth_moving(u64 start, u64 end, MigrateType from, MigrateType to) const {
    u64 free = 0, movable = 0;
    for (u64 pfn = start; pfn < end;) {
        const Page& page = mem_map_[Pfn{pfn}];
        if (page.is(Page::kBuddy)) {
            free += u64{1} << page.order;
            pfn += u64{1} << page.order;
            continue;
        }
        movable += page.is(Page::kLru);
        ++pfn;
    }
    u64 alike = 0;
    if (to == MIGRATE_MOVABLE)
        alike = movable;
    else if (from == MIGRATE_MOVABLE)
        alike = kPageblockNrPages - (free + movable);
    return free + alike >= kPageblockNrPages / 2;
}

PageIndex Buddy::steal_suitable_fallback(Pfn pfn, unsigned current, unsigned order, MigrateType type,
                                         bool whole, unsigned& found) {
    const MigrateType from = pageblock_type(pfn.value);
    found = current;
    if (current >= kPageblockOrder) {  // change_pageblock_range()
        remove(pfn);
        for (u64 i = 0; i < u64{1} << current; i += kPageblockNrPages)
            pageblocks_[(pfn.value + i) >> kPageblockOrder] = type;
        expand(pfn, current, order);
        return static_cast<PageIndex>(pfn.value);
    }
    const u64 block = pfn.value & ~(kPageblockNrPages - 1);
    const u64 start = std::max(block, first_), end = std::min(block + kPageblockNrPages, end_);
    if (whole) expose(end);
    if (whole && worth_moving(start, end, from, type)) {  // __move_freepages_block()
        std::vector<std::pair<Pfn, unsigned>> moved;
        for (u64 at = start; at < end;) {
            const Page& page = mem_map_[Pfn{at}];
            if (!page.is(Page::kBuddy)) {
                ++at;
                continue;
            }
            moved.emplace_back(Pfn{at}, page.order);
            at += u64{1} << page.order;
        }
        for (const auto& [free, free_order] : moved) remove(free);
        pageblocks_[block >> kPageblockOrder] = type;
        for (const auto& [free, free_order] : moved) push(free, free_order);
        const PageIndex taken = rmqueue_smallest(order, type, found);
        CHECK(taken, pfn.value, order);
        return taken;
    }
    remove(pfn);
    expand(pfn, current, order);
    return static_cast<PageIndex>(pfn.value);
}

/// __rmqueue_fallback(): the largest block of another type, so that much comes over at once; what is movable
/// and may not take the rest of the block takes the smallest that fits.
PageIndex Buddy::rmqueue_fallback(unsigned order, MigrateType type, unsigned& found) {
    Fallback fallback;
    unsigned current = kMaxOrder + 1;
    while (!fallback.exists) {
        if (current-- == order) return 0;
        fallback = find_suitable_fallback(current, type);
    }
    if (!fallback.can_steal && type == MIGRATE_MOVABLE && current > order) {
        fallback = {};
        for (current = order; !fallback.exists; ++current) fallback = find_suitable_fallback(current, type);
        --current;
    }
    ++fallbacks_;
    return steal_suitable_fallback(Pfn{head_[current][fallback.type]}, current, order, type,
                                   fallback.can_steal, found);
}

PageIndex Buddy::rmqueue(unsigned order, MigrateType type) {
    CHECK(order <= kMaxOrder && type < MIGRATE_PCPTYPES, order, static_cast<u64>(type));
    if (!grouping_) type = MIGRATE_UNMOVABLE;
    unsigned found = order;
    PageIndex taken = rmqueue_smallest(order, type, found);
    if (!taken && grouping_) [[unlikely]]
        taken = rmqueue_fallback(order, type, found);
    if (!taken) return 0;
    Page& page = mem_map_.at_index(taken);
    page.refcount = 1;
    page.order = static_cast<u8>(order);
    free_frames_ -= u64{1} << order;
    allocated_ += u64{1} << order;
    if (observer_) [[unlikely]]
        observer_->on_event({.kind = EventKind::kPageAlloc,
                             .order = static_cast<u8>(order),
                             .pfn = taken,
                             .after = found - order});
    return taken;
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
        if (current >= kPageblockOrder)  // joined pageblocks are of the type of what was freed
            pageblocks_[buddy >> kPageblockOrder] = pageblocks_[block >> kPageblockOrder];
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

/// Blocks of an order that the RAM behind the frontier will be cut into.
u64 Buddy::frontier_blocks(unsigned order) const {
    u64 blocks = 0;
    for (u64 at = frontier_; at < end_;) {
        const unsigned next = order_at(at, end_);
        const u64 same = next == kMaxOrder ? (end_ - at) >> kMaxOrder : 1;
        blocks += next == order ? same : 0;
        at += same << next;
    }
    return blocks;
}

u64 Buddy::free_blocks(unsigned order, MigrateType type) const {
    return count_[order][type] + (type == frontier_type_ ? frontier_blocks(order) : 0);
}

u64 Buddy::free_blocks(unsigned order) const {
    u64 blocks = frontier_blocks(order);
    for (const u64 count : count_[order]) blocks += count;
    return blocks;
}

u64 Buddy::collect_pageblocks(MigrateType type) const {
    const auto from = pageblocks_.begin() + static_cast<long>(first_ >> kPageblockOrder);
    return static_cast<u64>(std::count(from, pageblocks_.end(), type));
}

void Buddy::validate() const {
    u64 total = end_ - frontier_;
    for (unsigned order = 0; order <= kMaxOrder; ++order) {
        for (unsigned type = 0; type < MIGRATE_PCPTYPES; ++type) {
            u64 blocks = 0;
            PageIndex previous = 0;
            for (PageIndex i = head_[order][type]; i; i = mem_map_.at_index(i).next) {
                const Page& page = mem_map_.at_index(i);
                const u64 last = i + (u64{1} << order) - 1;
                CHECK(page.is(Page::kBuddy) && page.order == order && page.prev == previous, i, order);
                CHECK(page.refcount == 0 && page.mapcount == 0, i, page.refcount);
                CHECK(i % (u64{1} << order) == 0 && i >= first_ && last < frontier_, i, order);
                CHECK(pageblock_type(i) == type && pageblock_type(last) == type, i, order, type);
                const u64 buddy = i ^ (u64{1} << order);
                if (order < kMaxOrder && buddy >= first_ && buddy < frontier_) {
                    const Page& other = mem_map_[Pfn{buddy}];
                    CHECK(!(other.is(Page::kBuddy) && other.order == order), i, buddy, order);
                }
                previous = i;
                ++blocks;
            }
            CHECK(blocks == count_[order][type], order, type, blocks);
            total += blocks << order;
        }
    }
    CHECK(total == free_frames_, total, free_frames_);
}

namespace {

/// contig_page_info
struct ContigPageInfo {
    u64 free_pages = 0, free_blocks_total = 0, free_blocks_suitable = 0;
};

ContigPageInfo fill_contig_page_info(const Buddy& buddy, unsigned suitable_order) {
    ContigPageInfo info;
    for (unsigned order = 0; order <= kMaxOrder; ++order) {
        const u64 blocks = buddy.free_blocks(order);
        info.free_blocks_total += blocks;
        info.free_pages += blocks << order;
        if (order >= suitable_order) info.free_blocks_suitable += blocks << (order - suitable_order);
    }
    return info;
}

}  // namespace

int fragmentation_index(const Buddy& buddy, unsigned order) {
    const ContigPageInfo info = fill_contig_page_info(buddy, order);
    if (!info.free_blocks_total) return 0;
    if (info.free_blocks_suitable) return -1000;
    const u64 wanted = info.free_pages * 1000 / (u64{1} << order);
    return 1000 - static_cast<int>((1000 + wanted) / info.free_blocks_total);
}

int unusable_free_index(const Buddy& buddy, unsigned order) {
    const ContigPageInfo info = fill_contig_page_info(buddy, order);
    if (!info.free_pages) return 1000;
    return static_cast<int>((info.free_pages - (info.free_blocks_suitable << order)) * 1000 /
                            info.free_pages);
}

}  // namespace kernel
