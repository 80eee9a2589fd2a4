// Purpose: blocks larger than the largest order: frames in a row that happen to be free. Linux:
// mm/page_alloc.c alloc_contig_pages(). Deviation: nothing is migrated out of the way.
#include <algorithm>

#include "kernel/buddy.h"
#include "mmu/base/check.h"

namespace kernel {

bool Buddy::range_is_free(u64 first, u64 end) const {
    for (u64 pfn = first; pfn < std::min(end, frontier_);) {
        const Page& page = mem_map_[Pfn{pfn}];
        if (!page.is(Page::kBuddy)) return false;
        pfn += u64{1} << page.order;
    }
    return true;
}

std::optional<Pfn> Buddy::alloc_contig_pages(unsigned order) {
    CHECK(order > kMaxOrder && order < 32, order);
    const u64 pages = u64{1} << order;
    for (u64 end = end_ / pages * pages; end >= first_ + pages; end -= pages) {
        const u64 first = end - pages;
        if (!range_is_free(first, first + pages)) continue;
        expose(first + pages);
        // Free blocks are as large as they can be: those of an aligned range are all of the largest order.
        for (u64 pfn = first; pfn < first + pages; pfn += u64{1} << kMaxOrder) {
            CHECK(mem_map_[Pfn{pfn}].order == kMaxOrder, pfn);
            remove(Pfn{pfn});
        }
        mem_map_[Pfn{first}].refcount = 1;
        free_frames_ -= pages;
        allocated_ += pages;
        return Pfn{first};
    }
    return std::nullopt;
}

}  // namespace kernel
