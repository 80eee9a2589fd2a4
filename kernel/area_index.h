// Which areas cover a page index, for reverse mapping (rmap.h): of all areas of all address spaces but
// anonymous memory that lies at its own index. Linux: the interval trees of mm/interval_tree.c. Deviation:
// one sorted array for all files, made anew when reclaim needs it and an area has changed since.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "kernel/vma.h"

namespace kernel {

struct MmStruct;

class AreaIndex {
  public:
    /// Makes it anew, unless it is of this generation (MemorySystem::area_generation).
    void refresh(std::span<MmStruct* const> mms, u64 generation);

    /// visit(mm, vma) for each area that covers `index`, until it returns false. No area may change
    /// meanwhile.
    template <class Visit>
    void for_each(u64 index, Visit&& visit) const {
        auto at = std::upper_bound(entries_.begin(), entries_.end(), index,
                                   [](u64 i, const Entry& entry) { return i < entry.first; });
        while (at != entries_.begin() && std::prev(at)->max_end > index) {
            --at;
            if (index - at->first < at->vma->pages() && !visit(*at->mm, *at->vma)) return;
        }
    }

  private:
    struct Entry {
        u64 first;    ///< vm_pgoff
        u64 max_end;  ///< of this area and all before it
        MmStruct* mm;
        VmAreaStruct* vma;
    };
    std::vector<Entry> entries_;
    u64 generation_ = ~u64{0};
};

}  // namespace kernel
