// Addresses and page numbers as types, so that a virtual one is never taken for a physical one.
// SDM Vol. 3A 4.2 (paging-structure hierarchy), Vol. 1 3.3.7.1 (canonical addresses).
#pragma once

#include <compare>

#include "mmu/base/bits.h"

namespace mmu {

inline constexpr unsigned kPageShift = 12;
inline constexpr u64 kPageSize = u64{1} << kPageShift;
inline constexpr u64 kPageOffsetMask = kPageSize - 1;

/// The three translation sizes; the value is the number of offset bits.
enum class PageSize : u8 { k4K = 12, k2M = 21, k1G = 30 };
inline constexpr PageSize kPageSizes[] = {PageSize::k4K, PageSize::k2M, PageSize::k1G};

constexpr unsigned shift_of(PageSize size) { return static_cast<unsigned>(size); }
constexpr u64 bytes_of(PageSize size) { return u64{1} << shift_of(size); }
/// 0, 1, 2 for 4 KiB, 2 MiB, 1 GiB: the index into per-size arrays.
constexpr unsigned index_of(PageSize size) { return (shift_of(size) >> 3) - 1; }
constexpr const char* name_of(PageSize size) {
    return size == PageSize::k4K ? "4K" : size == PageSize::k2M ? "2M" : "1G";
}

struct PhysAddr;

/// A linear (virtual) address.
struct VirtAddr {
    u64 value = 0;

    constexpr VirtAddr() = default;
    constexpr explicit VirtAddr(u64 v) : value(v) {}

    constexpr u64 page_number(PageSize size = PageSize::k4K) const { return value >> shift_of(size); }
    constexpr u64 page_offset(PageSize size = PageSize::k4K) const { return value & (bytes_of(size) - 1); }
    constexpr VirtAddr page_base(PageSize size = PageSize::k4K) const {
        return VirtAddr{align_down(value, bytes_of(size))};
    }
    /// Index into the paging structure of `level` (1 = page table ... 5 = PML5).
    constexpr unsigned table_index(unsigned level) const { return (value >> (12 + 9 * (level - 1))) & 511; }
    /// Bits 63:(width-1) are all equal. `width` is 48, or 57 with CR4.LA57.
    constexpr bool is_canonical(unsigned width) const {
        return static_cast<i64>(value << (64 - width)) >> (64 - width) == static_cast<i64>(value);
    }

    constexpr VirtAddr operator+(u64 n) const { return VirtAddr{value + n}; }
    constexpr VirtAddr operator-(u64 n) const { return VirtAddr{value - n}; }
    constexpr u64 operator-(VirtAddr other) const { return value - other.value; }
    friend constexpr auto operator<=>(VirtAddr, VirtAddr) = default;
};

/// Number of a 4 KiB frame of guest-physical memory.
struct Pfn {
    u64 value = 0;

    constexpr Pfn() = default;
    constexpr explicit Pfn(u64 v) : value(v) {}
    constexpr PhysAddr address() const;
    constexpr Pfn operator+(u64 n) const { return Pfn{value + n}; }
    friend constexpr auto operator<=>(Pfn, Pfn) = default;
};

/// A guest-physical address.
struct PhysAddr {
    u64 value = 0;

    constexpr PhysAddr() = default;
    constexpr explicit PhysAddr(u64 v) : value(v) {}
    constexpr Pfn pfn() const { return Pfn{value >> kPageShift}; }
    constexpr u64 page_offset() const { return value & kPageOffsetMask; }
    constexpr PhysAddr operator+(u64 n) const { return PhysAddr{value + n}; }
    friend constexpr auto operator<=>(PhysAddr, PhysAddr) = default;
};

constexpr PhysAddr Pfn::address() const { return PhysAddr{value << kPageShift}; }

}  // namespace mmu
