// The ways of the TLBs that a reference is compared with, as they are before it: copied, so that they can be
// told afterwards. Looking changes nothing.
#pragma once

#include <string>
#include <vector>

#include "mmu/access_rights.h"
#include "mmu/tlb_hierarchy.h"

namespace emu {

class TlbWays {
  public:
    /// Copies the sets that a reference to `address` is compared with, both levels.
    void look(const mmu::TlbHierarchy& tlb, mmu::Access access, mmu::VirtAddr address, mmu::u16 pcid);
    /// A line a set: its index, what each way holds, and the result. `levels`: 1 when the first one hit, else
    /// 2.
    std::vector<std::string> lines(unsigned levels) const;

  private:
    struct Set {
        unsigned level = 1;
        std::string array;
        mmu::PageSize size = mmu::PageSize::k4K;
        mmu::u32 set = 0, sets = 0, ways = 0;
        mmu::u64 page_number = 0;
        std::vector<mmu::TlbEntry> entries;  ///< the valid ones
    };
    using List = std::vector<mmu::TlbArrayConfig>;
    void look_in(const mmu::TlbHierarchy& tlb, const List& list, mmu::usize first, unsigned level,
                 mmu::VirtAddr address);

    std::vector<Set> sets_;
    mmu::u16 pcid_ = 0;
};

}  // namespace emu
