// A paging-structure entry of any level, with the bits by name. SDM Vol. 3A 4.5, tables 4-14 to 4-20:
//
//   63  62:59  58:52    51:M   M-1:12   11:9    8  7       6  5  4    3    2    1    0
//   XD  PKEY   ignored  rsvd   address  ignored G  PS/PAT  D  A  PCD  PWT  U/S  R/W  P
//
// PKEY, G, D and PAT mean something in a leaf only; bit 7 is PS above the page table and PAT in a PTE; a 2 MiB or
// 1 GiB leaf has its PAT in bit 12 and reserves the address bits below its size.
#pragma once

#include "mmu/arch/addr.h"

namespace mmu {

struct Pte {
    u64 raw = 0;

    static constexpr u64 kPresent = bit(0), kWritable = bit(1), kUser = bit(2), kWriteThrough = bit(3),
                         kCacheDisable = bit(4), kAccessed = bit(5), kDirty = bit(6), kLarge = bit(7),
                         kGlobal = bit(8), kSpecial = bit(9), kNoExecute = bit(63);
    static constexpr u64 kAddressMask = mask(51, 12);

    constexpr Pte() = default;
    constexpr explicit Pte(u64 word) : raw(word) {}
    constexpr Pte(Pfn frame, u64 flags) : raw((frame.value << kPageShift) | flags) {}

    constexpr bool present() const { return raw & kPresent; }
    constexpr bool writable() const { return raw & kWritable; }
    constexpr bool user() const { return raw & kUser; }
    constexpr bool accessed() const { return raw & kAccessed; }
    constexpr bool dirty() const { return raw & kDirty; }
    constexpr bool large() const { return raw & kLarge; }
    constexpr bool global() const { return raw & kGlobal; }
    constexpr bool special() const { return raw & kSpecial; }  ///< software bit 9, as in Linux: no struct page
    constexpr bool no_execute() const { return raw & kNoExecute; }
    constexpr unsigned pkey() const { return static_cast<unsigned>(field(raw, 62, 59)); }

    /// Where the next table, or a 4 KiB page, is.
    constexpr PhysAddr address() const { return PhysAddr{raw & kAddressMask}; }
    constexpr PhysAddr address(PageSize size) const {
        return PhysAddr{align_down(raw & kAddressMask, bytes_of(size))};
    }
    constexpr Pfn pfn() const { return address().pfn(); }

    constexpr Pte with(u64 flags) const { return Pte{raw | flags}; }
    constexpr Pte without(u64 flags) const { return Pte{raw & ~flags}; }

    friend constexpr bool operator==(Pte, Pte) = default;
};

}  // namespace mmu
