// The page walk, the only one: 4 or 5 levels, 4 KiB, 2 MiB and 1 GiB leaves. SDM Vol. 3A 4.5
// (structures), 4.6 (rights), 4.7 (faults), 4.8 (A and D). Its effects are optional, so a debugger walks the
// same way. It must not know of TLBs.
#pragma once

#include <array>

#include "mmu/access_rights.h"
#include "mmu/arch/pte.h"
#include "mmu/physical_memory.h"

namespace mmu {

/// Where a walk begins: at CR3, or further down with what a paging-structure cache remembers.
struct WalkStart {
    unsigned level = 0;  ///< of the first table read: 1 = page table ... 5 = PML5
    PhysAddr table{};
    Rights rights{};  ///< granted by the levels above
};

/// One paging-structure entry as the walk read it.
struct WalkedEntry {
    PhysAddr where{};
    Pte value{};
};

enum class WalkEnd : u8 { kTranslated, kNotPresent, kReserved, kDenied };

/// All that a walk found.
struct Walk {
    WalkEnd end = WalkEnd::kTranslated;
    u8 start_level = 0;
    u8 entries_read = 0;
    u8 accessed_set = 0;     ///< how many A bits this walk set
    bool dirty_set = false;  ///< whether it set the leaf's D bit
    bool global = false;     ///< the leaf's G, with CR4.PGE
    PageSize size = PageSize::k4K;
    Rights inherited{};  ///< granted by the levels above the start
    Rights rights{};     ///< of all levels together
    u32 error_code = 0;  ///< of the #PF, unless end is kTranslated
    Pte leaf{};          ///< as it is in memory after the walk; the entry at which it ended if it faulted
    PhysAddr page{};     ///< base of the page; meaningful when a leaf was reached (kTranslated, kDenied)
    // Only the first entries_read are written: zeroing the rest costs as much as reading an entry.
    std::array<u64, 5> where;
    std::array<u64, 5> raw;

    /// Entry 0 is of start_level, each next one of the level below; index < entries_read.
    WalkedEntry entry(unsigned index) const { return {PhysAddr{where[index]}, Pte{raw[index]}}; }
    bool translated() const { return end == WalkEnd::kTranslated; }
    unsigned level_of(unsigned index) const { return start_level - index; }
    PhysAddr physical(VirtAddr address) const { return page + address.page_offset(size); }
};

/// Whether a walk leaves marks in the tables.
enum class WalkEffects : u8 { kNone, kAccessedAndDirty };

class PageWalker {
  public:
    PageWalker(PhysicalMemory& memory, const PagingFeatures& features);

    /// Where a walk begins that no paging-structure cache helps.
    static WalkStart root_of(const ControlRegisters& control) {
        return {control.levels(), control.root(), Rights{}};
    }

    /// Walks for one access to a canonical `address`, with paging on. A is set in each entry above the leaf
    /// as it is used, A (and D, for a write) in the leaf only when the access is allowed.
    Walk walk(const ControlRegisters& control, VirtAddr address, Access access, Privilege privilege,
              const WalkStart& start, WalkEffects effects) const;

  private:
    void finish_leaf(Walk& walk, PhysAddr where, const ControlRegisters& control, Access access,
                     Privilege privilege, WalkEffects effects) const;

    PhysicalMemory& memory_;
    /// Bits that must be 0, by level (0 unused) and whether the entry is a large leaf; XD with NXE=0 comes on
    /// top.
    std::array<std::array<u64, 2>, 6> reserved_{};
};

}  // namespace mmu
